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
}

/** Where nobody says otherwise. */
export const defaultRoutingTerms: RoutingTerms = Object.freeze({
  priority: 'standard',
  fallback: new Map(),
});
