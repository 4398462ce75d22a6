import type { Command } from 'commander';
import { priceListSchema, type PriceRow } from '@tollgate/contract/admin-api/operations.ts';
import { adminClient } from '#admin/client.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { formatOf, withFormat, type FormatOptions } from '#output/format.ts';
import { usdFromNano } from '#output/money.ts';
import { listing, type Column } from '#output/table.ts';

interface ListOptions extends FormatOptions {
  readonly model?: string;
}

const columns: readonly Column<PriceRow>[] = [
  {
    title: 'model',
    name: 'model',
    value: (row) => (row.modelVersion === null ? row.model : `${row.model} ${row.modelVersion}`),
  },
  { title: 'deployment type', name: 'deploymentType', value: (row) => row.deploymentType },
  { title: 'region', name: 'region', value: (row) => row.region, text: (row) => row.region ?? 'any' },
  { title: 'tier', name: 'serviceTier', value: (row) => row.serviceTier, text: (row) => row.serviceTier ?? 'any' },
  { title: 'mode', name: 'mode', value: (row) => row.mode },
  {
    title: 'input from',
    name: 'minInputTokens',
    align: 'right',
    value: (row) => row.minInputTokens,
    text: (row) => (row.minInputTokens === null ? '' : String(row.minInputTokens)),
  },
  { title: 'meter', name: 'meter', value: (row) => row.meter },
  {
    title: 'USD per million',
    name: 'nanoUsdPerMillion',
    align: 'right',
    value: (row) => row.nanoUsdPerMillion,
    text: (row) => usdFromNano(row.nanoUsdPerMillion),
  },
  { title: 'layer', name: 'layer', value: (row) => row.layer },
  { title: 'from', name: 'effectiveFrom', value: (row) => row.effectiveFrom },
  { title: 'to', name: 'effectiveTo', value: (row) => row.effectiveTo, text: (row) => row.effectiveTo ?? '' },
  { title: 'source', name: 'source', value: (row) => row.source },
];

const forPeople = columns.filter((column) => column.name !== 'source');

export function addPricesList(parent: Command, context: Context): void {
  const command = parent
    .command('list')
    .description('List the price book in force. What is not in it is unpriced, never free.')
    .option('--model <name>', 'only this model')
    .action(async (options: ListOptions) => {
      const { value, raw } = await adminClient(context.settings).ask({ path: 'prices', schema: priceListSchema });
      const format = formatOf(options);
      const rows = value.prices.filter((row) => options.model === undefined || row.model === options.model);
      const json = options.model === undefined ? raw : { ...value, prices: rows };
      if (format === 'table') context.out.write(`Price book ${value.priceBook}\n\n`);
      context.out.write(
        listing(context.out, {
          format,
          json,
          rows,
          columns: format === 'csv' ? columns : forPeople,
          empty: options.model === undefined ? 'The price book is empty.' : `${options.model} has no price.`,
        }),
      );
    });
  withExamples(withFormat(command), [
    { line: 'prices list --model gpt-5.4-mini', says: 'per deployment type' },
    { line: 'prices list --format csv', says: 'with the source of each price' },
  ]);
}
