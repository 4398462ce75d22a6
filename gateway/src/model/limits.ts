import type { PriceLayer } from './money.ts';
import type { ChargedTo } from './usage-record.ts';
import type { Words } from './words.ts';

/** Whom a limit is for. Everything that passes a node counts there, whatever else it passes. */
export type NodeKind = 'organisation' | 'cost-centre' | 'product' | 'consumer' | 'subscription' | 'end-user';

export const nodeKinds: Words<NodeKind> = {
  organisation: true,
  'cost-centre': true,
  product: true,
  consumer: true,
  subscription: true,
  'end-user': true,
};

/** One consumer, product, cost centre …, as limits and sums are kept for it. */
export interface LimitNode {
  readonly kind: NodeKind;
  /** Of an end user: the keyed hash, as records have it; the empty string for calls that name none. */
  readonly name: string;
  /** The product that limits each of its subscriptions or end users by itself; null for a node of its own. */
  readonly product: string | null;
}

/** The lengths of calendar windows. */
export const everyPeriod = ['day', 'week', 'month', 'quarter', 'year'] as const;
export type Every = (typeof everyPeriod)[number];

/** How calendar windows follow each other. */
export interface Calendar {
  readonly every: Every;
  /** IANA name: windows begin with the first valid instant of a local day. */
  readonly timeZone: string;
  /** Where quarters and years begin; the day is at most 28, so that every month has it. */
  readonly fiscalYearStart: { readonly month: number; readonly day: number };
}

/** What a budget counts: money in 10^-9 USD, tokens (input and output together), or requests. */
export type BudgetUnit = 'nano-usd' | 'tokens' | 'requests';
export const units: Words<BudgetUnit> = { 'nano-usd': true, tokens: true, requests: true };

/**
 * A cap on what a node uses per calendar window. Of tokens or requests the configuration calls it a quota; both are
 * reserved, settled and shown alike.
 */
export interface Budget {
  /** `cost-centre/marketing/month`: node and name. Its counters and its events are kept under it. */
  readonly id: string;
  readonly node: LimitNode;
  readonly name: string;
  readonly calendar: Calendar;
  readonly unit: BudgetUnit;
  /** Of one window, without carry-over and top-ups; in the unit, whole. */
  readonly amount: bigint;
  /** A soft one refuses nothing. */
  readonly hard: boolean;
  /** The prices that money is counted at; `contracted` means the cost: contracted where there is such a price, else list. */
  readonly layer: PriceLayer;
  /** Per cent of what a window may use; an event is sent when what is debited reaches them. Ascending. */
  readonly warnAt: readonly number[];
  /** What a window leaves is added to the next one, beginning with the window that holds `since`. Null: it lapses. */
  readonly carryOver: { readonly since: number; readonly atMost: bigint | null } | null;
  /** One-off additions of an administrator, by the window's id. */
  readonly topUps: ReadonlyMap<string, bigint>;
}

/** A limit on requests or tokens per period that does not follow the calendar. */
export interface Rate {
  readonly id: string;
  readonly node: LimitNode;
  readonly unit: 'requests' | 'tokens';
  readonly amount: number;
  readonly perMs: number;
  /**
   * `bucket`: `burst` at most at once, refilled evenly by `amount` per period. `sliding`: never more than `amount` in any
   * period of this length.
   */
  readonly shape: 'bucket' | 'sliding';
  readonly burst: number;
}

/** How many requests of a node may be under way at once. */
export interface Concurrency {
  readonly id: string;
  readonly node: LimitNode;
  readonly permits: number;
}

/** Every limit that one caller passes. One value per caller, so that what is derived from it can be kept. */
export interface CallerLimits {
  /** Grows with every change of the limits. */
  readonly version: number;
  readonly budgets: readonly Budget[];
  readonly rates: readonly Rate[];
  readonly concurrency: readonly Concurrency[];
}

/** All limits that are in force, as one immutable value. */
export interface LimitBook {
  readonly version: number;
  of(caller: ChargedTo): CallerLimits;
}

/** `cost-centre/marketing`, `product/standard/end-user/3f2a…`, as errors, reports and commands spell a node. */
export function nodeText({ kind, name, product }: LimitNode): string {
  return product === null ? `${kind}/${name}` : `product/${product}/${kind}/${name}`;
}
