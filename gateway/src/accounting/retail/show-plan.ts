import type { PricePlace } from '#accounting/cost/price-entry.ts';
import type { PriceChange, SyncPlan, UnmappedMeters } from './plan-sync.ts';
import type { TablePrice } from './price-table.ts';

/** A plan as people and programs see it; the shape of the admin API. Amounts are decimal strings. */
export interface ShownPlan {
  readonly unchanged: number;
  readonly added: ShownChange[];
  readonly changed: ShownChange[];
  readonly ended: ShownChange[];
  readonly missing: ShownPrice[];
  readonly ambiguous: { what: string; region: string; effectiveFrom: string; meterNames: string[] }[];
  readonly unmapped: ShownUnmapped[];
}
interface ShownPrice {
  readonly model: string | null;
  readonly modelVersion: string | null;
  readonly deploymentType: string;
  readonly region: string | null;
  readonly serviceTier: string | null;
  readonly minInputTokens: number | null;
  readonly meter: string;
  readonly per: 'million' | 'one' | 'hour';
  readonly nanoUsd: string;
  readonly effectiveFrom: string;
  readonly effectiveTo: string | null;
  readonly meterNames: string[];
  readonly meterIds: string[];
}
interface ShownChange extends ShownPrice {
  readonly before: string | null;
}
interface ShownUnmapped {
  readonly why: string;
  readonly known: boolean;
  readonly meters: {
    meterName: string;
    productName: string;
    unitOfMeasure: string;
    retailPrice: string;
    regions: string[];
  }[];
}

export function showPlan(plan: SyncPlan): ShownPlan {
  return {
    unchanged: plan.unchanged,
    added: plan.added.map(shownChange),
    changed: plan.changed.map(shownChange),
    ended: plan.ended.map(shownChange),
    missing: plan.missing.map(shownPrice),
    ambiguous: plan.ambiguous.map(({ what, region, from, meterNames }) => ({
      what,
      region,
      effectiveFrom: from,
      meterNames: [...meterNames],
    })),
    unmapped: plan.unmapped.map(shownUnmapped),
  };
}

const placeText = (place: PricePlace | null): string | null => {
  if (place === null) return null;
  return place.kind === 'zone' ? `zone:${place.name}` : place.names.join(',');
};

function perOf(meter: string): 'million' | 'one' | 'hour' {
  if (meter === 'ptu') return 'hour';
  return meter.includes(':') ? 'one' : 'million';
}

function shownPrice(price: TablePrice): ShownPrice {
  return {
    model: price.model ?? null,
    modelVersion: price.modelVersion ?? null,
    deploymentType: price.type,
    region: placeText(price.place),
    serviceTier: price.serviceTier === 'default' ? null : price.serviceTier,
    minInputTokens: price.minInputTokens === 0 ? null : price.minInputTokens,
    meter: price.meter,
    per: perOf(price.meter),
    nanoUsd: price.amount.toString(),
    effectiveFrom: price.from,
    effectiveTo: price.to ?? null,
    meterNames: [...price.meterNames],
    meterIds: [...price.meterIds],
  };
}

const shownChange = ({ price, before }: PriceChange): ShownChange => ({
  ...shownPrice(price),
  before: before?.toString() ?? null,
});

const shownUnmapped = ({ why, known, items }: UnmappedMeters): ShownUnmapped => ({
  why,
  known,
  meters: items.map(({ meterName, productName, unitOfMeasure, retailPrice, regions }) => ({
    meterName,
    productName,
    unitOfMeasure,
    retailPrice,
    regions: Object.keys(regions).toSorted(),
  })),
});
