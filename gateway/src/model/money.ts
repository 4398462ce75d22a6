/** Integers of 10^-9 USD. Never a float, never null for "nothing": null means unknown. */
export type NanoUsd = bigint;

/** `list`: what Azure publishes; `contracted`: what the organisation pays; `internal`: what a team is charged inside. */
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

/**
 * What the amount of a line is part of, as bits. `cost`: of the record's cost; `layer`: of the record's sum on the line's
 * own layer, which is not known where another meter has no price on it; `unpriced`: the record's cost is not known;
 * `inside`: what is charged inside is known, and charged instead of the cost. It stands on every line of the record.
 */
export const lineStanding = { cost: 1, layer: 2, unpriced: 4, inside: 8 } as const;

/**
 * A cost line as the ledger adds it up: it says by itself what it is part of, so that sums of lines are the sums of the
 * records. A meter without a price has a line too, with an empty price id and no amount.
 */
export interface LedgerLine extends CostLine {
  /** Bits of `lineStanding`. */
  readonly standing: number;
}

/** The price of what a provisioned deployment served: nothing, because its hours are paid. */
export const paidByTheHour = 'ptu';

/** What an attempt costs on every layer, with the lines that each sum is made of. */
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
