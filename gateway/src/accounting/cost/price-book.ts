import { createHash } from 'node:crypto';
import type { DeploymentType, Endpoint } from '#model/endpoint.ts';
import type { Cost, CostLine } from '#model/money.ts';
import type { PriceBook, PricedUsage } from '#model/price-book.ts';
import type { Units } from '#model/usage-record.ts';
import { findConflicts, normalTier, specificity, type DataZones, type PriceEntry } from './price-entry.ts';
import { nanoUsdOf } from './rounding.ts';

export interface PriceBookOptions {
  readonly entries: readonly PriceEntry[];
  readonly zones: DataZones;
  /** The meters that an ordinary call to a model runs on; what `missing` asks for. */
  readonly ordinaryMeters: (model: string) => readonly string[];
}

/** A price book that also shows what is in it. */
export interface ListedPriceBook extends PriceBook {
  readonly entries: readonly PriceEntry[];
}

/** The prices of one meter: the contracted one is billed where there is one, the list price is kept beside it. */
interface MeterPrice {
  list: PriceEntry | undefined;
  contracted: PriceEntry | undefined;
}

/** Everything that can be charged for one endpoint at one tier, while no price begins or ends. */
interface Resolved {
  /** UTC ms: holds from here … */
  readonly from: number;
  /** … until just before here. */
  readonly to: number;
  /** The longest context first; the last one begins at 0. */
  readonly bands: readonly { readonly minInputTokens: number; readonly meters: ReadonlyMap<string, MeterPrice> }[];
  /** Ordinary meters without a price. */
  readonly missing: readonly string[];
}

/**
 * Where Azure's own spillover leads: its target must have the data-processing level of the provisioned deployment.
 * Source: "Manage traffic with spillover for provisioned deployments", Microsoft documentation of 2025-10-02.
 */
const payAsYouGo: Readonly<Partial<Record<DeploymentType, DeploymentType>>> = {
  ProvisionedManaged: 'Standard',
  DataZoneProvisionedManaged: 'DataZoneStandard',
  GlobalProvisionedManaged: 'GlobalStandard',
};

const ptuCost: Cost = {
  pricing: 'ptu',
  lines: [],
  nanoUsd: 0n,
  listNanoUsd: 0n,
  internalNanoUsd: 0n,
  unpriced: [],
};
const unpricedCost = (unpriced: readonly string[], lines: readonly CostLine[] = []): Cost => ({
  pricing: 'token',
  lines,
  nanoUsd: null,
  listNanoUsd: null,
  internalNanoUsd: null,
  unpriced,
});

/** Upstreams name tiers and models; a strange one must not grow the memory. */
const memoLimit = 64;

/**
 * The prices of a moment in the file's life, as one immutable value. Throws where two entries are equally specific:
 * the configuration is checked for that before.
 *
 * What is charged:
 * - The parts of the input that have a meter of their own (cached, cache writes, audio, image) are taken out of it and
 *   charged at their own price; the rest is `input`. A part that the provider did not report (null) stays in the rest,
 *   at the full rate. The same for `audioOutput` and the output. Reasoning is output, unless it has a price of its own.
 * - Every unit that is not 0 needs a price; else the cost is null and the meters are named. Never 0 for unknown.
 * - A long-context price (`minInputTokens`) holds for the whole request: from there on, in every tier, only prices of
 *   that band count.
 * - A provisioned deployment is paid by the hour: 0, `ptu`. A call that spilled over is priced as the pay-as-you-go
 *   deployment of the same model in the same scope (global, data zone, region).
 */
export function createPriceBook(options: PriceBookOptions): ListedPriceBook {
  const { entries, zones } = options;
  const [conflict] = findConflicts(entries, zones);
  if (conflict !== undefined) {
    throw new Error(`The prices '${conflict.first.id}' and '${conflict.second.id}' are equally specific.`);
  }
  const byModel = Map.groupBy(
    entries.filter((one) => one.mode === 'online'),
    (one) => one.model,
  );
  const anyByReport = entries.some((one) => one.resolveBy === 'reportedModel');
  const memo = new WeakMap<Endpoint, Map<string, Resolved>>();

  function resolved(asked: Asked): Resolved {
    const reported = anyByReport ? asked.reportedModel : null;
    const key = `${asked.deploymentType} ${asked.serviceTier} ${reported ?? ''}`;
    let known = memo.get(asked.endpoint);
    if (known === undefined) memo.set(asked.endpoint, (known = new Map()));
    const found = known.get(key);
    if (found !== undefined && asked.at >= found.from && asked.at < found.to) return found;
    if (known.size >= memoLimit) known.clear();
    const made = resolve({ ...asked, reportedModel: reported }, { byModel, zones, options });
    known.set(key, made);
    return made;
  }

  return {
    id: bookId(entries),
    entries,
    cost(usage) {
      const { endpoint } = usage;
      const target = payAsYouGo[endpoint.deploymentType];
      if (target !== undefined && usage.spilledFrom === null) return ptuCost;
      const { input, output } = usage.units;
      if (input === null || output === null) return unpricedCost(['usage unknown']);
      const { bands } = resolved({
        endpoint,
        deploymentType: target ?? endpoint.deploymentType,
        serviceTier: normalTier(usage.serviceTier),
        reportedModel: usage.reportedModel,
        at: usage.at,
      });
      const meters = bands.find((band) => band.minInputTokens <= input)?.meters ?? noMeters;
      const charges = chargesOf(usage.units, { input, output, reasoningApart: meters.has('reasoning') });
      return typeof charges === 'string' ? unpricedCost([charges]) : priced(charges, meters);
    },
    missing(endpoint, at) {
      if (payAsYouGo[endpoint.deploymentType] !== undefined) return [];
      const { deploymentType } = endpoint;
      return resolved({ endpoint, deploymentType, serviceTier: 'default', reportedModel: null, at }).missing;
    },
  };
}

const noMeters: ReadonlyMap<string, MeterPrice> = new Map();

interface Asked extends Pick<PricedUsage, 'endpoint' | 'reportedModel' | 'at'> {
  readonly deploymentType: DeploymentType;
  readonly serviceTier: string;
}

interface Shelf {
  readonly byModel: ReadonlyMap<string, readonly PriceEntry[]>;
  readonly zones: DataZones;
  readonly options: PriceBookOptions;
}

/** `gpt-4o-2024-08-06` -> model and version; a name without a date is the model. */
function splitReported(reported: string): { readonly model: string; readonly version: string | null } {
  const [, model, version] = /^(.+)-(\d{4}-\d{2}-\d{2})$/.exec(reported) ?? [];
  return model === undefined || version === undefined ? { model: reported, version: null } : { model, version };
}

/** The prices of the deployment in every tier and at any time. */
function candidatesFor(asked: Asked, { byModel, zones }: Shelf): readonly PriceEntry[] {
  const { endpoint } = asked;
  const fits = (entry: PriceEntry, version: string | null): boolean =>
    entry.deploymentType === asked.deploymentType &&
    (entry.modelVersion === null || entry.modelVersion === version) &&
    (entry.place === null ||
      (entry.place.kind === 'region'
        ? entry.place.name === endpoint.region
        : zones[entry.place.name]?.includes(endpoint.region) === true));
  const ofDeployment = (byModel.get(endpoint.model) ?? []).filter(
    (entry) => entry.resolveBy === 'deployment' && fits(entry, endpoint.modelVersion),
  );
  if (asked.reportedModel === null) return ofDeployment;
  const { model, version } = splitReported(asked.reportedModel);
  const ofReport = (byModel.get(model) ?? []).filter(
    (entry) => entry.resolveBy === 'reportedModel' && fits(entry, version),
  );
  return [...ofDeployment, ...ofReport];
}

function resolve(asked: Asked, shelf: Shelf): Resolved {
  const candidates = candidatesFor(asked, shelf);
  let from = -Infinity;
  let to = Infinity;
  for (const { effectiveFrom, effectiveTo } of candidates) {
    for (const edge of [effectiveFrom, effectiveTo ?? Infinity]) {
      if (edge <= asked.at) from = Math.max(from, edge);
      else to = Math.min(to, edge);
    }
  }
  const inForce = candidates.filter(
    (one) => one.effectiveFrom <= asked.at && (one.effectiveTo === null || asked.at < one.effectiveTo),
  );
  const thresholds = [...new Set([0, ...inForce.map((one) => one.minInputTokens)])].toSorted((a, b) => b - a);
  const bands = thresholds.map((minInputTokens) => ({
    minInputTokens,
    meters: metersOfBand(inForce, { minInputTokens, serviceTier: asked.serviceTier }),
  }));
  const base = bands.at(-1)?.meters ?? noMeters;
  const missing = shelf.options.ordinaryMeters(asked.endpoint.model).filter((meter) => !base.has(meter));
  return { from, to, bands, missing };
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
  for (const layer of ['list', 'contracted'] as const) {
    const ofLayer = inForce.filter((one) => one.layer === layer && one.minInputTokens <= asked.minInputTokens);
    const band = Math.max(0, ...ofLayer.map((one) => one.minInputTokens));
    for (const entry of ofLayer) {
      if (entry.serviceTier !== asked.serviceTier) continue;
      // A call of a tool costs the same whatever the context.
      if (entry.minInputTokens !== band && !entry.meter.startsWith('toolCall:')) continue;
      const prices = meters.get(entry.meter) ?? { list: undefined, contracted: undefined };
      if (isBetter(entry, prices[layer])) prices[layer] = entry;
      meters.set(entry.meter, prices);
    }
  }
  return meters;
}

function isBetter(entry: PriceEntry, current: PriceEntry | undefined): boolean {
  if (current === undefined) return true;
  const difference = specificity(entry) - specificity(current);
  return difference === 0 ? entry.effectiveFrom > current.effectiveFrom : difference > 0;
}

type Charge = readonly [meter: string, units: number];

/** An unreported part is charged with the rest, at the full rate: as a part of its own it counts 0. */
const asPart = (part: number | null): number => part ?? 0;

/** What is to be charged, by meter; or why that cannot be said. */
function chargesOf(
  units: Units,
  known: { readonly input: number; readonly output: number; readonly reasoningApart: boolean },
): readonly Charge[] | string {
  const [cached, written] = [asPart(units.cachedInput), asPart(units.cacheWriteInput)];
  const [audioIn, images] = [asPart(units.audioInput), asPart(units.imageInput)];
  const [audioOut, reasoning] = [asPart(units.audioOutput), asPart(units.reasoning)];
  const restIn = known.input - cached - written - audioIn - images;
  const restOut = known.output - audioOut - reasoning;
  if (restIn < 0) return 'the parts of the input are more than the input';
  if (restOut < 0) return 'the parts of the output are more than the output';
  const charges: Charge[] = [
    ['input', restIn],
    ['cachedInput', cached],
    ['cacheWriteInput', written],
    ['audioInput', audioIn],
    ['imageInput', images],
    ['output', known.reasoningApart ? restOut : restOut + reasoning],
    ['audioOutput', audioOut],
  ];
  if (known.reasoningApart) charges.push(['reasoning', reasoning]);
  for (const tool in units.toolCalls) charges.push([`toolCall:${tool}`, units.toolCalls[tool] ?? 0]);
  return charges.every(([, count]) => Number.isSafeInteger(count) && count >= 0)
    ? charges
    : 'a unit is not a whole number of at least 0';
}

function priced(charges: readonly Charge[], meters: ReadonlyMap<string, MeterPrice>): Cost {
  const lines: CostLine[] = [];
  const missing: string[] = [];
  let total = 0n;
  let list: bigint | null = 0n;
  for (const [meter, units] of charges) {
    if (units === 0) continue;
    const prices = meters.get(meter);
    if (prices === undefined) {
      missing.push(meter);
      continue;
    }
    // The contracted price is charged; the list price stands beside it, so that the discount can be shown.
    for (const price of [prices.list, prices.contracted]) {
      if (price !== undefined) lines.push(lineOf(price, units));
    }
    total += nanoUsdOf(units, (prices.contracted ?? prices.list)?.nanoUsdPerMillion ?? 0n);
    list = list === null || prices.list === undefined ? null : list + nanoUsdOf(units, prices.list.nanoUsdPerMillion);
  }
  return missing.length === 0
    ? { pricing: 'token', lines, nanoUsd: total, listNanoUsd: list, internalNanoUsd: null, unpriced: missing }
    : unpricedCost(missing, lines);
}

function lineOf(price: PriceEntry, units: number): CostLine {
  const { layer, meter, id } = price;
  return { layer, meter, units, priceId: id, nanoUsd: nanoUsdOf(units, price.nanoUsdPerMillion) };
}

function bookId(entries: readonly PriceEntry[]): string {
  const hash = createHash('sha256');
  const lines = entries.map((one) =>
    JSON.stringify(one, (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value)),
  );
  for (const line of lines.toSorted()) hash.update(line).update('\n');
  return hash.digest('hex').slice(0, 16);
}
