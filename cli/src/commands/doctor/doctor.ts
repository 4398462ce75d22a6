import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { CommandFailure, exitCodes } from '#failure.ts';
import { project } from '#project.ts';

interface DoctorFlags {
  readonly config?: string;
  readonly call?: boolean;
  /** False: `--no-wait`. */
  readonly wait: string | boolean;
  readonly json?: boolean;
}

/** The gateway itself looks, so that what is looked at is what it will use; in the image it does so without this command. */
async function run(args: readonly string[], context: Context): Promise<number | null> {
  const child = spawn(process.execPath, [project.doctorMain, ...args], {
    env: {
      ...context.environment,
      // The demo configuration leads to the twin of `tollgate start`.
      TOLLGATE_TWIN_PORT: String(context.settings.twinPort),
      TOLLGATE_TWIN_KEY: context.settings.twinKey,
      NODE_COMPILE_CACHE: project.compileCache,
      // Its output is a pipe to here: it cannot find out itself. Empty: a file or a program reads it.
      COLUMNS: context.out.columns === undefined ? '' : String(context.out.columns),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.setEncoding('utf8').on('data', (text: string) => context.out.write(text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => context.err.write(text));
  return await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
}

/** Undefined: App Configuration holds it, and no file is named beside it. */
function fileFor({ config }: DoctorFlags, { settings, environment }: Context): string | undefined {
  const named = config === undefined ? settings.configFile : path.resolve(config);
  const file = named ?? ((environment['TOLLGATE_APP_CONFIGURATION'] ?? '') === '' ? project.demoConfig : undefined);
  if (file !== undefined && !existsSync(file))
    throw new CommandFailure(`There is no file ${file}.`, { exitCode: exitCodes.usage });
  return file;
}

export function addDoctor(parent: Command, context: Context): void {
  const command = parent
    .command('doctor')
    .description(
      'Look at everything that a gateway needs, as it does: tokens, endpoints, stores, clocks; what to do about each.',
    )
    .option('--config <file>', 'the configuration (default: $TOLLGATE_CONFIG, else examples/demo.yaml)')
    .option('--call', 'make one small call to every deployment too: some 20 tokens each, which no ledger has')
    .option('--wait <minutes>', 'how long the row that it writes to Log Analytics is waited for', '10')
    .option('--no-wait', 'do not wait for it')
    .option('--json', 'findings as JSON')
    .action(async (flags: DoctorFlags) => {
      const { settings } = context;
      const file = fileFor(flags, context);
      const code = await run(
        [
          ...(file === undefined ? [] : ['--config', file]),
          '--data',
          settings.dataFolder,
          ...(flags.call === true ? ['--call'] : []),
          ...(typeof flags.wait === 'string' ? ['--wait', flags.wait] : ['--no-wait']),
          ...(flags.json === true ? ['--json'] : []),
        ],
        context,
      );
      context.exitCode = code ?? exitCodes.failed;
    });
  withExamples(command, [
    { line: 'doctor', says: 'the demo configuration: with its twin running, nothing fails' },
    { line: 'doctor --config tollgate.yaml --no-wait', says: 'exit status 1 where something failed' },
    { line: 'doctor --json', says: 'for scripts: { ok, findings: [{ check, outcome, detail, fix }] }' },
  ]);
  command.addHelpText(
    'after',
    '\nIn the image: node gateway/src/doctor.ts, with the same options. It writes one row to Log Analytics, whose Outcome is doctor.',
  );
}
