import type { ListPrices, PriceFile } from '#accounting/cost/list-prices.ts';
import { without } from '#accounting/cost/merge-lists.ts';
import type { PriceEntry } from '#accounting/cost/price-entry.ts';
import { toMs } from '#accounting/cost/price-row.ts';
import { allEntries, keyOfEntry, priceOn, pricesInFile, regionsFor, storedAmount } from './file-prices.ts';
import { fileRows } from './file-rows.ts';
import type { MeterRules } from './meter-rules.ts';
import { dimensionKey, tabulate, type Ambiguity, type TablePrice } from './price-table.ts';
import { readItem, type MappedPrice } from './read-meter.ts';
import type { RetailItem } from './retail-item.ts';

export interface SyncInput {
  readonly items: readonly RetailItem[];
  readonly rules: MeterRules;
  /** What was read before; undefined where nothing was. */
  readonly before: PriceFile | undefined;
  /** The list prices in force, shipped and read. */
  readonly inForce: ListPrices;
  /** What the new rows cite. */
  readonly source: { readonly key: string; readonly words: string };
}

/** A price that is new, other or ending. */
export interface PriceChange {
  readonly price: TablePrice;
  /** What the list in force says for that day; null where it says nothing. */
  readonly before: bigint | null;
}

/** Meters that were not read, by why. */
export interface UnmappedMeters {
  readonly why: string;
  /** A rule says that they are none of ours; else nobody knows what they are. */
  readonly known: boolean;
  readonly items: readonly RetailItem[];
}

export interface SyncPlan {
  readonly added: readonly PriceChange[];
  readonly changed: readonly PriceChange[];
  readonly ended: readonly PriceChange[];
  /** Read before, and not in Azure's list any more. They stay in force: a list can be incomplete. */
  readonly missing: readonly TablePrice[];
  readonly unchanged: number;
  readonly unmapped: readonly UnmappedMeters[];
  readonly ambiguous: readonly Ambiguity[];
  /** The price file that holds all of it. */
  readonly file: PriceFile;
}

/** What reading Azure's list would change. Changes nothing itself. */
export function planSync(input: SyncInput): SyncPlan {
  const { rules, inForce } = input;
  const { mapped, unmapped } = readItems(input.items, rules);
  const current = Map.groupBy(allEntries(inForce), keyOfEntry);
  // Region by region, as Azure says it: what a list does not have of a region is no statement about that region.
  const { prices, ambiguous } = tabulate(mapped, undefined);
  const before = input.before === undefined ? [] : pricesInFile(input.before);
  return {
    ...compare(prices, current, inForce.zones),
    missing: missingFrom(before, prices),
    unmapped,
    ambiguous,
    file: joined(input, { before, prices }),
  };
}

function readItems(
  items: readonly RetailItem[],
  rules: MeterRules,
): { readonly mapped: readonly MappedPrice[]; readonly unmapped: readonly UnmappedMeters[] } {
  const mapped: MappedPrice[] = [];
  const left = new Map<string, { why: string; known: boolean; items: RetailItem[] }>();
  for (const item of items) {
    const read = readItem(item, rules);
    if (read.ok) {
      mapped.push(read.price);
      continue;
    }
    const group = left.get(read.why) ?? { why: read.why, known: read.known, items: [] };
    group.items.push(item);
    left.set(read.why, group);
  }
  // What nobody knows comes first: it may be a new model.
  return { mapped, unmapped: [...left.values()].toSorted((a, b) => Number(a.known) - Number(b.known)) };
}

function compare(
  prices: readonly TablePrice[],
  current: ReadonlyMap<string, readonly PriceEntry[]>,
  zones: ListPrices['zones'],
): Pick<SyncPlan, 'added' | 'changed' | 'ended' | 'unchanged'> {
  const added: PriceChange[] = [];
  const changed: PriceChange[] = [];
  const ended: PriceChange[] = [];
  let unchanged = 0;
  for (const price of prices) {
    const entries = current.get(dimensionKey(price)) ?? [];
    const found = regionsFor(price.place, zones).map((region) =>
      priceOn(entries, { region, at: toMs(price.from), zones }),
    );
    const other = found.find((one) => one === undefined || storedAmount(one) !== price.amount);
    if (found.every((one) => one === undefined)) added.push({ price, before: null });
    else if (found.includes(other)) changed.push({ price, before: other === undefined ? null : storedAmount(other) });
    else if (price.to !== undefined && found.some((one) => one?.effectiveTo === null)) {
      ended.push({ price, before: price.amount });
    } else unchanged += 1;
  }
  return { added, changed, ended, unchanged };
}

const dated = (price: TablePrice): string => `${dimensionKey(price)} ${price.from}`;
const placedKey = (price: TablePrice): string => `${dimensionKey(price)} ${JSON.stringify(price.place)}`;

function missingFrom(before: readonly TablePrice[], prices: readonly TablePrice[]): readonly TablePrice[] {
  const there = new Set(prices.map(dimensionKey));
  const latest = new Map<string, TablePrice>();
  for (const one of before.toSorted((a, b) => a.from.localeCompare(b.from))) latest.set(placedKey(one), one);
  return [...latest.values()].filter((one) => one.to === undefined && !there.has(dimensionKey(one)));
}

/** What was read before stays, so that old records can be priced again; for one day and place the newer reading holds. */
function joined(
  { before: file, source, inForce }: SyncInput,
  { before, prices }: { readonly before: ReturnType<typeof pricesInFile>; readonly prices: readonly TablePrice[] },
): PriceFile {
  const read = Map.groupBy(prices, dated);
  const kept = before.flatMap((one) => {
    const place = without(one.place, read.get(dated(one))?.map((each) => each.place) ?? []);
    return place === 'nowhere' ? [] : [{ ...one, place }];
  });
  const groups = [
    ...[...Map.groupBy(kept, (one) => one.source)].map(([key, group]) => fileRows(group, key)),
    fileRows(prices, source.key),
  ];
  const cited = new Set(groups.flatMap((group) => [...group.prices, ...group.provisioned].map((row) => row.source)));
  const sources = { ...file?.sources, [source.key]: source.words };
  return {
    comment:
      'List prices of Azure OpenAI in 10^-9 USD, as `tollgate prices sync` read them from the Azure Retail Prices API. ' +
      'They go before the shipped ones. Old prices stay: records are priced by the day of the call.',
    sources: Object.fromEntries(Object.entries(sources).filter(([key]) => cited.has(key))),
    zones: Object.fromEntries(Object.entries(inForce.zones).map(([zone, regions]) => [zone, [...regions]])),
    prices: groups.flatMap((group) => group.prices),
    provisioned: groups.flatMap((group) => group.provisioned),
    notPriced: [],
  };
}
