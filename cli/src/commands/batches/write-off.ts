import type { Command } from 'commander';
import { writtenOffBatchSchema, type WriteOffBatch } from '@tollgate/contract/admin-api/batches.ts';
import { adminClient } from '#admin/client.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { formatOf, withFormat, type FormatOptions } from '#output/format.ts';
import { decimalsFor, usdFromNano } from '#output/money.ts';
import { listing } from '#output/table.ts';

interface Options extends FormatOptions {
  readonly reason: string;
}

export function addBatchesWriteOff(parent: Command, context: Context): void {
  const command = parent
    .command('write-off')
    .description(
      'End a batch that can never be read: what is held for it is given back. What its lines used stays unknown, and is reported so.',
    )
    .argument('<attempt>', 'the attempt that began it: batches list')
    .requiredOption('--reason <text>', 'why; it stands in the ledger and on the audit trail')
    .action(async (attempt: string, options: Options) => {
      const body: WriteOffBatch = { attempt, reason: options.reason };
      const { value, raw } = await adminClient(context.settings).ask({
        path: 'batches/write-off',
        schema: writtenOffBatchSchema,
        method: 'POST',
        body,
      });
      const decimals = decimalsFor([value.heldNanoUsd]);
      context.out.write(
        listing(context.out, {
          format: formatOf(options),
          json: raw,
          rows: [value],
          columns: [
            { title: 'attempt', name: 'attempt', value: (one) => one.attempt },
            {
              title: 'given back, USD',
              name: 'heldNanoUsd',
              align: 'right',
              value: (one) => one.heldNanoUsd,
              text: (one) => usdFromNano(one.heldNanoUsd, decimals),
            },
          ],
          empty: '',
        }),
      );
    });
  withExamples(withFormat(command), [
    {
      line: 'batches write-off 01KAMZ6G00Q3V7B1N4T8XWY2ZC --reason "the resource was deleted"',
      says: 'it is looked at no more',
    },
  ]);
}
