import { enableCompileCache } from 'node:module';
import { readSettings, usage, UsageError, type Settings } from './settings.ts';

// Before the rest is loaded, so that the rest is cached: a start takes a third of the time.
enableCompileCache();
const { checkConfiguration, compose } = await import('./compose/gateway.ts');

function settingsOrExit(): Settings {
  try {
    const settings = readSettings(process.argv.slice(2), process.env);
    if (settings !== 'help') return settings;
    process.stdout.write(usage);
    return process.exit(0);
  } catch (thrown) {
    if (!(thrown instanceof UsageError)) throw thrown;
    process.stderr.write(`${thrown.message}\n\n${usage}`);
    return process.exit(2);
  }
}

const leave = (_signal: string, number: number): void => process.exit(128 + number);

async function main(): Promise<void> {
  const settings = settingsOrExit();
  if (settings.checkOnly) {
    const { ok, problems } = checkConfiguration(settings);
    process.stdout.write(problems.map((problem) => `${problem}\n`).join(''));
    process.exitCode = ok ? 0 : 1;
    return;
  }
  // Timers of the gateway keep no process alive; while it waits for what its configuration refers to, this one does.
  const starting = setInterval(() => undefined, 60_000);
  // The first process of a container gets no signal that it does not ask for: a start that waits would outlive the grace.
  process.on('SIGTERM', leave);
  process.on('SIGINT', leave);
  const started = await compose(settings).finally(() => clearInterval(starting));
  if (!started.ok) {
    process.stderr.write(`${started.problems.join('\n')}\n`);
    process.exitCode = 1;
    return;
  }
  const { gateway } = started;
  let stopping = false;
  const drain = (why: string, exitCode: number): void => {
    stopping = true;
    void gateway.drain(why).then(
      () => process.exit(exitCode),
      (thrown: unknown) => {
        process.stderr.write(`${String(thrown)}\n`);
        process.exit(1);
      },
    );
  };
  const stop = (signal: string): void => {
    // The second signal is an order: whoever sent it does not want to wait for the drain.
    if (stopping) process.exit(1);
    drain(signal, 0);
  };
  process.off('SIGTERM', leave).on('SIGTERM', stop);
  process.off('SIGINT', leave).on('SIGINT', stop);
  const why = await gateway.failed;
  // Alive, but good for nothing: a platform that looks at liveness alone would keep it for ever.
  if (!stopping) drain(why, 1);
}

await main();
