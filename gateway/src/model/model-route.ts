import type { Endpoint } from './endpoint.ts';

export interface WeightedEndpoint {
  readonly endpoint: Endpoint;
  /** Share inside its tier, relative to the others; > 0. */
  readonly weight: number;
}

/** The name that a client uses, and where it may go. */
export interface ModelRoute {
  readonly name: string;
  /** In order of priority: a later tier is used only when nothing of the earlier ones can be. */
  readonly tiers: readonly (readonly WeightedEndpoint[])[];
  /** The endpoints of all tiers, in their order. */
  readonly endpoints: readonly Endpoint[];
  /** From arrival to the last byte, ms. */
  readonly deadlineMs: number;
  /** The longest silence of an upstream between two chunks, ms. */
  readonly idleTimeoutMs: number;
  /** Attempts in all, the first one included. */
  readonly maxAttempts: number;
  /** `cancel` stops the upstream at once and counts what was delivered; `drain` reads on to the exact usage. */
  readonly onClientDisconnect: 'cancel' | 'drain';
  /** The model family's tokenizer, for counting what the provider did not report; null where none is known. */
  readonly tokenizer: 'o200k_base' | 'cl100k_base' | null;
}
