/** Integers of 10^-9 USD. Never a float, never null for "nothing": null means unknown. */
export type NanoUsd = bigint;

export type PriceLayer = 'list' | 'contracted' | 'internal';

/** One meter of one attempt, priced on one layer; rounded half to even. */
export interface CostLine {
  readonly layer: PriceLayer;
  /** The unit that was priced: `input`, `cachedInput`, `output`, … or `toolCall:<tool>`. */
  readonly meter: string;
  readonly units: number;
  readonly priceId: string;
  readonly nanoUsd: NanoUsd;
}

export interface Cost {
  /** `ptu`: the deployment is paid by the hour, so the attempt itself costs nothing. */
  readonly pricing: 'token' | 'ptu';
  readonly lines: readonly CostLine[];
  /**
   * The contracted price of each meter where there is one, else its list price: what reports and budgets call the cost.
   * Null where a unit that is not zero (or not known) has no price; never 0 for that.
   */
  readonly nanoUsd: NanoUsd | null;
  /** The same usage at list prices alone; null where a unit that is not zero has none. */
  readonly listNanoUsd: NanoUsd | null;
  /** The same usage at internal rates; null where a unit that is not zero has none. */
  readonly internalNanoUsd: NanoUsd | null;
  /** The meters without a price, or why nothing could be priced (`usage unknown`); empty where nanoUsd is known. */
  readonly unpriced: readonly string[];
}
