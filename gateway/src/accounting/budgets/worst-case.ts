import type { Admission } from '#model/admission.ts';
import type { Endpoint } from '#model/endpoint.ts';
import type { Cost } from '#model/money.ts';
import type { PriceBook } from '#model/price-book.ts';
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

interface Tier {
  readonly name: string | null;
  /** On one layer, or in long contexts, it may be other tokens than elsewhere; nearly always it is one. */
  readonly dearest: readonly Dearest[];
}

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
  return {
    ...noUnits,
    input,
    output: bounds.output,
    toolCalls: bounds.toolCalls,
    ...(inputMeter === 'input' ? {} : { [inputMeter]: input }),
    ...(outputMeter === 'output' ? {} : { [outputMeter]: bounds.output }),
  };
}

/**
 * The most that one attempt of a call may cost on any layer, whichever of the endpoints serves it, the target of Azure's
 * own spillover included. One value per price book.
 */
export class WorstCase {
  readonly #book: PriceBook;
  /** By endpoint, then by UTC day, tier and kind: prices begin and end with days. */
  readonly #dearest = new WeakMap<Endpoint, Map<string, readonly Dearest[] | null>>();

  constructor(book: PriceBook) {
    this.#book = book;
  }

  /** 10^-9 USD; null where an endpoint that may serve the call has no price for it. `input`: bounds the input. */
  of(
    admission: Admission,
    asked: { readonly bounds: CallBounds; readonly input: number; readonly at: number },
  ): bigint | null {
    let worst = 0n;
    for (const endpoint of admission.route.endpoints) {
      const cost = this.#ofEndpoint(admission, endpoint, asked);
      if (cost === null) return null;
      if (cost > worst) worst = cost;
    }
    return worst + roundingNano;
  }

  #ofEndpoint(
    admission: Admission,
    endpoint: Endpoint,
    { bounds, input, at }: { readonly bounds: CallBounds; readonly input: number; readonly at: number },
  ): bigint | null {
    let worst: bigint | null = null;
    const { product } = admission.caller.chargedTo;
    for (const { name, dearest } of this.#tiers(admission, endpoint, { kinds: bounds, at })) {
      for (const meters of dearest) {
        const cost = most(
          this.#cost(endpoint, { units: unitsOf(meters, bounds, input), serviceTier: name, at, product }),
        );
        // A tier without a price is no tier that this deployment serves, unless the call asks for it alone.
        if (cost !== null && (worst === null || cost > worst)) worst = cost;
      }
    }
    return worst;
  }

  #tiers(
    admission: Admission,
    endpoint: Endpoint,
    { kinds, at }: { readonly kinds: Kinds; readonly at: number },
  ): readonly Tier[] {
    return tiersAsked(admission).flatMap((name) => {
      const dearest = this.#dearestOf(endpoint, { name, kinds, at, product: admission.caller.chargedTo.product });
      return dearest === null ? [] : [{ name, dearest }];
    });
  }

  /** Null where the tier has no prices. */
  #dearestOf(
    endpoint: Endpoint,
    asked: { readonly name: string | null; readonly kinds: Kinds; readonly at: number; readonly product: string },
  ): readonly Dearest[] | null {
    let known = this.#dearest.get(endpoint);
    if (known === undefined) this.#dearest.set(endpoint, (known = new Map()));
    const { audio, images } = asked.kinds;
    const day = Math.floor(asked.at / dayMs);
    const key = `${day} ${asked.name ?? ''} ${asked.product} ${audio ? 'a' : ''}${images ? 'i' : ''}`;
    let found = known.get(key);
    if (found !== undefined) return found;
    if (known.size >= mostKnown) known.clear();
    if (found === undefined) known.set(key, (found = this.#compare(endpoint, asked)));
    return found;
  }

  #compare(
    endpoint: Endpoint,
    {
      name,
      kinds,
      at,
      product,
    }: { readonly name: string | null; readonly kinds: Kinds; readonly at: number; readonly product: string },
  ): readonly Dearest[] | null {
    const costOf = (units: Partial<Units>): Cost =>
      this.#cost(endpoint, { units: { ...noUnits, ...units }, serviceTier: name, at, product });
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

  /** A provisioned deployment costs nothing by the call, but what Azure lets spill over from it does. */
  #cost(
    endpoint: Endpoint,
    usage: {
      readonly units: Units;
      readonly serviceTier: string | null;
      readonly at: number;
      readonly product: string;
    },
  ): Cost {
    const asked = { endpoint, ...usage, reportedModel: null };
    return this.#book.cost({ ...asked, spilledFrom: endpoint.deployment });
  }
}
