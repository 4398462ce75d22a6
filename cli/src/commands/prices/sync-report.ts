import type { PlacedPrice, PriceChange, PriceSync } from '@tollgate/contract/admin-api/prices.ts';
import type { Terminal } from '#context.ts';
import { grouped, usdFromNano } from '#output/money.ts';
import { table, type Column } from '#output/table.ts';
import { placeWords } from './place-words.ts';

const changeKinds = ['changed', 'added', 'ended', 'missing'] as const;
type ChangeKind = (typeof changeKinds)[number];
/** One line of the difference. */
export type DifferenceRow = PlacedPrice & { readonly kind: ChangeKind; readonly before: string | null };

export function differenceRows(sync: PriceSync): readonly DifferenceRow[] {
  return changeKinds.flatMap((kind) => ofKind(kind, sync[kind]));
}

function ofKind(kind: ChangeKind, prices: readonly (PlacedPrice | PriceChange)[]): readonly DifferenceRow[] {
  return prices.map((price) => ({ ...price, kind, before: 'before' in price ? price.before : null }));
}

const perWords = { million: 'million', one: 'one', hour: 'unit-hour' } as const;

export const differenceColumns: readonly Column<DifferenceRow>[] = [
  { title: 'what', name: 'kind', value: (row) => row.kind },
  {
    title: 'model',
    name: 'model',
    value: (row) => row.model,
    text: (row) => `${row.model ?? 'provisioned unit'}${row.modelVersion === null ? '' : ` ${row.modelVersion}`}`,
  },
  { title: 'deployment type', name: 'deploymentType', value: (row) => row.deploymentType },
  { title: 'region', name: 'region', value: (row) => row.region, text: (row) => placeWords(row.region) },
  { title: 'tier', name: 'serviceTier', value: (row) => row.serviceTier, text: (row) => row.serviceTier ?? '' },
  {
    title: 'input from',
    name: 'minInputTokens',
    align: 'right',
    value: (row) => row.minInputTokens,
    text: (row) => (row.minInputTokens === null ? '' : grouped(row.minInputTokens)),
  },
  { title: 'meter', name: 'meter', value: (row) => row.meter },
  {
    title: 'USD before',
    name: 'before',
    align: 'right',
    value: (row) => row.before,
    text: (row) => (row.before === null ? '–' : usdFromNano(row.before)),
  },
  {
    title: 'USD',
    name: 'nanoUsd',
    align: 'right',
    value: (row) => row.nanoUsd,
    text: (row) => usdFromNano(row.nanoUsd),
  },
  { title: 'per', name: 'per', value: (row) => row.per, text: (row) => perWords[row.per] },
  { title: 'from', name: 'effectiveFrom', value: (row) => row.effectiveFrom },
  { title: 'to', name: 'effectiveTo', value: (row) => row.effectiveTo, text: (row) => row.effectiveTo ?? '' },
];

interface UnknownMeter {
  readonly meterName: string;
  readonly productName: string;
  readonly price: string;
  readonly why: string;
}
const unknownColumns: readonly Column<UnknownMeter>[] = [
  { title: 'meter', name: 'meterName', value: (row) => row.meterName },
  { title: 'product', name: 'productName', value: (row) => row.productName },
  { title: 'USD', name: 'price', align: 'right', value: (row) => row.price },
  { title: 'why', name: 'why', value: (row) => row.why },
];

/** What people read: the difference, then everything that was not taken, and why. */
export function syncReport(terminal: Terminal, sync: PriceSync, today: string): string {
  const rows = differenceRows(sync);
  const parts = [
    rows.length === 0
      ? 'Nothing differs from the list prices in force.\n'
      : table(terminal, { columns: differenceColumns, rows }),
    ...unknownMeters(terminal, sync),
    ...sync.ambiguous.map(
      (one) =>
        `Two prices for one thing, neither taken: ${one.what} in ${one.region} from ${one.effectiveFrom} (${one.meterNames.join(', ')})\n`,
    ),
    summary(sync, today),
  ];
  return parts.join('\n');
}

function unknownMeters(terminal: Terminal, sync: PriceSync): readonly string[] {
  const meters = sync.unmapped
    .filter((one) => !one.known)
    .flatMap((one) => one.meters.map((meter) => ({ ...meter, why: one.why })));
  // One line a meter, however many prices it has in how many regions.
  const rows = [...Map.groupBy(meters, (meter) => `${meter.productName}|${meter.meterName}`).values()].flatMap(
    (group) => {
      const [first] = group;
      if (first === undefined) return [];
      const prices = [...new Set(group.map((meter) => meter.retailPrice))];
      const shown = prices.length > 2 ? `${prices[0]} and ${prices.length - 1} more` : prices.join(', ');
      return [{ ...first, price: `${shown} per ${first.unitOfMeasure}` }];
    },
  );
  if (rows.length === 0) return [];
  return [
    `Meters that no rule reads, so that they have no price:\n${table(terminal, { columns: unknownColumns, rows })}`,
  ];
}

function summary(sync: PriceSync, today: string): string {
  const known = sync.unmapped.filter((one) => one.known);
  const lines = [
    `${grouped(sync.added.length)} added, ${grouped(sync.changed.length)} changed, ${grouped(sync.ended.length)} ending, ` +
      `${grouped(sync.missing.length)} not in the list any more (they stay in force), ${grouped(sync.unchanged)} unchanged.`,
    ...known.map(
      (one) => `Not taken: ${grouped(new Set(one.meters.map((meter) => meter.meterName)).size)} meters: ${one.why}.`,
    ),
    ...since(sync, today),
  ];
  return `${lines.join('\n')}\n`;
}

/** A price can be published after it began: what was recorded since was priced otherwise. */
function since(sync: PriceSync, today: string): readonly string[] {
  const begun = sync.changed.map((one) => one.effectiveFrom).filter((day) => day < today);
  const [first] = begun.toSorted();
  if (first === undefined) return [];
  return [
    `Changed prices that began before today, the first on ${first}: calls since then were priced as before. ` +
      `rerate --from ${first} --dry-run shows what they would come to.`,
  ];
}
