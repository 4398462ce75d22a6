import type { Admission } from '#model/admission.ts';
import type { Endpoint } from '#model/endpoint.ts';
import type { Cost } from '#model/money.ts';
import type { PriceBook } from '#model/price-book.ts';
import { noUnits, type Units } from '#model/usage-record.ts';
import type { CallBounds } from './call-bounds.ts';

const dayMs = 86_400_000;
/** Tokens; few, so that no price of long contexts applies. */
const probe = 1000;
/** Callers name tiers; a strange one must not grow the memory. */
const mostKnown = 256;

/** Each line of a cost is rounded by itself: what that can add to a sum. */
const roundingNano = 10n;

type InputMeter = 'input' | 'cacheWriteInput' | 'audioInput' | 'imageInput';
type OutputMeter = 'output' | 'reasoning' | 'audioOutput';

interface Kinds {
  readonly audio: boolean;
  readonly images: boolean;
}

/** What a deployment's tokens cost at most, and at which tier. */
interface Dearest {
  readonly input: InputMeter;
  readonly output: OutputMeter;
}

interface Tier {
  readonly name: string | null;
  readonly dearest: Dearest;
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

/** The dearest of the sums that are known; null where none is. */
function most(cost: Cost): bigint | null {
  const { nanoUsd, listNanoUsd, internalNanoUsd } = cost;
  // What is not priced on the layer that is paid is not priced.
  if (nanoUsd === null) return null;
  let dearest = nanoUsd;
  for (const other of [listNanoUsd, internalNanoUsd]) if (other !== null && other > dearest) dearest = other;
  return dearest;
}

function dearestOf<Meter extends string>(meters: readonly Meter[], priceOf: (meter: Meter) => bigint): Meter {
  return meters.reduce((best, one) => (priceOf(one) > priceOf(best) ? one : best));
}

/**
 * The most that one attempt of a call may cost on any layer, whichever of the endpoints serves it, the target of Azure's
 * own spillover included. One value per price book.
 */
export class WorstCase {
  readonly #book: PriceBook;
  /** By endpoint, then by UTC day, tier and kind: prices begin and end with days. */
  readonly #dearest = new WeakMap<Endpoint, Map<string, Dearest | null>>();

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
    for (const tier of this.#tiers(admission, endpoint, { kinds: bounds, at })) {
      const units: Units = {
        ...noUnits,
        input,
        output: bounds.output,
        toolCalls: bounds.toolCalls,
        ...(tier.dearest.input === 'input' ? {} : { [tier.dearest.input]: input }),
        ...(tier.dearest.output === 'output' ? {} : { [tier.dearest.output]: bounds.output }),
      };
      const cost = this.#cost(endpoint, { units, serviceTier: tier.name, at, product });
      // A tier without a price is no tier that this deployment serves, unless the call asks for it alone.
      if (cost !== null && (worst === null || cost > worst)) worst = cost;
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
  ): Dearest | null {
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
  ): Dearest | null {
    const price = (units: Partial<Units>): bigint =>
      this.#cost(endpoint, { units: { ...noUnits, ...units }, serviceTier: name, at, product }) ?? -1n;
    if (price({ input: probe }) < 0n) return null;
    const inputs: InputMeter[] = ['input', 'cacheWriteInput'];
    if (kinds.audio) inputs.push('audioInput');
    if (kinds.images) inputs.push('imageInput');
    const outputs: OutputMeter[] = kinds.audio ? ['output', 'reasoning', 'audioOutput'] : ['output', 'reasoning'];
    return {
      input: dearestOf(inputs, (meter) => price({ input: probe, [meter]: probe })),
      output: dearestOf(outputs, (meter) => price({ output: probe, [meter]: probe })),
    };
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
  ): bigint | null {
    const asked = { endpoint, ...usage, reportedModel: null };
    return most(this.#book.cost({ ...asked, spilledFrom: endpoint.deployment }));
  }
}
