import type { Command } from 'commander';
import { openBatchesSchema, type OpenBatch } from '@tollgate/contract/admin-api/batches.ts';
import { adminClient } from '#admin/client.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { ageText } from '#output/age.ts';
import { formatOf, withFormat, type FormatOptions } from '#output/format.ts';
import { decimalsFor, usdFromNano } from '#output/money.ts';
import { listing, type Column } from '#output/table.ts';

/** `now`: UTC ms. */
function columnsOf(batches: readonly OpenBatch[], now: number): readonly Column<OpenBatch>[] {
  const decimals = decimalsFor(batches.map((one) => one.reservedNanoUsd));
  const ageOf = (at: string): number => now - Date.parse(at);
  return [
    { title: 'attempt', name: 'id', value: (one) => one.id },
    { title: 'begun', name: 'at', value: (one) => one.at },
    {
      title: 'age',
      name: 'ageSeconds',
      align: 'right',
      value: (one) => Math.floor(ageOf(one.at) / 1000),
      text: (one) => ageText(ageOf(one.at)),
    },
    { title: 'consumer', name: 'consumer', value: (one) => one.consumer },
    { title: 'model', name: 'model', value: (one) => one.model },
    { title: 'endpoint', name: 'endpoint', value: (one) => one.endpoint },
    { title: 'status', name: 'status', value: (one) => one.status, text: (one) => one.status ?? 'not known' },
    {
      title: 'held, USD',
      name: 'reservedNanoUsd',
      align: 'right',
      value: (one) => one.reservedNanoUsd,
      text: (one) => (one.reservedNanoUsd === null ? 'nothing' : usdFromNano(one.reservedNanoUsd, decimals)),
    },
    {
      title: 'looked at',
      name: 'lookedAt',
      value: (one) => one.lookedAt,
      text: (one) => (one.lookedAt === null ? 'not from here' : `${ageText(ageOf(one.lookedAt))} ago`),
    },
    { title: 'problem', name: 'problem', value: (one) => one.problem, text: (one) => one.problem ?? '' },
  ];
}

export function addBatchesList(parent: Command, context: Context): void {
  const command = parent
    .command('list')
    .description('List batches that run, or are not metered yet: whose, where, what is held, and why not.')
    .action(async (options: FormatOptions) => {
      const { value, raw } = await adminClient(context.settings).ask({ path: 'batches', schema: openBatchesSchema });
      const { batches, follows } = value;
      context.out.write(
        listing(context.out, {
          format: formatOf(options),
          json: raw,
          rows: batches,
          columns: columnsOf(batches, context.clock.now()),
          empty: 'No batch is open: what every one used is in the ledger.',
        }),
      );
      if (!follows && batches.length > 0)
        context.err.write('note: another gateway follows these batches: ask it for their status\n');
    });
  withExamples(withFormat(command), [
    { line: 'batches list', says: 'before an endpoint is taken out of the configuration: what still runs there' },
    { line: 'batches list --json', says: 'with the ids at the resource, and the requests that began them' },
  ]);
}
