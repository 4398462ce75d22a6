import { isDeepStrictEqual } from 'node:util';
import type { AuditPage, AuditQuery } from '@tollgate/contract/admin-api/audit.ts';
import type {
  CreateProduct,
  CreateSubscription,
  NewKeys,
  Product as ProductView,
  Subscription as SubscriptionView,
} from '@tollgate/contract/admin-api/subscriptions.ts';
import type { Clock } from '#kernel/clock.ts';
import { Failure } from '#kernel/errors.ts';
import type { Log } from '#kernel/log.ts';
import type { Steps } from '#kernel/steps.ts';
import type { SubscriptionDirectory } from '#model/caller.ts';
import { defaultRoutingTerms } from '#model/priority.ts';
import { applyChange } from './apply-change.ts';
import type { Directory, LimitsChange, PreparedDirectory } from './directory.ts';
import { keyDigest, newSubscriptionKey } from './keys.ts';
import { mergeDirectory, mergingDirectory, type MergedDirectory, type MergedSubscription } from './merge.ts';
import { newProduct, newSubscription, type KnownDirectory } from './new-entries.ts';
import type {
  AdminLimits,
  AuditAction,
  DeclaredDirectory,
  DirectoryChange,
  DirectoryStore,
  KeySlot,
  NewAuditEntry,
  StoredDirectory,
} from './ports.ts';
import { productView, subscriptionView, timeText } from './views.ts';

export interface DirectoryDependencies {
  readonly store: DirectoryStore;
  readonly declared: DeclaredDirectory;
  readonly clock: Clock;
  readonly log: Log;
  /** Makes a key: never the same twice, never guessable. */
  readonly newKey?: () => string;
}

/** After a store that could not be asked for changes, it is asked again. */
const askAgainMs = 1_000;

/** Rejects where the store cannot be read. */
export async function createDirectory(dependencies: DirectoryDependencies): Promise<Directory> {
  const directory = new StoredAndDeclared(dependencies, await dependencies.store.load());
  await directory.redeclare(dependencies.declared);
  void directory.follow();
  return directory;
}

class StoredAndDeclared implements Directory {
  private readonly dependencies: DirectoryDependencies;
  private readonly newKey: () => string;
  private readonly listeners = new Set<(current: SubscriptionDirectory) => void>();
  private declared: DeclaredDirectory;
  private stored: StoredDirectory;
  private merged: MergedDirectory;
  private adminLimits: AdminLimits;
  /** Changes are made one after the other, each on what the one before it left. */
  private queue: Promise<unknown> = Promise.resolve();
  /** A commit failed: it may have been made all the same, its answer lost. */
  private uncertain = false;
  private closed = false;

  constructor(dependencies: DirectoryDependencies, stored: StoredDirectory) {
    this.dependencies = dependencies;
    this.newKey = dependencies.newKey ?? newSubscriptionKey;
    this.declared = dependencies.declared;
    this.stored = stored;
    this.adminLimits = { limits: stored.limits, topUps: stored.topUps };
    this.merged = mergeDirectory(this.declared, stored);
  }

  current(): SubscriptionDirectory {
    return this.merged.current;
  }

  problems(): readonly string[] {
    return this.merged.problems;
  }

  onChange(listener: (current: SubscriptionDirectory) => void): { stop(): void } {
    this.listeners.add(listener);
    return { stop: () => this.listeners.delete(listener) };
  }

  *preparing(declared: DeclaredDirectory): Steps<PreparedDirectory> {
    const { stored } = this;
    return { stored, merged: yield* mergingDirectory(declared, stored) };
  }

  redeclare(declared: DeclaredDirectory, prepared?: PreparedDirectory): Promise<readonly string[]> {
    this.declared = declared;
    this.refresh(prepared);
    const { problems } = this.merged;
    return this.rememberDeclaredNames().then(
      () => problems,
      (error: unknown) => {
        this.dependencies.log.error({ err: error }, 'the names of declared subscriptions could not be stored');
        return [...problems, 'The names of new subscriptions could not be stored; the next reload tries again.'];
      },
    );
  }

  products(): readonly ProductView[] {
    return [...this.merged.products.values()].map(productView);
  }

  subscriptions(): readonly SubscriptionView[] {
    const now = this.dependencies.clock.now();
    return [...this.merged.subscriptions.values()].map((one) => subscriptionView(one, now));
  }

  subscription(name: string): SubscriptionView {
    return subscriptionView(this.find(name), this.dependencies.clock.now());
  }

  createProduct(input: CreateProduct): Promise<ProductView> {
    return this.inTurn(async () => {
      const product = newProduct(input, this.known(), this.dependencies.clock.now());
      await this.commit({ kind: 'product-created', product }, this.entry('product.create', `product/${input.name}`));
      return productView({
        product: { ...product, models: new Set(product.models), batches: false, routing: defaultRoutingTerms },
        declaredIn: 'admin',
      });
    });
  }

  createSubscription(input: CreateSubscription): Promise<NewKeys> {
    return this.inTurn(async () => {
      const { name } = input;
      const subscription = newSubscription(input, this.known(), this.dependencies.clock.now());
      const keys = { primary: this.newKey(), secondary: this.newKey() };
      const digests = [
        { subscription: name, slot: 'primary', digest: this.freshDigest(keys.primary) },
        { subscription: name, slot: 'secondary', digest: this.freshDigest(keys.secondary) },
      ] as const;
      await this.commit(
        { kind: 'subscription-created', subscription, keys: digests },
        this.entry('subscription.create', `subscription/${name}`),
      );
      return { subscription: name, keys };
    });
  }

  regenerateKey(name: string, slot: KeySlot): Promise<NewKeys> {
    return this.inTurn(async () => {
      const { keys } = this.find(name);
      if (keys[slot] === 'config')
        throw new Failure(
          'admin_read_only',
          `The ${slot} key of '${name}' comes by reference from the configuration and can be changed only there.`,
        );
      const key = this.newKey();
      await this.commit(
        { kind: 'key-set', key: { subscription: name, slot, digest: this.freshDigest(key) } },
        this.entry('key.regenerate', `subscription/${name}/${slot}`),
      );
      return { subscription: name, keys: { [slot]: key } };
    });
  }

  suspend(name: string): Promise<SubscriptionView> {
    return this.inTurn(async () => {
      this.find(name);
      // Stored even where the configuration suspends it as well: it stays suspended when the file changes its mind.
      if (!this.stored.suspended.includes(name))
        await this.commit(
          { kind: 'suspended', subscription: name },
          this.entry('subscription.suspend', `subscription/${name}`),
        );
      return this.subscription(name);
    });
  }

  activate(name: string): Promise<SubscriptionView> {
    return this.inTurn(async () => {
      if (this.find(name).suspendedByConfig)
        throw new Failure(
          'admin_read_only',
          `'${name}' is suspended in the configuration and is activated only there.`,
        );
      if (this.stored.suspended.includes(name))
        await this.commit(
          { kind: 'activated', subscription: name },
          this.entry('subscription.activate', `subscription/${name}`),
        );
      return this.subscription(name);
    });
  }

  limits(): AdminLimits {
    return this.adminLimits;
  }

  changeLimits(make: (limits: AdminLimits) => LimitsChange | undefined): Promise<void> {
    return this.inTurn(async () => {
      const made = make(this.adminLimits);
      if (made === undefined) return;
      await this.commit(
        made.change,
        made.audited.flatMap(({ action, subject }) => this.entry(action, subject)),
      );
    });
  }

  async auditTrail({ before, limit }: AuditQuery): Promise<AuditPage> {
    // One more than asked for tells whether a page follows.
    const found = await this.dependencies.store.auditTrail({ before: before ?? null, limit: limit + 1 });
    const entries = found.slice(0, limit).map((entry) => ({ ...entry, at: timeText(entry.at) }));
    return { entries, next: found.length > limit ? (entries.at(-1)?.id ?? null) : null };
  }

  note(action: AuditAction, subject: string): Promise<void> {
    return this.inTurn(() => this.commit({ kind: 'noted' }, this.entry(action, subject)));
  }

  close(): void {
    this.closed = true;
  }

  /** Takes over what other gateways commit. While the store cannot be read, what was read last stays in force. */
  async follow(): Promise<void> {
    let blind = false;
    while (!this.closed) {
      try {
        const version = await this.dependencies.store.nextChange(this.stored.version);
        // In turn: a change of this gateway that was under way explains the new version.
        await this.inTurn(async () => {
          if (this.stored.version !== version) await this.readAgain();
        });
        blind = false;
      } catch (error) {
        if (this.closed) return;
        // Once, however long it lasts.
        if (!blind) this.dependencies.log.warn({ err: error }, 'changes of the directory cannot be seen at present');
        blind = true;
        await new Promise<void>((resolve) => {
          this.dependencies.clock.after(askAgainMs, resolve);
        });
      }
    }
  }

  private inTurn<Result>(run: () => Promise<Result>): Promise<Result> {
    const result = this.queue.then(async () => {
      if (this.uncertain) await this.readAgain();
      return await run();
    });
    this.queue = result.catch(() => {});
    return result;
  }

  private async readAgain(): Promise<void> {
    this.stored = await this.dependencies.store.load();
    this.uncertain = false;
    this.refresh();
  }

  private find(name: string): MergedSubscription {
    const found = this.merged.subscriptions.get(name);
    if (found === undefined) throw new Failure('admin_not_found', `No subscription is named '${name}'.`);
    return found;
  }

  private known(): KnownDirectory {
    return { declared: this.declared, merged: this.merged };
  }

  private freshDigest(key: string): string {
    const digest = keyDigest(key);
    if (this.merged.digests.has(digest)) throw new Error('A new key equals one that exists: chance is broken.');
    return digest;
  }

  private entry(action: AuditAction, subject: string): readonly NewAuditEntry[] {
    return [{ at: this.dependencies.clock.now(), actor: 'admin-token', action, subject }];
  }

  private async commit(change: DirectoryChange, entries: readonly NewAuditEntry[]): Promise<void> {
    this.uncertain = true;
    const result = await this.dependencies.store.commit(change, entries);
    this.uncertain = false;
    if (result === 'digest-taken') throw new Error('A new key equals one that is stored: chance is broken.');
    if (result === 'name-taken')
      throw new Failure('admin_conflict', 'The name was given before; names are not given twice.');
    this.stored = applyChange(this.stored, change);
    if (change.kind !== 'noted' && change.kind !== 'names-declared') this.refresh();
  }

  private refresh(prepared?: PreparedDirectory): void {
    const { limits, topUps } = this.stored;
    // What others change of keys must not look like a change of limits: a new book of them is not cheap.
    if (!isDeepStrictEqual({ limits, topUps }, this.adminLimits)) this.adminLimits = { limits, topUps };
    this.merged = prepared?.stored === this.stored ? prepared.merged : mergeDirectory(this.declared, this.stored);
    for (const listener of this.listeners) listener(this.merged.current);
  }

  private rememberDeclaredNames(): Promise<void> {
    return this.inTurn(async () => {
      const known = new Set(this.stored.declaredNames);
      const names = this.declared.subscriptions.map((one) => one.name).filter((name) => !known.has(name));
      if (names.length === 0) return;
      const at = this.dependencies.clock.now();
      await this.commit(
        { kind: 'names-declared', names },
        names.map((name) => ({
          at,
          actor: 'configuration',
          action: 'subscription.declare',
          subject: `subscription/${name}`,
        })),
      );
    });
  }
}
