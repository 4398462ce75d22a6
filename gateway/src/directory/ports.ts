import type { AuditAction, AuditActor } from '@tollgate/contract/admin-api/audit.ts';
import type { KeySlot } from '@tollgate/contract/admin-api/subscriptions.ts';
import type { Product, Subscription } from '#model/caller.ts';

export type { AuditAction, AuditActor, KeySlot };

/** The hash of a subscription's key; keys themselves are stored nowhere. */
export interface KeyDigest {
  readonly subscription: string;
  readonly slot: KeySlot;
  /** SHA-256 of the whole key text, lower-case hex. */
  readonly digest: string;
}

/** What the configuration file says about who may call. Names are unique in each list. */
export interface DeclaredDirectory {
  readonly products: readonly Product[];
  readonly subscriptions: readonly Subscription[];
  /** Keys that the file gives by reference (`${NAME}`, a file); read-only here. */
  readonly keys: readonly KeyDigest[];
  /** Every cost centre's path from the organisation down, by its name: `marketing` -> `contoso/marketing`. */
  readonly costCentres: ReadonlyMap<string, string>;
  /** The names that clients may use; what a product made here allows has to be among them. */
  readonly models: ReadonlySet<string>;
}

/** A product made through the admin API. Plain data, because it crosses a thread. */
export interface StoredProduct {
  readonly name: string;
  readonly models: readonly string[];
  readonly caps: Product['caps'];
  readonly unpriced: Product['unpriced'];
  /** UTC ms. */
  readonly createdAt: number;
}

/** A subscription made through the admin API. */
export interface StoredSubscription {
  readonly name: string;
  readonly product: string;
  readonly consumer: string;
  readonly costCentre: string;
  /** The path when it was made: what is charged should the configuration drop the cost centre. */
  readonly costCentrePath: string;
  /** UTC ms; null never expires. */
  readonly expiresAt: number | null;
  /** UTC ms. */
  readonly createdAt: number;
}

/** What the admin API has set of limits and budgets of one node. */
interface StoredLimits {
  /** `consumer/marketing`, `product/standard/per-end-user`, … */
  readonly node: string;
  /** JSON, as it was given: the shape that the configuration has there. */
  readonly settings: string;
}

/** A one-off addition to one window of a budget. */
export interface StoredTopUp {
  /** Never given twice: whoever repeats a top-up whose answer was lost tops up nothing more. */
  readonly id: string;
  readonly budget: string;
  readonly window: string;
  /** In the budget's unit: a whole number above 0, as decimal digits. */
  readonly amount: string;
  readonly reason: string;
  /** UTC ms. */
  readonly at: number;
}

/** What the admin API has set of limits and budgets. */
export interface AdminLimits {
  /** At most one a node. */
  readonly limits: readonly StoredLimits[];
  readonly topUps: readonly StoredTopUp[];
}

/** Everything that the store holds, the audit trail apart. */
export interface StoredDirectory extends AdminLimits {
  /** One more after each committed change, whoever made it; it counts nothing where the store is one gateway's alone. */
  readonly version: number;
  readonly products: readonly StoredProduct[];
  readonly subscriptions: readonly StoredSubscription[];
  /** At most one a subscription and slot; of subscriptions made here and declared ones alike. */
  readonly keys: readonly KeyDigest[];
  /** Names of suspended subscriptions, declared ones included. */
  readonly suspended: readonly string[];
  /** Every subscription that a configuration has ever declared: names are not given twice. */
  readonly declaredNames: readonly string[];
}

/** One change of what the admin API has made; a store commits it whole or not at all. */
export type DirectoryChange =
  | { readonly kind: 'product-created'; readonly product: StoredProduct }
  | {
      readonly kind: 'subscription-created';
      readonly subscription: StoredSubscription;
      readonly keys: readonly KeyDigest[];
    }
  /** Takes the place of the key in the same slot. */
  | { readonly kind: 'key-set'; readonly key: KeyDigest }
  | { readonly kind: 'suspended'; readonly subscription: string }
  | { readonly kind: 'activated'; readonly subscription: string }
  | { readonly kind: 'names-declared'; readonly names: readonly string[] }
  /** Each takes the place of what stood at its node; null: nothing stands there any more. */
  | {
      readonly kind: 'limits-changed';
      readonly changes: readonly { readonly node: string; readonly settings: string | null }[];
    }
  | { readonly kind: 'topped-up'; readonly topUp: StoredTopUp }
  | { readonly kind: 'top-up-revoked'; readonly id: string }
  /** Changes nothing in the directory: something else happened that the audit trail has to know. */
  | { readonly kind: 'noted' };

/** Who did what to whom, committed together with the change itself. */
export interface NewAuditEntry {
  /** UTC ms. */
  readonly at: number;
  readonly actor: AuditActor;
  readonly action: AuditAction;
  /** `subscription/marketing-web`, `subscription/marketing-web/primary`, `product/standard`, … Never a secret. */
  readonly subject: string;
}

/** An entry as the store has numbered it. */
export interface StoredAuditEntry extends NewAuditEntry {
  /** 1 for the first; grows by one. */
  readonly id: number;
}

/**
 * Why a change was not made. `name-taken`: a product, subscription or top-up of this name was made here, or the
 * subscription was declared before. `digest-taken`: another slot holds the same key.
 */
export type CommitResult = 'committed' | 'name-taken' | 'digest-taken';

/**
 * Where products, subscriptions and keys made through the admin API live. Several gateways may share one, where its kind
 * allows it: then each sees what the others commit.
 */
export interface DirectoryStore {
  load(): Promise<StoredDirectory>;
  /**
   * Makes the change and appends the entries, both or neither; nothing of a refused change is kept. Resolves when they
   * survive a crash of the process. Rejects where the store cannot be written.
   */
  commit(change: DirectoryChange, entries: readonly NewAuditEntry[]): Promise<CommitResult>;
  /** The newest entries first, at most `limit`; `before`: only those with a smaller id. */
  auditTrail(page: { readonly before: number | null; readonly limit: number }): Promise<readonly StoredAuditEntry[]>;
  /**
   * Resolves with the version of what is stored as soon as it is another one than `seen`, or with -1 where something else is stored
   * under the same one, as after a failover that lost changes; never where nobody else can change it. Rejects where the store cannot be read.
   */
  nextChange(seen: number): Promise<number>;
}
