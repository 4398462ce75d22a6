import type { PriceLayer } from '#model/money.ts';
import type { PriceEntry, PricePlace } from './price-entry.ts';

/** One price as people see it: the shape of the admin API's list. Amounts are decimal strings, moments RFC 3339. */
export interface ShownPrice {
  readonly id: string;
  readonly layer: PriceLayer;
  readonly model: string;
  readonly modelVersion: string | null;
  readonly deploymentType: string;
  readonly region: string | null;
  readonly serviceTier: string | null;
  readonly mode: 'online' | 'batch';
  readonly minInputTokens: number | null;
  readonly meter: string;
  readonly nanoUsdPerMillion: string;
  readonly effectiveFrom: string;
  readonly effectiveTo: string | null;
  readonly source: string;
  readonly meterIds: string[];
}

/** A data zone is shown as `zone:eu`, several regions as `eastus,westus`. */
export function priceRows(entries: readonly PriceEntry[]): ShownPrice[] {
  return entries.map((one) => ({
    id: one.id,
    layer: one.layer,
    model: one.model,
    modelVersion: one.modelVersion,
    deploymentType: one.deploymentType,
    region: one.place === null ? null : placeText(one.place),
    serviceTier: one.serviceTier === 'default' ? null : one.serviceTier,
    mode: one.mode,
    minInputTokens: one.minInputTokens === 0 ? null : one.minInputTokens,
    meter: one.meter,
    nanoUsdPerMillion: one.nanoUsdPerMillion.toString(),
    effectiveFrom: new Date(one.effectiveFrom).toISOString(),
    effectiveTo: one.effectiveTo === null ? null : new Date(one.effectiveTo).toISOString(),
    source: one.source,
    meterIds: [...one.meterIds],
  }));
}

const placeText = (place: PricePlace): string =>
  place.kind === 'zone' ? `zone:${place.name}` : place.names.join(',');
