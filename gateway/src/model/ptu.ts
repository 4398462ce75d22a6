import type { ServedBy } from './usage-record.ts';

/** What a provisioned deployment holds and costs, for a while. */
export interface PtuPeriod {
  /** UTC ms, on a full minute; null: from when it was first seen. */
  readonly from: number | null;
  /** Exclusive; null is open. */
  readonly to: number | null;
  readonly units: number;
  /** 10^-9 USD for one unit and hour; Azure charges minutes of an hour by their part of it. */
  readonly nanoUsdPerUnitHour: bigint;
  /** What cost lines refer to. */
  readonly priceId: string;
}

/** What an hour of a unit costs at list prices, for whoever has no contract. */
export interface PtuListPrice {
  /** UTC ms, the beginning of a day. */
  readonly from: number;
  /** Exclusive; null is open. */
  readonly to: number | null;
  readonly nanoUsdPerUnitHour: bigint;
  readonly priceId: string;
}

/** Who pays for an hour: those who used it, those who reserved it, or those who needed most of it at once. */
export const ptuRules = ['by-use', 'by-reserved-share', 'by-peak'] as const;
type PtuRule = (typeof ptuRules)[number];

/** Units that are kept for somebody, whether used or not. */
export interface PtuReservation {
  readonly by: 'consumer' | 'subscription';
  readonly name: string;
  readonly units: number;
}

/** What a token counts for against the deployment's capacity, in thousandths of an input token. */
export interface PtuWeights {
  readonly cachedInput: number;
  readonly output: number;
}

/** One provisioned deployment that is paid by the hour. */
export interface PtuDeployment {
  readonly servedBy: ServedBy;
  /** Ascending, disjoint. */
  readonly periods: readonly PtuPeriod[];
  /** The last one that holds at a moment is its price; empty: not known. */
  readonly listPrices: readonly PtuListPrice[];
  readonly rule: PtuRule;
  readonly reserved: readonly PtuReservation[];
  readonly weights: PtuWeights;
  /** Input tokens a minute that one unit serves; null: not told, so that nobody can say what was idle. */
  readonly tokensPerMinute: number | null;
}
