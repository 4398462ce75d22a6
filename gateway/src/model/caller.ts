import type { RoutingTerms } from './priority.ts';

/** What a team may use, and on which terms. */
export interface Product {
  readonly name: string;
  readonly models: ReadonlySet<string>;
  readonly caps: {
    /** The most output tokens that one call may ask for, all its choices together; a call that names none is sent with it. */
    readonly maxOutputTokens: number | null;
    /** The most choices of one call: `n` or `best_of`, times the prompts of a completion. */
    readonly maxChoices: number | null;
    /** The largest request body, bytes. */
    readonly maxRequestBytes: number | null;
  };
  readonly unpriced: 'refuse' | 'allow-and-flag';
  /** Files and batches may be used. */
  readonly batches: boolean;
  readonly routing: RoutingTerms;
}

/** A key's owner. */
export interface Subscription {
  readonly name: string;
  readonly product: Product;
  /** The team or application that is charged. */
  readonly consumer: string;
  /** From the organisation down, joined with `/`. */
  readonly costCentrePath: string;
  readonly suspended: boolean;
  /** UTC ms; null never expires. */
  readonly expiresAt: number | null;
}

/** Finds a subscription by the SHA-256 of a key. One immutable value per change of configuration or directory. */
export interface SubscriptionDirectory {
  readonly products: ReadonlyMap<string, Product>;
  readonly subscriptions: ReadonlyMap<string, Subscription>;
  /** `digest` is lower-case hex. */
  byKeyDigest(digest: string): Subscription | undefined;
}
