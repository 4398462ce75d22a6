import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Command } from 'commander';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { project } from '#project.ts';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Runs a program in the foreground as if it stood here: its streams, our signals, its exit status. */
async function become(script: string, args: readonly string[], context: Context): Promise<number> {
  const child = spawn(process.execPath, [script, ...args], {
    env: { ...context.environment, NODE_COMPILE_CACHE: project.compileCache },
    stdio: 'inherit',
  });
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal);
  for (const signal of signals) process.on(signal, pass);
  try {
    return await new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
    });
  } finally {
    for (const signal of signals) process.off(signal, pass);
  }
}

export function addTwin(parent: Command, context: Context): void {
  const command = parent
    .command('twin')
    .description('Run the offline twin of Azure OpenAI alone. Arguments are its own: twin --help lists them.')
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .passThroughOptions()
    .argument('[arguments...]', 'passed on as they are')
    .action(async (args: readonly string[]) => {
      context.exitCode = await become(project.twinMain, args, context);
    });
  withExamples(command, [
    { line: 'twin --help', says: "the twin's own options" },
    { line: 'twin --port 8090 --key my-key', says: 'no gateway, no Azure account' },
  ]);
}
