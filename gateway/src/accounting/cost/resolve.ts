import type { DeploymentType } from '#model/endpoint.ts';
import type { PriceLayer } from '#model/money.ts';
import type { PricedEndpoint } from '#model/price-book.ts';
import { isWithoutContext, soldBy, type SoldBy } from './charges.ts';
import { rateAt, ratesFor, type InternalRate } from './internal-rates.ts';
import { anyModel, holdsIn, specificity, type DataZones, type PriceEntry } from './price-entry.ts';
import { modeOf } from './price-row.ts';

/** The prices of one meter, by layer. */
export type MeterPrice = Record<PriceLayer, PriceEntry | undefined>;

/** What holds from so many input tokens on. */
export interface Band {
  readonly minInputTokens: number;
  readonly meters: ReadonlyMap<string, MeterPrice>;
  readonly soldBy: SoldBy;
}

/** Everything that can be charged for one endpoint at one tier, while no price begins or ends. */
export interface Resolved {
  /** UTC ms: holds from here … */
  readonly from: number;
  /** … until just before here. */
  readonly to: number;
  /** The longest context first; the last one begins at 0. */
  readonly bands: readonly Band[];
  readonly rate: InternalRate | undefined;
  /** Ordinary meters without a price. */
  readonly missing: readonly string[];
}

/** What the prices of a call depend on. */
export interface Asked {
  readonly endpoint: PricedEndpoint;
  /** That of the endpoint, or what its spillover went to. */
  readonly deploymentType: DeploymentType;
  readonly serviceTier: string;
  readonly reportedModel: string | null;
  readonly product: string | null;
  readonly at: number;
}

export interface Shelf {
  readonly byModel: ReadonlyMap<string, readonly PriceEntry[]>;
  readonly rates: readonly InternalRate[];
  readonly zones: DataZones;
  readonly ordinaryMeters: (model: string) => readonly string[];
}

/** `gpt-4o-2024-08-06` -> model and version; a name without a date is the model. */
function splitReported(reported: string): { readonly model: string; readonly version: string | null } {
  const [, model, version] = /^(.+)-(\d{4}-\d{2}-\d{2})$/.exec(reported) ?? [];
  return model === undefined || version === undefined ? { model: reported, version: null } : { model, version };
}

/** The prices of the deployment in every tier and at any time. */
function candidatesFor(asked: Asked, { byModel, zones }: Shelf): readonly PriceEntry[] {
  const { endpoint } = asked;
  const mode = modeOf(asked.deploymentType);
  const fits = (entry: PriceEntry, version: string | null): boolean =>
    entry.deploymentType === asked.deploymentType &&
    entry.mode === mode &&
    (entry.modelVersion === null || entry.modelVersion === version) &&
    holdsIn(entry.place, endpoint.region, zones);
  const ofDeployment = [...(byModel.get(endpoint.model) ?? []), ...(byModel.get(anyModel) ?? [])].filter(
    (entry) => entry.resolveBy === 'deployment' && fits(entry, endpoint.modelVersion),
  );
  if (asked.reportedModel === null) return ofDeployment;
  const { model, version } = splitReported(asked.reportedModel);
  const ofReport = (byModel.get(model) ?? []).filter(
    (entry) => entry.resolveBy === 'reportedModel' && fits(entry, version),
  );
  return [...ofDeployment, ...ofReport];
}

export function resolve(asked: Asked, shelf: Shelf): Resolved {
  const candidates = candidatesFor(asked, shelf);
  const rates = ratesFor(shelf.rates, { product: asked.product, model: asked.endpoint.model });
  const edges = [
    ...candidates.flatMap((one) => [one.effectiveFrom, one.effectiveTo ?? Infinity]),
    ...rates.map((one) => one.effectiveFrom),
  ];
  const inForce = candidates.filter(
    (one) => one.effectiveFrom <= asked.at && (one.effectiveTo === null || asked.at < one.effectiveTo),
  );
  const thresholds = [...new Set([0, ...inForce.map((one) => one.minInputTokens)])].toSorted((a, b) => b - a);
  const bands = thresholds.map((minInputTokens): Band => {
    const meters = metersOfBand(inForce, { minInputTokens, serviceTier: asked.serviceTier });
    return { minInputTokens, meters, soldBy: soldBy(meters) };
  });
  const base = bands.at(-1)?.meters;
  const paid = (meter: string): boolean => {
    const prices = base?.get(meter);
    return prices !== undefined && (prices.contracted ?? prices.list) !== undefined;
  };
  return {
    from: Math.max(-Infinity, ...edges.filter((edge) => edge <= asked.at)),
    to: Math.min(Infinity, ...edges.filter((edge) => edge > asked.at)),
    bands,
    rate: rateAt(rates, asked.at),
    missing: shelf.ordinaryMeters(asked.endpoint.model).filter((meter) => !paid(meter)),
  };
}

const layers = ['list', 'contracted', 'internal'] as const;

/** All amounts that a call may meet at a moment by the price of its deployment, in any tier: as one text, to compare. */
export function pricesInForce(asked: Omit<Asked, 'serviceTier' | 'reportedModel'>, shelf: Shelf): string {
  const ofTier = (serviceTier: string): Asked => ({ ...asked, serviceTier, reportedModel: null });
  const tiers = new Set(['default', ...candidatesFor(ofTier('default'), shelf).map((one) => one.serviceTier)]);
  const told = [...tiers].toSorted().map((tier) => {
    const { bands, rate } = resolve(ofTier(tier), shelf);
    return [
      tier,
      String(rate?.margin ?? ''),
      bands.map(({ minInputTokens, meters }) => [minInputTokens, amountsOf(meters)]),
    ];
  });
  return JSON.stringify(told);
}

function amountsOf(meters: ReadonlyMap<string, MeterPrice>): readonly string[] {
  return [...meters]
    .map(([meter, prices]) => [meter, ...layers.map((layer) => prices[layer]?.nanoUsdPerMillion ?? '')].join(' '))
    .toSorted();
}

/**
 * A layer that knows a long-context price charges by its own bands; one that knows none charges the same throughout.
 * Where it knows one in any tier, every tier has that band: a tier whose long-context price is not known is unpriced
 * there, not charged as if the context were short.
 */
function metersOfBand(
  inForce: readonly PriceEntry[],
  asked: { readonly minInputTokens: number; readonly serviceTier: string },
): ReadonlyMap<string, MeterPrice> {
  const meters = new Map<string, MeterPrice>();
  for (const layer of layers) {
    const ofLayer = inForce.filter((one) => one.layer === layer && one.minInputTokens <= asked.minInputTokens);
    const band = Math.max(0, ...ofLayer.map((one) => one.minInputTokens));
    for (const entry of ofLayer) {
      if (entry.serviceTier !== asked.serviceTier) continue;
      if (entry.minInputTokens !== band && !isWithoutContext(entry.meter)) continue;
      const prices = meters.get(entry.meter) ?? { list: undefined, contracted: undefined, internal: undefined };
      if (isBetter(entry, prices[layer])) prices[layer] = entry;
      meters.set(entry.meter, prices);
    }
  }
  // Where one layer prices reasoning apart, it is a charge of its own; in the other layers that charge is output.
  const [reasoning, output] = [meters.get('reasoning'), meters.get('output')];
  if (reasoning !== undefined) for (const layer of layers) reasoning[layer] ??= output?.[layer];
  return meters;
}

function isBetter(entry: PriceEntry, current: PriceEntry | undefined): boolean {
  if (current === undefined) return true;
  const difference = specificity(entry) - specificity(current);
  return difference === 0 ? entry.effectiveFrom > current.effectiveFrom : difference > 0;
}
