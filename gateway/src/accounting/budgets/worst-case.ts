import type { Admission } from '#model/admission.ts';
import type { Endpoint } from '#model/endpoint.ts';
import type { Cost } from '#model/money.ts';
import type { PriceBook, PriceTerms } from '#model/price-book.ts';
import { noUnits, type Units } from '#model/usage-record.ts';
import type { CallBounds } from './call-bounds.ts';

const dayMs = 86_400_000;
/** Tokens: so few that no price of long contexts applies, and so many that it does. */
const probes = [1000, 100_000_000] as const;
/** Callers name tiers; a strange one must not grow the memory. */
const mostKnown = 256;

/** Each line of a cost is rounded by itself: what that can add to a sum. */
const roundingNano = 10n;

type InputMeter = 'input' | 'cachedInput' | 'cacheWriteInput' | 'audioInput' | 'imageInput';
type OutputMeter = 'output' | 'reasoning' | 'audioOutput';

interface Kinds {
  readonly audio: boolean;
  readonly images: boolean;
}

/** What the tokens of a deployment may be that costs most. */
interface Dearest {
  readonly input: InputMeter;
  readonly output: OutputMeter;
}

/** What a call may be priced by. */
interface Candidate {
  readonly terms: PriceTerms;
  /** On one layer, or in long contexts, it may be other tokens than elsewhere; nearly always it is one. */
  readonly dearest: readonly Dearest[];
}

/** What an endpoint may price a call by, tier by tier. */
type Candidates = readonly Candidate[];

/**
 * Where a call names no tier the deployment's own counts, which may be `priority` and is not known here. Source: "Enable
 * priority processing", learn.microsoft.com/azure/foundry/openai/concepts/priority-processing.
 */
function tiersAsked({ exchange }: Admission): readonly (string | null)[] {
  const asked = exchange.body.json['service_tier'];
  if (typeof asked !== 'string' || asked === 'auto') return [null, 'priority'];
  return [asked];
}

const sumsOn = {
  contracted: ({ nanoUsd }: Cost) => nanoUsd,
  list: ({ listNanoUsd }: Cost) => listNanoUsd,
  internal: ({ internalNanoUsd }: Cost) => internalNanoUsd,
} as const;
const layers = Object.values(sumsOn);

/** The dearest of the sums that are known; null where none is. */
function most(cost: Cost): bigint | null {
  const { nanoUsd } = cost;
  // What is not priced on the layer that is paid is not priced.
  if (nanoUsd === null) return null;
  let dearest = nanoUsd;
  for (const sumOf of layers) {
    const other = sumOf(cost);
    if (other !== null && other > dearest) dearest = other;
  }
  return dearest;
}

function dearestOf<Meter extends string>(
  costs: readonly (readonly [Meter, Cost])[],
  sumOf: (cost: Cost) => bigint | null,
): Meter {
  const sum = ([, cost]: readonly [Meter, Cost]): bigint => sumOf(cost) ?? -1n;
  const [meter] = costs.reduce((best, one) => (sum(one) > sum(best) ? one : best));
  return meter;
}

function unitsOf({ input: inputMeter, output: outputMeter }: Dearest, bounds: CallBounds, input: number): Units {
  const units: { -readonly [unit in keyof Units]: Units[unit] } = { ...noUnits };
  units.input = input;
  units.output = bounds.output;
  units.toolCalls = bounds.toolCalls;
  if (inputMeter !== 'input') units[inputMeter] = input;
  if (outputMeter !== 'output') units[outputMeter] = bounds.output;
  return units;
}

/** What a call costs at most where it is priced by one of them; null where none of them has a price for it. */
function worstOf(candidates: Candidates, bounds: CallBounds, input: number): bigint | null {
  let worst: bigint | null = null;
  for (const { terms, dearest } of candidates) {
    for (const meters of dearest) {
      const cost = most(terms.cost(unitsOf(meters, bounds, input)));
      // A tier without a price is no tier that this deployment serves, unless the call asks for it alone.
      if (cost !== null && (worst === null || cost > worst)) worst = cost;
    }
  }
  return worst;
}

function isSame(one: Candidates, other: Candidates): boolean {
  return one.length === other.length && one.every(({ terms }, at) => terms === other[at]?.terms);
}

/** What the prices of a call depend on, beside its endpoint. */
interface Kind extends Kinds {
  readonly tiers: readonly (string | null)[];
  readonly product: string;
  readonly at: number;
}

/**
 * The most that one attempt of a call may cost on any layer, whichever of the endpoints serves it, the target of Azure's
 * own spillover included. One value per price book. Endpoints that are priced alike are priced once.
 */
export class WorstCase {
  readonly #book: PriceBook;
  /** By the endpoints of a model, then by UTC day, tier, product and kind: prices begin and end with days. */
  readonly #known = new WeakMap<readonly Endpoint[], Map<string, readonly Candidates[]>>();

  constructor(book: PriceBook) {
    this.#book = book;
  }

  /** 10^-9 USD; null where an endpoint that may serve the call has no price for it. `input`: bounds the input. */
  of(
    admission: Admission,
    asked: { readonly bounds: CallBounds; readonly input: number; readonly at: number },
  ): bigint | null {
    let worst = 0n;
    for (const candidates of this.#candidates(admission, asked)) {
      const cost = worstOf(candidates, asked.bounds, asked.input);
      if (cost === null) return null;
      if (cost > worst) worst = cost;
    }
    return worst + roundingNano;
  }

  /** Of each endpoint that is priced otherwise than those before it. */
  #candidates(
    admission: Admission,
    { bounds, at }: { readonly bounds: CallBounds; readonly at: number },
  ): readonly Candidates[] {
    const { endpoints } = admission.route;
    const { product } = admission.caller.chargedTo;
    const { audio, images } = bounds;
    const tiers = tiersAsked(admission);
    let known = this.#known.get(endpoints);
    if (known === undefined) this.#known.set(endpoints, (known = new Map()));
    const key = `${Math.floor(at / dayMs)} ${tiers[0] ?? ''} ${product} ${audio ? 'a' : ''}${images ? 'i' : ''}`;
    let found = known.get(key);
    if (found === undefined) {
      if (known.size >= mostKnown) known.clear();
      known.set(key, (found = this.#compare(endpoints, { audio, images, tiers, product, at })));
    }
    return found;
  }

  #compare(endpoints: readonly Endpoint[], kind: Kind): readonly Candidates[] {
    const found: Candidates[] = [];
    for (const endpoint of endpoints) {
      const candidates = kind.tiers.flatMap((serviceTier) => {
        const terms = this.#termsOf(endpoint, serviceTier, kind);
        const dearest = dearestBy(terms, kind);
        return dearest === null ? [] : [{ terms, dearest }];
      });
      if (!found.some((other) => isSame(candidates, other))) found.push(candidates);
    }
    return found;
  }

  /** A provisioned deployment costs nothing by the call, but what Azure lets spill over from it does. */
  #termsOf(endpoint: Endpoint, serviceTier: string | null, { at, product }: Kind): PriceTerms {
    return this.#book.terms({
      endpoint,
      serviceTier,
      at,
      product,
      reportedModel: null,
      spilledFrom: endpoint.deployment,
    });
  }
}

/** Null where the terms have no prices. */
function dearestBy(terms: PriceTerms, kinds: Kinds): readonly Dearest[] | null {
  const costOf = (units: Partial<Units>): Cost => terms.cost({ ...noUnits, ...units });
  const [few] = probes;
  if (most(costOf({ input: few })) === null) return null;
  const inputs: InputMeter[] = ['input', 'cachedInput', 'cacheWriteInput'];
  if (kinds.audio) inputs.push('audioInput');
  if (kinds.images) inputs.push('imageInput');
  const outputs: OutputMeter[] = kinds.audio ? ['output', 'reasoning', 'audioOutput'] : ['output', 'reasoning'];
  const found = new Map<string, Dearest>();
  for (const probe of probes) {
    const inputCosts = inputs.map((meter) => [meter, costOf({ input: probe, [meter]: probe })] as const);
    const outputCosts = outputs.map(
      (meter) => [meter, costOf({ input: probe, output: probe, [meter]: probe })] as const,
    );
    for (const sumOf of layers) {
      const dearest = { input: dearestOf(inputCosts, sumOf), output: dearestOf(outputCosts, sumOf) };
      found.set(`${dearest.input} ${dearest.output}`, dearest);
    }
  }
  return [...found.values()];
}
