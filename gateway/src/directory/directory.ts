import type { AuditPage, AuditQuery } from '@tollgate/contract/admin-api/audit.ts';
import type {
  CreateProduct,
  CreateSubscription,
  NewKeys,
  Product as ProductView,
  Subscription as SubscriptionView,
} from '@tollgate/contract/admin-api/subscriptions.ts';
import type { Steps } from '#kernel/steps.ts';
import type { SubscriptionDirectory } from '#model/caller.ts';
import type { MergedDirectory } from './merge.ts';
import type {
  AdminLimits,
  AuditAction,
  DeclaredDirectory,
  DirectoryChange,
  KeySlot,
  StoredDirectory,
} from './ports.ts';

/**
 * Who may call: what the configuration file declares, joined with what the admin API made. Whatever is made here counts
 * as soon as its promise resolves, and survives a restart. Refusals are `Failure`s with an `admin_…` code.
 */
export interface Directory {
  /** Immutable; another one after each change. */
  current(): SubscriptionDirectory;
  /** What contradicts itself at present, in sentences for the operator; empty when all is well. */
  problems(): readonly string[];
  /** Calls `listener` after each change, in the turn of the change, with what is current then; it must not throw. */
  onChange(listener: (current: SubscriptionDirectory) => void): { stop(): void };
  /**
   * Puts another configuration in force. `current()` is replaced before this returns, so that a reload can swap both in
   * one turn; the promise gives the problems once the declared names are remembered, and does not reject. `prepared`: what
   * `preparing` made of the same; what has changed since is looked at.
   */
  redeclare(declared: DeclaredDirectory, prepared?: PreparedDirectory): Promise<readonly string[]>;
  /** Most of the work of `redeclare`, with others coming in between. Changes nothing. */
  preparing(declared: DeclaredDirectory): Steps<PreparedDirectory>;

  products(): readonly ProductView[];
  subscriptions(): readonly SubscriptionView[];
  /** `admin_not_found` where there is none. */
  subscription(name: string): SubscriptionView;

  createProduct(product: CreateProduct): Promise<ProductView>;
  /** Both keys: the only time that they are told. */
  createSubscription(subscription: CreateSubscription): Promise<NewKeys>;
  /** Makes the key of the slot anew, or for the first time; the old one is refused from then on, the other one stays. */
  regenerateKey(subscription: string, slot: KeySlot): Promise<NewKeys>;
  /** Of declared subscriptions too: a leaked key has to be stopped at once. Nothing happens where it is suspended. */
  suspend(subscription: string): Promise<SubscriptionView>;
  activate(subscription: string): Promise<SubscriptionView>;

  /** What the admin API has set of limits and budgets; another value after each change of it. */
  limits(): AdminLimits;
  /**
   * Makes the change that `make` decides on, knowing what is set in that turn; undefined changes nothing. What `make`
   * throws refuses it.
   */
  changeLimits(make: (limits: AdminLimits) => LimitsChange | undefined): Promise<void>;

  auditTrail(query: AuditQuery): Promise<AuditPage>;
  /** Puts an action of the admin API that changes nothing here on the audit trail. */
  note(action: AuditAction, subject: string): Promise<void>;

  /** Follows no longer what other gateways commit. */
  close(): void;
}

/** What a configuration would make of the directory as it is stored at a moment. */
export interface PreparedDirectory {
  readonly stored: StoredDirectory;
  readonly merged: MergedDirectory;
}

/** A change of limits, with what the audit trail says of it. */
export interface LimitsChange {
  readonly change: Extract<
    DirectoryChange,
    { readonly kind: 'limits-changed' } | { readonly kind: 'topped-up' } | { readonly kind: 'top-up-revoked' }
  >;
  readonly audited: readonly { readonly action: AuditAction; readonly subject: string }[];
}
