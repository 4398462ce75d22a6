import type { ListedPriceBook } from '#accounting/cost/price-book.ts';
import type { LoadedConfig } from '#config/load.ts';
import type { Directory } from '#directory/directory.ts';
import type { Clock } from '#kernel/clock.ts';
import { inTurns } from '#kernel/steps.ts';
import type { PtuDeployment } from '#model/ptu.ts';
import type { Snapshot, SnapshotSource } from '#model/snapshot.ts';
import type { ListedLimitBook } from '#accounting/budgets/limit-book.ts';
import type { AdminLimits } from '#directory/ports.ts';
import { mergeLimits, mergingLimits, type MergedLimits } from '#compose/limits/limit-book.ts';
import type { Rules } from './rules.ts';
import type { Config } from '#config-sections.ts';
import { buildSnapshot } from '#snapshot.ts';

/** Keeps the one current snapshot: a new one whenever the configuration or the directory changes, swapped in one step. */
export class Snapshots implements SnapshotSource {
  private readonly rules: Rules;
  private readonly directory: Directory;
  private readonly affinityKey: string;
  private readonly clock: Clock;
  private config: Config;
  private book: ListedPriceBook;
  private provisioned: readonly PtuDeployment[];
  private limits: MergedLimits;
  /** What of it was set through the admin API when `limits` was made. */
  private adminLimits: AdminLimits;
  private limitsChanged: (book: ListedLimitBook) => void = () => undefined;
  private swapped: (snapshot: Snapshot) => void = () => undefined;
  private snapshot: Snapshot;
  private version = 1;

  constructor(
    sources: {
      readonly rules: Rules;
      readonly directory: Directory;
      readonly affinityKey: string;
      readonly clock: Clock;
    },
    config: Config,
  ) {
    const { rules, directory, affinityKey, clock } = sources;
    this.clock = clock;
    this.rules = rules;
    this.directory = directory;
    this.affinityKey = affinityKey;
    this.config = config;
    this.book = rules.priceBook(config);
    this.provisioned = rules.ptuDeployments(config);
    this.adminLimits = directory.limits();
    this.limits = mergeLimits(config, this.adminLimits, 1);
    this.snapshot = this.build();
    directory.onChange(() => this.follow());
  }

  current(): Snapshot {
    return this.snapshot;
  }

  currentConfig(): Config {
    return this.config;
  }

  priceBook(): ListedPriceBook {
    return this.book;
  }

  /** Those that are paid by the hour; another value with every configuration. */
  ptuDeployments(): readonly PtuDeployment[] {
    return this.provisioned;
  }

  /** Called with the limits whenever they have changed. */
  onLimits(run: (book: ListedLimitBook) => void): void {
    this.limitsChanged = run;
  }

  /** Called with the snapshot whenever it is another one. */
  onSwap(run: (snapshot: Snapshot) => void): void {
    this.swapped = run;
  }

  limitBook(): ListedLimitBook {
    return this.limits.book;
  }

  /** What is set of limits and budgets, and by whom. */
  mergedLimits(): MergedLimits {
    return this.limits;
  }

  /**
   * Makes everything that the new configuration means, with calls answered in between, and then puts it in force in one
   * turn. Rejects, and changes nothing, where it cannot be put in force.
   */
  async apply({ config }: LoadedConfig<Config>): Promise<void> {
    const { rules, directory, clock } = this;
    const book = rules.priceBook(config);
    const provisioned = rules.ptuDeployments(config);
    const declared = await inTurns(rules.declared(config), clock);
    const prepared = await inTurns(directory.preparing(declared), clock);
    const admin = directory.limits();
    const limits = await inTurns(mergingLimits(config, admin, this.limits.book.version + 1), clock);
    // From here on, nobody comes in between.
    this.config = config;
    this.book = book;
    this.provisioned = provisioned;
    this.takeLimits(limits, admin);
    // Swaps the directory in this turn, which swaps the snapshot; its promise, of the names remembered, never rejects.
    void directory.redeclare(declared, prepared);
    this.limitsChanged(this.limits.book);
  }

  /** Those that were made of what the admin API had set then; made anew where that has changed since. */
  private takeLimits(made: MergedLimits, admin: AdminLimits): void {
    const adminLimits = this.directory.limits();
    const version = this.limits.book.version + 1;
    const isOld = adminLimits !== admin || made.book.version !== version;
    this.limits = isOld ? mergeLimits(this.config, adminLimits, version) : made;
    this.adminLimits = adminLimits;
  }

  /** The directory has changed, and with it perhaps what the admin API sets of limits. */
  private follow(): void {
    const adminLimits = this.directory.limits();
    const isChanged = adminLimits !== this.adminLimits;
    if (isChanged) {
      this.adminLimits = adminLimits;
      this.limits = mergeLimits(this.config, adminLimits, this.limits.book.version + 1);
    }
    this.swap();
    if (isChanged) this.limitsChanged(this.limits.book);
  }

  private swap(): void {
    this.version += 1;
    this.snapshot = this.build();
    this.swapped(this.snapshot);
  }

  private build(): Snapshot {
    return buildSnapshot({
      version: this.version,
      config: this.config,
      directory: this.directory.current(),
      prices: this.book,
      limitBook: this.limits.book,
      catalogue: this.rules.catalogue,
      affinityKey: this.affinityKey,
    });
  }
}
