import type { DeploymentType } from '#model/endpoint.ts';
import type { PriceLayer } from '#model/money.ts';

/**
 * Where a price holds: every region of a data zone, or named regions. Several names are short for as many prices, one
 * for each region: they never make an entry more or less specific.
 */
export type PricePlace =
  | { readonly kind: 'zone'; readonly name: string }
  | { readonly kind: 'regions'; readonly names: readonly string[] };

/** The model of a price that holds whatever the model is: calls of tools are sold like that. */
export const anyModel = '*';

/** The price of one meter, on one layer, from a day on. */
export interface PriceEntry {
  readonly id: string;
  readonly layer: PriceLayer;
  /** Exactly the name that an endpoint gives, or that a reply reports (see `resolveBy`); or `*`. */
  readonly model: string;
  /** Null holds for every version. */
  readonly modelVersion: string | null;
  readonly deploymentType: DeploymentType;
  /** Null holds everywhere. */
  readonly place: PricePlace | null;
  /** As served: `default`, `priority`, `flex`. Never a wildcard: another tier is another price. */
  readonly serviceTier: string;
  readonly mode: 'online' | 'batch';
  /** 0, or the input tokens from which on this is the price of the whole request (long context). */
  readonly minInputTokens: number;
  /** A unit of the usage record, `toolCall:<tool>` or `image:<quality>/<size>`. */
  readonly meter: string;
  /** 10^-9 USD for a million units. A price per call, image or second is a millionth of it. */
  readonly nanoUsdPerMillion: bigint;
  /** UTC ms, inclusive. */
  readonly effectiveFrom: number;
  /** UTC ms, exclusive; null is open. */
  readonly effectiveTo: number | null;
  /** `deployment`: `model` is the endpoint's; `reportedModel`: `model` is the one that the reply names. */
  readonly resolveBy: 'deployment' | 'reportedModel';
  /** Where the fact was found, and when. */
  readonly source: string;
  /** Azure's own ids of the meter, where the price was read from its price list. */
  readonly meterIds: readonly string[];
}

/** The regions of each data zone, by the zone's name. */
export type DataZones = Readonly<Record<string, readonly string[]>>;

/** A reply without a tier, and the spellings of the ordinary one, are the default tier. */
export function normalTier(serviceTier: string | null): string {
  return serviceTier === null || serviceTier === 'auto' || serviceTier === 'standard' ? 'default' : serviceTier;
}

type Relation = 'equal' | 'narrower' | 'wider' | 'disjoint';

function relateVersions(a: string | null, b: string | null): Relation {
  if (a === b) return 'equal';
  if (a === null) return 'wider';
  return b === null ? 'narrower' : 'disjoint';
}

function relatePlaces(a: PricePlace | null, b: PricePlace | null, zones: DataZones): Relation {
  if (a === null) return b === null ? 'equal' : 'wider';
  if (b === null) return 'narrower';
  if (a.kind === 'zone' && b.kind === 'zone') return a.name === b.name ? 'equal' : 'disjoint';
  const inB = regionsOf(b, zones);
  if (!regionsOf(a, zones).some((region) => inB.includes(region))) return 'disjoint';
  if (a.kind === b.kind) return 'equal';
  return a.kind === 'regions' ? 'narrower' : 'wider';
}

/** A zone that nobody describes has no regions: its prices apply nowhere. */
const regionsOf = (place: PricePlace, zones: DataZones): readonly string[] =>
  place.kind === 'regions' ? place.names : (zones[place.name] ?? []);

/** Whether a price for this place is one for the region. */
export function holdsIn(place: PricePlace | null, region: string, zones: DataZones): boolean {
  return place === null || regionsOf(place, zones).includes(region);
}

/** Two prices that apply to one call, neither of them the more specific. */
export interface PriceConflict {
  readonly first: PriceEntry;
  readonly second: PriceEntry;
}

const overlapInTime = (a: PriceEntry, b: PriceEntry): boolean =>
  a.effectiveFrom < (b.effectiveTo ?? Infinity) && b.effectiveFrom < (a.effectiveTo ?? Infinity);

function conflicts(a: PriceEntry, b: PriceEntry, zones: DataZones): boolean {
  const relations = [relateVersions(a.modelVersion, b.modelVersion), relatePlaces(a.place, b.place, zones)];
  if (relations.includes('disjoint')) return false;
  if (relations.every((one) => one === 'equal')) return a.effectiveFrom === b.effectiveFrom;
  return relations.includes('narrower') && relations.includes('wider') && overlapInTime(a, b);
}

/** Entries among which "the most specific, then the latest" would have no answer. */
export function findConflicts(entries: readonly PriceEntry[], zones: DataZones): readonly PriceConflict[] {
  const groups = Map.groupBy(entries, (one) =>
    [
      one.layer,
      one.model,
      one.deploymentType,
      one.serviceTier,
      one.mode,
      one.minInputTokens,
      one.meter,
      one.resolveBy,
    ].join('\n'),
  );
  const found: PriceConflict[] = [];
  for (const group of groups.values()) {
    group.forEach((first, index) => {
      for (const second of group.slice(index + 1)) {
        if (conflicts(first, second, zones)) found.push({ first, second });
      }
    });
  }
  return found;
}

/**
 * How specific an entry is. Along a chain of ever narrower entries it grows, and where no two conflict, whatever applies
 * to one call is such a chain.
 */
export function specificity(entry: PriceEntry): number {
  const place = entry.place === null ? 0 : { zone: 1, regions: 2 }[entry.place.kind];
  const model = entry.model === anyModel ? 0 : 16;
  return model + (entry.resolveBy === 'reportedModel' ? 8 : 0) + (entry.modelVersion === null ? 0 : 1) + place;
}
