import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { CommandFailure, exitCodes } from '#failure.ts';
import { project } from '#project.ts';
import type { Environment } from '#settings.ts';

export interface Checked {
  readonly ok: boolean;
  /** What the gateway said: every problem, with its line and what to do. */
  readonly words: string;
}

/**
 * The gateway itself reads the file, so that what is checked is what will be loaded. `variables`: beside those of the
 * environment.
 */
export async function check(
  file: string,
  context: Context,
  variables: Readonly<Record<string, string>> = {},
): Promise<Checked> {
  return await asked(['--config', file], { environment: { ...context.environment, ...variables } });
}

/** The same for what a store would hold: `file` has it as the gateway's `--key-values` takes it. */
export async function checkKeyValues(
  file: string,
  given: { readonly configFile: string; readonly environment: Environment },
): Promise<Checked> {
  return await asked(['--config', given.configFile, '--key-values', file], given);
}

async function asked(
  args: readonly string[],
  { environment }: { readonly environment: Environment },
): Promise<Checked> {
  const child = spawn(process.execPath, [project.gatewayMain, ...args, '--check'], {
    env: { ...environment, NODE_COMPILE_CACHE: project.compileCache },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let words = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      words += text;
    });
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (code === 0 || code === 1) return { ok: code === 0, words };
  throw new CommandFailure(`The gateway could not check the file (status ${code ?? 'killed'}).`, {
    hints: words.trim().split('\n'),
  });
}

export function addConfigCheck(parent: Command, context: Context): void {
  const command = parent
    .command('check')
    .description('Check a configuration file without starting anything: every problem at once, with its line.')
    .argument('[file]', 'the file (default: $TOLLGATE_CONFIG, else examples/demo.yaml)')
    .action(async (given: string | undefined) => {
      const file = given === undefined ? (context.settings.configFile ?? project.demoConfig) : path.resolve(given);
      if (!existsSync(file)) throw new CommandFailure(`There is no file ${file}.`, { exitCode: exitCodes.usage });
      const { ok, words } = await check(file, context);
      context.err.write(words);
      if (!ok) context.exitCode = exitCodes.failed;
      else context.out.write(`${path.relative(process.cwd(), file)} is a valid configuration.\n`);
    });
  withExamples(command, [
    { line: 'config check', says: 'the one that `npm start` would use' },
    { line: 'config check tollgate.yaml', says: 'exit status 1 where it has problems' },
  ]);
}
