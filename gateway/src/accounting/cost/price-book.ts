import { createHash } from 'node:crypto';
import type { DeploymentType } from '#model/endpoint.ts';
import type { Cost, CostLine } from '#model/money.ts';
import type { PriceBook, PricedEndpoint, PriceTerms } from '#model/price-book.ts';
import type { Units } from '#model/usage-record.ts';
import { chargesOf, soldBy, type Charge } from './charges.ts';
import { internalLine, type InternalRate } from './internal-rates.ts';
import { findConflicts, normalTier, type DataZones, type PriceEntry } from './price-entry.ts';
import {
  pricesInForce,
  resolve,
  type Asked,
  type Band,
  type MeterPrice,
  type Resolved,
  type Shelf,
} from './resolve.ts';
import { nanoUsdOf } from './rounding.ts';

export interface PriceBookOptions {
  readonly entries: readonly PriceEntry[];
  /** Margins that are charged inside the organisation. */
  readonly rates?: readonly InternalRate[];
  readonly zones: DataZones;
  /** The meters that an ordinary call to a model runs on; what `missing` asks for. */
  readonly ordinaryMeters: (model: string) => readonly string[];
  /** Of a book that was made of the same before, in another thread: then neither conflicts nor an id are looked for again. */
  readonly id?: string;
}

/** A price book that also shows what is in it. */
export interface ListedPriceBook extends PriceBook {
  readonly entries: readonly PriceEntry[];
  readonly rates: readonly InternalRate[];
  readonly zones: DataZones;
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
const ptuTerms: PriceTerms = { cost: () => ptuCost };
const unknownCost = (why: string): Cost => ({
  pricing: 'token',
  lines: [],
  nanoUsd: null,
  listNanoUsd: null,
  internalNanoUsd: null,
  unpriced: [why],
});

/** 72 bits: nobody can choose what is hashed, and two editions of one endpoint are to differ. */
const editionLength = 12;

/** Upstreams name tiers and models; a strange one must not grow the memory. */
const memoLimit = 256;
/** Endpoints that are alike but not the same object, as old records name them. */
const likenessLimit = 4096;

/**
 * The prices of a moment in the file's life, as one immutable value. Throws where two entries are equally specific:
 * the configuration is checked for that before.
 *
 * What is charged:
 * - The parts of the input that have a meter of their own (cached, cache writes, audio, image) are taken out of it and
 *   charged at their own price; the rest is `input`. A part that the provider did not report (null) stays in the rest,
 *   at the full rate. The same for `audioOutput` and the output. Reasoning is output, unless it has a price of its own.
 * - Images, seconds and characters where they have a price; where only tokens have one, they are in the tokens.
 * - Every unit that is not 0 needs a price; else the cost is null and the meters are named. Never 0 for unknown.
 * - A long-context price (`minInputTokens`) holds for the whole request: from there on, in every tier, only prices of
 *   that band count.
 * - A provisioned deployment is paid by the hour: 0, `ptu`. A call that spilled over is priced as the pay-as-you-go
 *   deployment of the same model in the same scope (global, data zone, region).
 *
 * On three layers: the list price; the contracted price, which is paid where there is one; and what is charged inside,
 * an internal price where there is one, else what is paid with the margin in force. Each has its own line.
 */
export function createPriceBook(options: PriceBookOptions): ListedPriceBook {
  const { entries, zones, ordinaryMeters, rates = [] } = options;
  const [conflict] = options.id === undefined ? findConflicts(entries, zones) : [];
  if (conflict !== undefined) {
    throw new Error(`The prices '${conflict.first.id}' and '${conflict.second.id}' are equally specific.`);
  }
  const shelf: Shelf = { byModel: Map.groupBy(entries, (one) => one.model), rates, zones, ordinaryMeters };
  const memo = new Memo(shelf, {
    byReport: entries.some((one) => one.resolveBy === 'reportedModel'),
    byProduct: rates.some((one) => one.product !== null),
  });
  const terms: PriceBook['terms'] = (call) => {
    const { endpoint } = call;
    const target = payAsYouGo[endpoint.deploymentType];
    if (target !== undefined && call.spilledFrom === null) return ptuTerms;
    const asked: Asked = {
      endpoint,
      deploymentType: target ?? endpoint.deploymentType,
      serviceTier: normalTier(call.serviceTier),
      reportedModel: call.reportedModel,
      product: call.product,
      at: call.at,
    };
    return memo.resolved(asked).terms;
  };

  return {
    id: options.id ?? bookId(entries, rates),
    entries,
    rates,
    zones,
    terms,
    cost: (usage) => terms(usage).cost(usage.units),
    missing(endpoint, at) {
      if (payAsYouGo[endpoint.deploymentType] !== undefined) return [];
      const { deploymentType } = endpoint;
      const asked = { endpoint, deploymentType, serviceTier: 'default', reportedModel: null, product: null, at };
      return memo.resolved(asked).missing;
    },
    edition(endpoint, { product, at }) {
      const deploymentType = payAsYouGo[endpoint.deploymentType] ?? endpoint.deploymentType;
      const told = pricesInForce({ endpoint, deploymentType, product, at }, shelf);
      return createHash('sha256').update(told).digest('base64url').slice(0, editionLength);
    },
  };
}

const noPrices: Band = { minInputTokens: 0, meters: new Map(), soldBy: soldBy(new Map()) };

class ResolvedTerms implements PriceTerms {
  readonly #bands: readonly Band[];
  readonly #rate: InternalRate | undefined;

  constructor({ bands, rate }: Resolved) {
    this.#bands = bands;
    this.#rate = rate;
  }

  cost(units: Units): Cost {
    const input = units.input ?? 0;
    const band = this.#bands.find((one) => one.minInputTokens <= input) ?? noPrices;
    const charges = chargesOf(units, band.soldBy);
    return typeof charges === 'string' ? unknownCost(charges) : priced(charges, band, this.#rate);
  }
}

/** The terms of everything that is priced by the same entries and the same margin are one value. */
class AllTerms {
  readonly #numbers: ReadonlyMap<PriceEntry | InternalRate, number>;
  readonly #made = new Map<string, PriceTerms>();

  constructor(entries: readonly PriceEntry[], rates: readonly InternalRate[]) {
    this.#numbers = new Map([...entries, ...rates].map((one, at) => [one, at]));
  }

  of(resolved: Resolved): PriceTerms {
    const { bands, rate } = resolved;
    const entries = bands.map(({ minInputTokens, meters }) => [
      minInputTokens,
      [...meters].map(([meter, prices]) => [meter, ...Object.values(prices).map((one) => this.#numberOf(one))]),
    ]);
    const key = JSON.stringify([entries, this.#numberOf(rate)]);
    let terms = this.#made.get(key);
    if (terms === undefined) {
      if (this.#made.size >= likenessLimit) this.#made.clear();
      this.#made.set(key, (terms = new ResolvedTerms(resolved)));
    }
    return terms;
  }

  #numberOf(one: PriceEntry | InternalRate | undefined): number | null {
    return one === undefined ? null : (this.#numbers.get(one) ?? null);
  }
}

interface Known extends Resolved {
  readonly terms: PriceTerms;
}

/** What was resolved before, for as long as it holds. */
class Memo {
  readonly #shelf: Shelf;
  readonly #depends: { readonly byReport: boolean; readonly byProduct: boolean };
  readonly #terms: AllTerms;
  /** An endpoint of the configuration is found by itself, without a key to build … */
  readonly #byObject = new WeakMap<PricedEndpoint, Map<string, Known>>();
  /** … and one that is made for a single question by what it says. */
  readonly #byLikeness = new Map<string, Map<string, Known>>();

  constructor(shelf: Shelf, depends: { readonly byReport: boolean; readonly byProduct: boolean }) {
    this.#shelf = shelf;
    this.#depends = depends;
    this.#terms = new AllTerms([...shelf.byModel.values()].flat(), shelf.rates);
  }

  resolved(asked: Asked): Known {
    const { byReport, byProduct } = this.#depends;
    const reportedModel = byReport ? asked.reportedModel : null;
    const product = byProduct ? asked.product : null;
    const key =
      reportedModel === null && product === null
        ? `${asked.deploymentType} ${asked.serviceTier}`
        : `${asked.deploymentType} ${asked.serviceTier} ${reportedModel ?? ''} ${product ?? ''}`;
    const known = this.#of(asked.endpoint);
    const found = known.get(key);
    if (found !== undefined && asked.at >= found.from && asked.at < found.to) return found;
    if (known.size >= memoLimit) known.clear();
    const resolved = resolve({ ...asked, reportedModel, product }, this.#shelf);
    const made = { ...resolved, terms: this.#terms.of(resolved) };
    known.set(key, made);
    return made;
  }

  #of(endpoint: PricedEndpoint): Map<string, Known> {
    const own = this.#byObject.get(endpoint);
    if (own !== undefined) return own;
    const { model, modelVersion, deploymentType, region } = endpoint;
    const likeness = [model, modelVersion ?? '', deploymentType, region].join('\n');
    const like = this.#byLikeness.get(likeness) ?? new Map<string, Known>();
    if (this.#byLikeness.size >= likenessLimit) this.#byLikeness.clear();
    this.#byLikeness.set(likeness, like);
    this.#byObject.set(endpoint, like);
    return like;
  }
}

/** The lines of one charge, layer by layer, and which of them is paid. */
interface Charged {
  readonly list: CostLine | undefined;
  readonly contracted: CostLine | undefined;
  readonly internal: CostLine | undefined;
  /** The contracted price is paid; the list price stands beside it, so that the discount can be shown. */
  readonly paid: CostLine | undefined;
}

const notCharged: Charged = { list: undefined, contracted: undefined, internal: undefined, paid: undefined };

function charged([meter, units]: Charge, prices: MeterPrice | undefined, rate: InternalRate | undefined): Charged {
  if (prices === undefined) return notCharged;
  const list = lineOf(prices.list, meter, units);
  const contracted = lineOf(prices.contracted, meter, units);
  const paid = contracted ?? list;
  const withMargin = rate === undefined || paid === undefined ? undefined : internalLine(rate, paid);
  return { list, contracted, internal: lineOf(prices.internal, meter, units) ?? withMargin, paid };
}

/** A sum of which one part is unknown is unknown. */
const plus = (sum: bigint | null, line: CostLine | undefined): bigint | null =>
  sum === null || line === undefined ? null : sum + line.nanoUsd;

function priced(charges: readonly Charge[], { meters }: Band, rate: InternalRate | undefined): Cost {
  const lines: CostLine[] = [];
  const unpriced: string[] = [];
  let nanoUsd: bigint | null = 0n;
  let listNanoUsd: bigint | null = 0n;
  let internalNanoUsd: bigint | null = 0n;
  for (const charge of charges) {
    const [meter, units] = charge;
    if (units === 0) continue;
    const { list, contracted, internal, paid } = charged(charge, meters.get(meter), rate);
    if (list !== undefined) lines.push(list);
    if (contracted !== undefined) lines.push(contracted);
    if (internal !== undefined) lines.push(internal);
    if (paid === undefined) unpriced.push(meter);
    nanoUsd = plus(nanoUsd, paid);
    listNanoUsd = plus(listNanoUsd, list);
    internalNanoUsd = plus(internalNanoUsd, internal);
  }
  return { pricing: 'token', lines, nanoUsd, listNanoUsd, internalNanoUsd, unpriced };
}

function lineOf(price: PriceEntry | undefined, meter: string, units: number): CostLine | undefined {
  if (price === undefined) return undefined;
  return { layer: price.layer, meter, units, priceId: price.id, nanoUsd: nanoUsdOf(units, price.nanoUsdPerMillion) };
}

function bookId(entries: readonly PriceEntry[], rates: readonly InternalRate[]): string {
  const hash = createHash('sha256');
  const lines = [...entries, ...rates].map((one) =>
    JSON.stringify(one, (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value)),
  );
  for (const line of lines.toSorted()) hash.update(line).update('\n');
  return hash.digest('hex').slice(0, 16);
}
