import path from 'node:path';
import type { Command } from 'commander';
import { invocation, withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { CommandFailure } from '#failure.ts';
import { prettyJson } from '#output/json.ts';
import { grouped } from '#output/money.ts';
import { rawMember, runLedgerWork } from './work.ts';
import { sizeText } from '#output/size.ts';

interface BackupOptions {
  readonly to: string;
  readonly json?: boolean;
}

export function addLedgerBackup(parent: Command, context: Context): void {
  const command = parent
    .command('backup')
    .description('Copy the store and the journal of the running gateway, as they are at one moment, while it serves.')
    .requiredOption('--to <folder>', "on the gateway's machine; it must be empty, or not exist yet")
    .option('--json', 'as the gateway answers')
    .action(async ({ to, json }: BackupOptions) => {
      const folder = path.resolve(to);
      const { work, raw } = await runLedgerWork(context, { kind: 'backup', folder }, 'Backing up:');
      const { backup } = work;
      if (backup === null) throw new CommandFailure('The gateway has made a backup, and does not say of what.');
      if (json === true) {
        context.out.write(prettyJson(rawMember(raw, 'backup')));
        return;
      }
      const what = backup.storeCopied ? 'Store and journal' : 'The journal';
      context.out.write(
        `${what} as of ${backup.madeAt}: ${grouped(backup.files)} files, ${sizeText(backup.bytes)}, in ${backup.folder}\n`,
      );
      for (const note of backup.notes) context.out.write(`${note}\n`);
      context.out.write(`To use it: ${invocation} ledger restore --from ${backup.folder} --data FOLDER\n`);
    });
  withExamples(command, [
    { line: 'ledger backup --to /backups/tollgate-2026-11-23', says: 'a folder of its own for every backup' },
  ]);
  command.addHelpText(
    'after',
    '\nNot in it: the configuration file, and the secrets that it names. A PostgreSQL store is backed up by pg_dump.',
  );
}
