import type { Command } from 'commander';
import { invocation, withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { runLedgerWork } from './work.ts';

export function addLedgerReship(parent: Command, context: Context): void {
  const command = parent
    .command('reship')
    .description(
      'Ship the whole journal to the store once more: what the store lacks is added, what it has stays as it is.',
    )
    .action(async () => {
      await runLedgerWork(context, { kind: 'reship' }, 'Shipping the journal again:');
      context.out.write(`The whole journal has been shipped again. See what came of it: ${invocation} ledger verify\n`);
    });
  withExamples(command, [{ line: 'ledger reship', says: 'where verify finds entries missing in the store' }]);
}
