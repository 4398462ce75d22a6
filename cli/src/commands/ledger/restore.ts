import path from 'node:path';
import type { Command } from 'commander';
import { invocation, withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { prettyJson } from '#output/json.ts';
import { grouped } from '#output/money.ts';
import { checkFiles, putInPlace, readBackup, refuseTooSmall, refuseUsed } from './restore-files.ts';
import { Progress } from './work.ts';
import { sizeText } from '#output/size.ts';

interface RestoreOptions {
  readonly from: string;
  readonly data?: string;
  readonly json?: boolean;
}

async function restore(context: Context, options: RestoreOptions): Promise<void> {
  const from = path.resolve(options.from);
  const data = options.data === undefined ? context.settings.dataFolder : path.resolve(options.data);
  const backup = await readBackup(from);
  const bytes = backup.files.reduce((sum, file) => sum + file.bytes, 0);
  refuseUsed(data);
  refuseTooSmall(data, bytes);
  const counting = (what: string): ((count: number) => void) => {
    const progress = new Progress(context, what);
    let done = 0;
    return (count) => {
      done += count;
      progress.tell(done, bytes);
      if (done === bytes) progress.end();
    };
  };
  await checkFiles(from, backup, counting('Checking the backup:'));
  await putInPlace({ from, data }, backup, counting('Restoring:'));
  const { madeAt, store, files } = backup;
  if (options.json === true) {
    context.out.write(prettyJson({ data, madeAt, store, files: files.length, bytes }));
    return;
  }
  context.out.write(
    `Restored as of ${madeAt}: ${grouped(files.length)} files, ${sizeText(bytes)}, in ${data}\n` +
      (store === 'postgresql' ? 'The store is PostgreSQL: restore its own backup before the start.\n' : '') +
      `Calls that were under way then are recorded as gateway-lost by the start.\n` +
      `Start it with TOLLGATE_DATA=${data}, then: ${invocation} ledger verify\n`,
  );
}

export function addLedgerRestore(parent: Command, context: Context): void {
  const command = parent
    .command('restore')
    .description('Make a data folder from a backup. No gateway runs on it meanwhile.')
    .requiredOption('--from <folder>', 'the backup; every file is checked before anything is written')
    .option('--data <folder>', 'empty, or not there yet (default: $TOLLGATE_DATA, else .tollgate in the project)')
    .option('--json', 'for a program')
    .action(async (options: RestoreOptions) => {
      await restore(context, options);
    });
  withExamples(command, [
    { line: 'ledger restore --from /backups/tollgate-2026-11-23 --data /srv/tollgate', says: 'into a new folder' },
  ]);
  command.addHelpText(
    'after',
    '\nThe restored gateway takes the place of the one that was backed up: do not run both.',
  );
}
