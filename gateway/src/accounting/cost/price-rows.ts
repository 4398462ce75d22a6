import type { PriceLayer } from '#model/money.ts';
import type { PricedEndpoint } from '#model/price-book.ts';
import { percentText } from './internal-rates.ts';
import type { ListPrices, NotPriced } from './list-prices.ts';
import type { ListedPriceBook } from './price-book.ts';
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

/** The whole book: prices, rates, units, and what is known to have no price. */
export interface ShownBook {
  readonly priceBook: string;
  readonly prices: ShownPrice[];
  readonly internalRates: {
    id: string;
    margin: string;
    product: string | null;
    model: string | null;
    effectiveFrom: string;
  }[];
  readonly provisioned: {
    deploymentType: string;
    region: string | null;
    nanoUsdPerUnitHour: string;
    effectiveFrom: string;
    effectiveTo: string | null;
    source: string;
  }[];
  readonly notPriced: (Omit<NotPriced, 'meters'> & { meters: string[] })[];
  readonly unpricedEndpoints: {
    endpoint: string;
    model: string;
    deploymentType: string;
    region: string;
    meters: string[];
  }[];
}

/** What of an endpoint is shown. */
type ShownEndpoint = PricedEndpoint & { readonly name: string };

export function priceList(
  book: ListedPriceBook,
  list: ListPrices,
  { endpoints, at }: { readonly endpoints: Iterable<ShownEndpoint>; readonly at: number },
): ShownBook {
  return {
    priceBook: book.id,
    prices: priceRows(book.entries),
    internalRates: book.rates.map(({ id, margin, product, model, effectiveFrom }) => ({
      id,
      margin: percentText(margin),
      product,
      model,
      effectiveFrom: new Date(effectiveFrom).toISOString(),
    })),
    provisioned: list.provisioned.map((row) => ({
      deploymentType: row.type,
      region: row.zone === undefined ? (row.regions?.join(',') ?? null) : `zone:${row.zone}`,
      nanoUsdPerUnitHour: String(row.nanoUsdPerUnitHour),
      effectiveFrom: `${row.effectiveFrom}T00:00:00.000Z`,
      effectiveTo: row.effectiveTo === undefined ? null : `${row.effectiveTo}T00:00:00.000Z`,
      source: row.source,
    })),
    notPriced: list.notPriced.map((one) => ({ ...one, meters: [...one.meters] })),
    unpricedEndpoints: [...endpoints]
      .map((endpoint) => ({
        endpoint: endpoint.name,
        model: endpoint.model,
        deploymentType: endpoint.deploymentType,
        region: endpoint.region,
        meters: [...book.missing(endpoint, at)],
      }))
      .filter(({ meters }) => meters.length > 0),
  };
}

const placeText = (place: PricePlace): string => (place.kind === 'zone' ? `zone:${place.name}` : place.names.join(','));
