import type { Command } from 'commander';
import { writtenOffGatewaySchema, type WriteOffGateway } from '@tollgate/contract/admin-api/counters.ts';
import { adminClient } from '#admin/client.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { formatOf, withFormat, type FormatOptions } from '#output/format.ts';
import { listing } from '#output/table.ts';
import { accountColumns } from './accounts.ts';

interface Options extends FormatOptions {
  readonly reason: string;
}

export function addCountersWriteOff(parent: Command, context: Context): void {
  const command = parent
    .command('write-off')
    .description(
      'Give others what a gateway was granted that is gone for good. What its calls under way cost is then in no budget.',
    )
    .argument('<journal>', 'the id of its journal: counters list')
    .requiredOption('--reason <text>', 'why; it stands on the audit trail')
    .action(async (journal: string, options: Options) => {
      const body: WriteOffGateway = { journal, reason: options.reason };
      const { value, raw } = await adminClient(context.settings).ask({
        path: 'counters/write-off',
        schema: writtenOffGatewaySchema,
        method: 'POST',
        body,
      });
      context.out.write(
        listing(context.out, {
          format: formatOf(options),
          json: raw,
          rows: value.accounts,
          columns: accountColumns(),
          empty: 'Nothing was set aside for it.',
        }),
      );
    });
  withExamples(withFormat(command), [
    {
      line: 'counters write-off 01KAMZ6G00Q3V7B1N4T8XWY2ZC --reason "node 7 and its volume are gone"',
      says: 'its grants are for others',
    },
  ]);
}
