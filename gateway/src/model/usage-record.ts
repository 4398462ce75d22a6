import type { Cost } from './money.ts';
import type { Operation } from './operation.ts';

/**
 * What one attempt used. `input` and `output` are the provider's totals; cachedInput, cacheWriteInput, audioInput and
 * imageInput are disjoint parts of input; reasoning and audioOutput are parts of output. null = unknown, never 0 for
 * unknown. What an operation has nothing of is 0: a chat has no seconds.
 */
export interface Units {
  readonly input: number | null;
  readonly cachedInput: number | null;
  readonly cacheWriteInput: number | null;
  readonly audioInput: number | null;
  readonly imageInput: number | null;
  readonly output: number | null;
  readonly reasoning: number | null;
  readonly audioOutput: number | null;
  /** Sound transcribed or translated, whole seconds, rounded up. */
  readonly seconds: number | null;
  /** Characters spoken. */
  readonly characters: number | null;
  /** Calls of tools that the provider runs and charges by the call (`web_search`, `file_search`, `code_interpreter`, …). */
  readonly toolCalls: Readonly<Record<string, number>>;
  /** Images made, by `<quality>/<size>`: `high/1024x1024`. */
  readonly images: Readonly<Record<string, number>>;
}

export const unknownUnits: Units = {
  input: null,
  cachedInput: null,
  cacheWriteInput: null,
  audioInput: null,
  imageInput: null,
  output: null,
  reasoning: null,
  audioOutput: null,
  seconds: null,
  characters: null,
  toolCalls: {},
  images: {},
};
/** What a call used that was refused before anything was generated. */
export const noUnits: Units = {
  input: 0,
  cachedInput: 0,
  cacheWriteInput: 0,
  audioInput: 0,
  imageInput: 0,
  output: 0,
  reasoning: 0,
  audioOutput: 0,
  seconds: 0,
  characters: 0,
  toolCalls: {},
  images: {},
};

/**
 * How a number came to be known: `reported` by the provider; `delivered`: a lower bound, counted from what reached the
 * client; `tokenized`: counted exactly from known text; `estimated`; `none`: nothing was used; `unknown`.
 */
export type Measured = 'reported' | 'delivered' | 'tokenized' | 'estimated' | 'none' | 'unknown';

/**
 * How an attempt ended. `completed`: whole; `client-left`: nobody waited for the rest; `upstream-broke`: no reply, one that
 * broke off, or one that is none; `timed-out`: silent for too long, or beyond its deadline; `filtered-prompt`, `filtered-completion`: by the content
 * filter; `refused-by-upstream`: an error status, nothing used; `hedge-lost`: another attempt was faster; `gateway-lost`:
 * the gateway died meanwhile.
 */
export type Outcome =
  | 'completed'
  | 'client-left'
  | 'upstream-broke'
  | 'timed-out'
  | 'filtered-prompt'
  | 'filtered-completion'
  | 'refused-by-upstream'
  | 'hedge-lost'
  | 'gateway-lost';

/** Who is charged, as stored on the record: moving a consumer later changes only new requests. */
export interface ChargedTo {
  readonly subscription: string;
  readonly product: string;
  readonly consumer: string;
  /** From the organisation down, joined with `/`: `contoso/marketing`. */
  readonly costCentrePath: string;
  /** A keyed hash of the end user's id, or null. */
  readonly endUser: string | null;
}

/** Where the attempt went: the deployment is the priced object. */
export interface ServedBy {
  readonly endpoint: string;
  readonly resource: string;
  readonly region: string;
  readonly deployment: string;
  readonly deploymentType: string;
  readonly model: string;
  readonly modelVersion: string | null;
}

/** Written to the journal before the attempt goes upstream. */
export interface OpenedAttempt {
  /** The attempt id: of the journal entry, of the record in every store, and the `x-ms-client-request-id` sent upstream. */
  readonly id: string;
  readonly requestId: string;
  /** 1 for the first call to an upstream of a request. */
  readonly attempt: number;
  /** Admission of the attempt, UTC ms; everything buckets by it. */
  readonly at: number;
  readonly caller: ChargedTo;
  readonly servedBy: ServedBy;
  readonly operation: Operation;
  readonly stream: boolean;
  readonly requestedModel: string;
  /** What budgets hold for it, in 10^-9 USD; null until budgets exist on the caller's path. */
  readonly reservedNano: bigint | null;
  /** The price book it was admitted under and will settle with. */
  readonly priceBook: string;
}

/** How long the attempt took, part by part. */
export interface Timing {
  /** Waiting inside the gateway before the attempt was sent, ms. */
  readonly queueMs: number;
  /** From sending until the first byte of the reply's body, ms; null where there was none. */
  readonly firstByteMs: number | null;
  /** From sending until the upstream's reply ended, ms. */
  readonly upstreamMs: number;
  /** From the arrival of the request until the attempt was settled, ms. */
  readonly totalMs: number;
}

/** One per attempt; what reports, exports and every store are made of. */
export interface UsageRecord extends OpenedAttempt {
  readonly finishedAt: number;
  readonly outcome: Outcome;
  /** The upstream's HTTP status; null where no reply came. */
  readonly httpStatus: number | null;
  readonly units: Units;
  readonly measuredInput: Measured;
  readonly measuredOutput: Measured;
  /** As served, when the reply said so. */
  readonly serviceTier: string | null;
  readonly reportedModel: string | null;
  /** Azure's own spillover: the deployment that was asked first. */
  readonly spilledFrom: string | null;
  /** The upstream's own request id, for support. */
  readonly upstreamRequestId: string | null;
  readonly timing: Timing;
  readonly cost: Cost;
}
