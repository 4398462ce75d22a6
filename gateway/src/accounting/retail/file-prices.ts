import type { PriceFile, ProvisionedRow } from '#accounting/cost/list-prices.ts';
import {
  holdsIn,
  specificity,
  type DataZones,
  type PriceEntry,
  type PricePlace,
} from '#accounting/cost/price-entry.ts';
import { dayOf, entriesOf } from '#accounting/cost/price-row.ts';
import { dimensionKey, type TablePrice } from './price-table.ts';

/** Provisioned units priced like everything else, so that they can be compared like everything else. */
function unitEntries(row: ProvisionedRow, source: string): readonly PriceEntry[] {
  const { nanoUsdPerUnitHour, meterIds = [], ...rest } = row;
  const amounts = { nanoUsdPerMillion: { ptu: nanoUsdPerUnitHour }, meterIds: { ptu: meterIds } };
  return entriesOf({ ...rest, model: '', source, ...amounts }, 'list');
}

/** Every price of a list as an entry, the hours of provisioned units among them. */
export function allEntries(list: {
  readonly entries: readonly PriceEntry[];
  readonly provisioned: readonly ProvisionedRow[];
}): readonly PriceEntry[] {
  return [...list.entries, ...list.provisioned.flatMap((row) => unitEntries(row, row.source))];
}

/** The prices of a file, in the shape that a table has; `source` stays the key that the file uses. */
export function pricesInFile(file: PriceFile): readonly (TablePrice & { readonly source: string })[] {
  const entries = [
    ...file.prices.flatMap((row) => entriesOf(row, 'list')),
    ...file.provisioned.flatMap((row) => unitEntries(row, row.source)),
  ];
  return entries.map((one) => ({
    model: one.model === '' ? undefined : one.model,
    modelVersion: one.modelVersion ?? undefined,
    type: one.deploymentType,
    serviceTier: one.serviceTier,
    minInputTokens: one.minInputTokens,
    meter: one.meter,
    place: one.place,
    amount: storedAmount(one),
    from: dayOf(one.effectiveFrom),
    to: one.effectiveTo === null ? undefined : dayOf(one.effectiveTo),
    meterIds: one.meterIds,
    meterNames: [],
    source: one.source,
  }));
}

/** An image or a call is kept by the piece, all else by the million. */
export const storedAmount = (one: PriceEntry): bigint =>
  one.meter.includes(':') ? one.nanoUsdPerMillion / 1_000_000n : one.nanoUsdPerMillion;

export const keyOfEntry = (one: PriceEntry): string =>
  dimensionKey({
    model: one.model === '' ? undefined : one.model,
    modelVersion: one.modelVersion ?? undefined,
    type: one.deploymentType,
    serviceTier: one.serviceTier,
    minInputTokens: one.minInputTokens,
    meter: one.meter,
  });

/** What a list says that one thing costs in one region on one day. */
export function priceOn(
  entries: readonly PriceEntry[],
  where: { readonly region: string; readonly at: number; readonly zones: DataZones },
): PriceEntry | undefined {
  return entries
    .filter((one) => holdsIn(one.place, where.region, where.zones))
    .filter((one) => one.effectiveFrom <= where.at && (one.effectiveTo === null || where.at < one.effectiveTo))
    .toSorted((a, b) => specificity(b) - specificity(a) || b.effectiveFrom - a.effectiveFrom)[0];
}

/** Regions that stand for a place; the empty one is in no zone and no list, as everywhere is. */
export function regionsFor(place: PricePlace | null, zones: DataZones): readonly string[] {
  if (place === null) return [''];
  return place.kind === 'regions' ? place.names : (zones[place.name] ?? []).slice(0, 1);
}
