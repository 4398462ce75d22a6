import { CommanderError } from 'commander';
import type { Context } from './context.ts';
import { CommandFailure, exitCodes } from './failure.ts';
import { styled } from './output/style.ts';
import { buildProgram } from './program.ts';

/** What commander throws after it has printed what was asked for. */
const printed = new Set(['commander.helpDisplayed', 'commander.version']);

/** Runs one command; the exit status. Tells every failure in plain words, with a stack only under `--debug`. */
export async function run(args: readonly string[], context: Context): Promise<number> {
  try {
    await buildProgram(context).parseAsync([...args], { from: 'user' });
    return context.exitCode;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return printed.has(thrown.code) ? exitCodes.ok : exitCodes.usage;
    tell(context, thrown, args.includes('--debug'));
    return thrown instanceof CommandFailure ? thrown.exitCode : exitCodes.failed;
  }
}

function tell({ err }: Context, thrown: unknown, debug: boolean): void {
  const label = styled(err, 'red', 'error:');
  if (thrown instanceof CommandFailure) {
    err.write(`${label} ${thrown.message}\n${thrown.hints.map((hint) => `  ${hint}\n`).join('')}`);
  } else {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    err.write(`${label} this should not have happened: ${message}\n`);
    if (!debug) err.write('  With --debug the stack is shown too.\n');
  }
  if (!debug || !(thrown instanceof Error)) return;
  err.write(`${thrown.stack ?? ''}\n`);
  for (let { cause } = thrown; cause instanceof Error; { cause } = cause) err.write(`caused by: ${String(cause)}\n`);
}
