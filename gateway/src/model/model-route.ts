import type { Endpoint } from './endpoint.ts';

interface WeightedEndpoint {
  readonly endpoint: Endpoint;
  /** Share inside its tier, relative to the others; > 0. */
  readonly weight: number;
}

/** What calls that belong together have in common. `user`: `safety_identifier`, else `user`. */
export type SessionKey =
  | { readonly from: 'prompt_cache_key' | 'user' | 'subscription' | 'consumer' }
  /** By its lower-case name. */
  | { readonly from: 'header'; readonly name: string };

/** Endpoints of one priority. Never empty. */
export interface Tier {
  readonly endpoints: readonly WeightedEndpoint[];
  /** How the choice among them is made: a name of `proxy/routing/balancers/registry.ts`. */
  readonly balancer: string;
}

/** How much a model's retries may add to what its endpoints bear already. */
export interface RetryLimit {
  /** Retries per call, at most, over the last seconds; [0, 1]. */
  readonly share: number;
  /** Retries that are allowed in any case, over the same time. */
  readonly atLeast: number;
}

/** How calls wait until an endpoint can take them. */
export interface QueueTerms {
  /** The longest wait of one call, ms. */
  readonly maxWaitMs: number;
  /** So many wait at a time. */
  readonly maxLength: number;
}

/** The name that a client uses, and where it may go. */
export interface ModelRoute {
  readonly name: string;
  /** In order of priority: a later tier is used only when nothing of the earlier ones can be. */
  readonly tiers: readonly Tier[];
  /** The endpoints of all tiers, in their order. */
  readonly endpoints: readonly Endpoint[];
  /** Deployments that take batches, and nothing else: what a file for the model may be sent to. */
  readonly batch: readonly Endpoint[];
  /** For balancers that keep the calls of a session together. */
  readonly sessionKey: SessionKey;
  /** From arrival to the last byte, ms: of a call that is not streamed. */
  readonly deadlineMs: number;
  /** The same of one that is. */
  readonly streamDeadlineMs: number;
  /** The longest silence of an upstream between two chunks, ms. */
  readonly idleTimeoutMs: number;
  /** The longest wait for the first byte of a stream, per attempt, ms. */
  readonly firstByteTimeoutMs: number;
  /** The longest wait of one attempt for a reply that is not streamed; null: only the deadline counts. */
  readonly replyTimeoutMs: number | null;
  /** Attempts in all, the first one included. */
  readonly maxAttempts: number;
  readonly retries: RetryLimit;
  /** Null: what cannot be taken now is refused at once. */
  readonly queue: QueueTerms | null;
  /** `cancel` stops the upstream at once and counts what was delivered; `drain` reads on to the exact usage. */
  readonly onClientDisconnect: 'cancel' | 'drain';
  /** The most input and output tokens of a call, over all endpoints; null where one of them has no published limit. */
  readonly maxInput: number | null;
  readonly maxOutput: number | null;
  /** The model family's tokenizer, for counting what the provider did not report; null where none is known. */
  readonly tokenizer: 'o200k_base' | 'cl100k_base' | null;
}

/** How long a call may take in all, ms. */
export function deadlineOf(route: Pick<ModelRoute, 'deadlineMs' | 'streamDeadlineMs'>, stream: boolean): number {
  return stream ? route.streamDeadlineMs : route.deadlineMs;
}
