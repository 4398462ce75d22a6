import { Option, type Command } from 'commander';
import { priceListSchema, type PriceList, type PriceRow } from '@tollgate/contract/admin-api/operations.ts';
import { adminClient } from '#admin/client.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { formatOf, withFormat, type FormatOptions } from '#output/format.ts';
import { usdFromNano } from '#output/money.ts';
import { listing, table, type Column } from '#output/table.ts';
import { placeWords } from './place-words.ts';

interface ListOptions extends FormatOptions {
  readonly model?: string;
  readonly type?: string;
  readonly unpriced?: boolean;
  readonly all?: boolean;
}

const columns: readonly Column<PriceRow>[] = [
  {
    title: 'model',
    name: 'model',
    value: (row) => row.model,
    text: (row) => (row.modelVersion === null ? row.model : `${row.model} ${row.modelVersion}`),
  },
  { title: 'version', name: 'modelVersion', value: (row) => row.modelVersion },
  { title: 'deployment type', name: 'deploymentType', value: (row) => row.deploymentType },
  { title: 'region', name: 'region', value: (row) => row.region, text: (row) => placeWords(row.region) },
  { title: 'tier', name: 'serviceTier', value: (row) => row.serviceTier, text: (row) => row.serviceTier ?? 'default' },
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
  { title: 'from', name: 'effectiveFrom', value: (row) => row.effectiveFrom, text: (row) => day(row.effectiveFrom) },
  {
    title: 'to',
    name: 'effectiveTo',
    value: (row) => row.effectiveTo,
    text: (row) => (row.effectiveTo === null ? '' : day(row.effectiveTo)),
  },
  { title: 'source', name: 'source', value: (row) => row.source },
];

const day = (moment: string): string => moment.slice(0, 10);
const onlyForMachines: readonly string[] = ['modelVersion', 'mode', 'source'];
const forPeople = columns.filter((column) => !onlyForMachines.includes(column.name));

type NotPriced = PriceList['notPriced'][number];
const notPricedColumns: readonly Column<NotPriced>[] = [
  { title: 'model', name: 'model', value: (row) => row.model },
  { title: 'deployment type', name: 'type', value: (row) => row.type },
  { title: 'meters', name: 'meters', value: (row) => row.meters.join(', ') },
  { title: 'why there is no price', name: 'why', value: (row) => row.why },
];

type UnpricedEndpoint = PriceList['unpricedEndpoints'][number];
const endpointColumns: readonly Column<UnpricedEndpoint>[] = [
  { title: 'endpoint', name: 'endpoint', value: (row) => row.endpoint },
  { title: 'model', name: 'model', value: (row) => row.model },
  { title: 'deployment type', name: 'deploymentType', value: (row) => row.deploymentType },
  { title: 'region', name: 'region', value: (row) => row.region },
  { title: 'without a price', name: 'meters', value: (row) => row.meters.join(', ') },
];

/** Everything that a price depends on but time. */
const identity = (row: PriceRow): string =>
  JSON.stringify([
    row.layer,
    row.model,
    row.modelVersion,
    row.deploymentType,
    row.region,
    row.serviceTier,
    row.mode,
    row.minInputTokens,
    row.meter,
  ]);

/** Without what has ended, or what a later price has taken the place of. What begins later is shown. */
function inForce(rows: readonly PriceRow[], now: string): readonly PriceRow[] {
  const latest = new Map<string, string>();
  for (const row of rows) {
    const known = latest.get(identity(row)) ?? '';
    if (row.effectiveFrom <= now && row.effectiveFrom > known) latest.set(identity(row), row.effectiveFrom);
  }
  return rows.filter(
    (row) =>
      (row.effectiveTo === null || row.effectiveTo > now) && row.effectiveFrom >= (latest.get(identity(row)) ?? ''),
  );
}

function chosen(value: PriceList, options: ListOptions, now: string): PriceList {
  const { model, type } = options;
  const ofModel = (one: string): boolean => model === undefined || one === model;
  const ofType = (one: string): boolean => type === undefined || one === type;
  const prices = value.prices.filter((row) => (ofModel(row.model) || row.model === '*') && ofType(row.deploymentType));
  return {
    ...value,
    prices: options.all === true ? prices : [...inForce(prices, now)],
    notPriced: value.notPriced.filter(
      (one) =>
        (ofModel(one.model) || one.model === 'every model') &&
        (type === undefined || one.type.startsWith('every type') || one.type.split(/[^A-Za-z]+/).includes(type)),
    ),
    unpricedEndpoints: value.unpricedEndpoints.filter((one) => ofModel(one.model) && ofType(one.deploymentType)),
  };
}

function forReaders(context: Context, book: PriceList, options: ListOptions): string {
  const { out } = context;
  const named = [options.model, options.type].filter((one) => one !== undefined).join(' in ');
  const nothing = named === '' ? 'The price book is empty.' : `${named} has no price.`;
  const parts = [
    `Price book ${book.priceBook}\n`,
    // The prices that hold for every model would hide it.
    ...(hasNoneOfItsOwn(book, options) ? [`${nothing}\n`] : []),
    ...(options.unpriced === true ? [] : [table(out, { columns: forPeople, rows: book.prices, empty: nothing })]),
    ...(book.internalRates.length === 0 || options.unpriced === true
      ? []
      : [`Charged inside: ${book.internalRates.map((one) => one.id).join(', ')}\n`]),
    ...(book.unpricedEndpoints.length === 0
      ? []
      : [`Endpoints without a price now:\n${table(out, { columns: endpointColumns, rows: book.unpricedEndpoints })}`]),
    notPriced(context, book.notPriced, options),
  ];
  return parts.filter((part) => part !== '').join('\n');
}

const hasNoneOfItsOwn = ({ prices }: PriceList, { model, unpriced }: ListOptions): boolean =>
  unpriced !== true && model !== undefined && prices.length > 0 && prices.every((one) => one.model !== model);

/** The whole list of what is not known is long: without a filter only its length is told. */
function notPriced({ out }: Context, rows: readonly NotPriced[], options: ListOptions): string {
  if (options.unpriced === true || options.model !== undefined || options.type !== undefined) {
    const empty = 'Nothing is known to have no price.';
    return table(out, { columns: notPricedColumns, rows, empty });
  }
  return rows.length === 0 ? '' : `${rows.length} things are known to have no price: prices list --unpriced\n`;
}

async function list(context: Context, options: ListOptions): Promise<void> {
  const { value, raw } = await adminClient(context.settings).ask({ path: 'prices', schema: priceListSchema });
  const format = formatOf(options);
  const result = chosen(value, options, new Date(context.clock.now()).toISOString());
  if (format === 'table') {
    context.out.write(forReaders(context, result, options));
    return;
  }
  const untouched = options.model === undefined && options.type === undefined && options.unpriced !== true;
  context.out.write(
    options.unpriced === true
      ? listing(context.out, { format, json: unpricedOf(result), rows: result.notPriced, columns: notPricedColumns })
      : listing(context.out, {
          format,
          json: untouched && options.all === true ? raw : result,
          rows: result.prices,
          columns,
        }),
  );
}

const unpricedOf = ({ notPriced: known, unpricedEndpoints }: PriceList): object => ({
  notPriced: known,
  unpricedEndpoints,
});

export function addPricesList(parent: Command, context: Context): void {
  const command = parent
    .command('list')
    .description('List the prices in force, and what is known to have none: that is unpriced, never free.')
    .option('--model <name>', 'only this model')
    .option('--type <type>', 'only this deployment type: GlobalStandard, DataZoneStandard, …')
    .option('--unpriced', 'only what has no price, and why')
    .addOption(new Option('--all', 'also prices that have ended, or were followed by others'))
    .action(async (options: ListOptions) => await list(context, options));
  withExamples(withFormat(command), [
    { line: 'prices list --model gpt-5.4-mini', says: 'per deployment type, and what is not known of it' },
    { line: 'prices list --type DataZoneStandard', says: 'everything in a data zone' },
    { line: 'prices list --unpriced', says: 'what cannot be priced, and why' },
    { line: 'prices list --all --format csv', says: 'with the source of each price, and those of before' },
  ]);
}
