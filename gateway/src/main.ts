import { enableCompileCache } from 'node:module';
import { readSettings, usage, UsageError, type Settings } from './settings.ts';

// Before the rest is loaded, so that the rest is cached: a start takes a third of the time.
enableCompileCache();
const { compose } = await import('./compose.ts');

function settingsOrExit(): Settings {
  try {
    const settings = readSettings(process.argv.slice(2), process.env);
    if (settings !== 'help') return settings;
    process.stdout.write(usage);
    process.exit(0);
  } catch (thrown) {
    if (!(thrown instanceof UsageError)) throw thrown;
    process.stderr.write(`${thrown.message}\n\n${usage}`);
    process.exit(2);
  }
}

async function main(): Promise<void> {
  const started = await compose(settingsOrExit());
  if (!started.ok) {
    process.stderr.write(`${started.problems.join('\n')}\n`);
    process.exitCode = 1;
    return;
  }
  const { gateway } = started;
  let stopping = false;
  const stop = (signal: string): void => {
    // The second signal is an order: whoever sent it does not want to wait for the drain.
    if (stopping) process.exit(1);
    stopping = true;
    void gateway.drain(signal).then(
      () => process.exit(0),
      (thrown: unknown) => {
        process.stderr.write(`${String(thrown)}\n`);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

await main();
