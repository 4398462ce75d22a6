/** How urgent a product's calls are, the most urgent first: who yields provisioned throughput, and who waits, to whom. */
export const priorities = ['interactive', 'standard', 'batch'] as const;
export type Priority = (typeof priorities)[number];

/** Per class the share of a provisioned deployment in use, (0, 1], from which on its calls go elsewhere if they can. */
export type YieldPoints = Readonly<Record<Priority, number>>;

/** How the calls of a product are routed. */
export interface RoutingTerms {
  readonly priority: Priority;
  /** By the name of a model: those that may serve a call of it where it cannot, in the order in which they are asked. */
  readonly fallback: ReadonlyMap<string, readonly string[]>;
  /** Null: no call is sent to a second endpoint while the first one may still answer. */
  readonly hedging: HedgingTerms | null;
}

/** A second attempt beside one that is slow to begin its answer. */
export interface HedgingTerms {
  /** It is made no sooner than so long after the first, ms, however fast the model's calls are answered as a rule. */
  readonly atLeastMs: number;
}

/** Where nobody says otherwise. */
export const defaultRoutingTerms: RoutingTerms = Object.freeze({
  priority: 'standard',
  fallback: new Map(),
  hedging: null,
});
