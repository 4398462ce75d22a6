import type { ListPrices, ProvisionedRow } from './list-prices.ts';
import type { PriceEntry, PricePlace } from './price-entry.ts';

/**
 * What was shipped, and what was read from Azure since: where both have a price for one thing in one place from one day
 * on, the one that was read holds. All others stand side by side, each from its own day.
 */
export function mergeLists(shipped: ListPrices, read: ListPrices): ListPrices {
  const readByKey = Map.groupBy(read.entries, entryKey);
  const kept = shipped.entries.flatMap((entry) => {
    const place = without(entry.place, readByKey.get(entryKey(entry))?.map((one) => one.place) ?? []);
    if (place === 'nowhere') return [];
    return [place === entry.place ? entry : { ...entry, place }];
  });
  const readUnits = Map.groupBy(read.provisioned, unitKey);
  const keptUnits = shipped.provisioned.flatMap((row): readonly ProvisionedRow[] => {
    const place = without(placeOf(row), readUnits.get(unitKey(row))?.map(placeOf) ?? []);
    if (place === 'nowhere') return [];
    return [place?.kind === 'regions' ? { ...row, regions: [...place.names] } : row];
  });
  return {
    entries: [...kept, ...read.entries],
    zones: shipped.zones,
    provisioned: [...keptUnits, ...read.provisioned],
    notPriced: shipped.notPriced,
  };
}

/** Everything but the place. */
const entryKey = (one: PriceEntry): string =>
  [
    one.model,
    one.modelVersion,
    one.deploymentType,
    one.serviceTier,
    one.minInputTokens,
    one.meter,
    one.resolveBy,
    one.effectiveFrom,
  ].join('|');

const unitKey = (row: ProvisionedRow): string => `${row.type}|${row.effectiveFrom}`;

function placeOf({ zone, regions }: ProvisionedRow): PricePlace | null {
  if (zone !== undefined) return { kind: 'zone', name: zone };
  return regions === undefined ? null : { kind: 'regions', names: regions };
}

/** What is left of a place; a wider place is not touched by a narrower one, which goes before it anyway. */
export function without(
  place: PricePlace | null,
  taken: readonly (PricePlace | null)[],
): PricePlace | null | 'nowhere' {
  if (place?.kind !== 'regions') return taken.some((one) => samePlace(one, place)) ? 'nowhere' : place;
  const gone = new Set(taken.flatMap((one) => (one?.kind === 'regions' ? one.names : [])));
  const names = place.names.filter((name) => !gone.has(name));
  if (names.length === 0) return 'nowhere';
  return names.length === place.names.length ? place : { kind: 'regions', names };
}

const samePlace = (a: PricePlace | null, b: PricePlace | null): boolean =>
  a === b || (a?.kind === 'zone' && b?.kind === 'zone' && a.name === b.name);
