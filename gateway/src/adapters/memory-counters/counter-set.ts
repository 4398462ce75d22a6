import {
  CountersFenced,
  type AccountClaim,
  type AccountState,
  type Answer,
  type Ask,
  type AskAnswer,
  type CounterStore,
  type Exchange,
  type JournalAccount,
  type KnownGateway,
  type Lacking,
  type PermitClaim,
  type RateClaim,
  type Sums,
} from '#accounting/budgets/ports.ts';
import type { Clock } from '#kernel/clock.ts';
import { SlidingWindow, TokenBucket, type RateCounter } from './rate-counter.ts';

export interface CounterSetOptions {
  readonly clock: Clock;
  /** Several gateways: grants are shares, and none is given for `leaseMs` after the set began. Default: only one. */
  readonly shared?: { readonly leaseMs: number };
}

/** What one gateway has in an account. */
interface Entry extends Sums {
  readonly granted: bigint;
  /** Part of `unknown`: see `AccountState`. */
  readonly kept: bigint;
  /** The process that has said it; undefined where it was read from the ledger. */
  readonly saidBy: Connection | undefined;
}

const total = ({ spent, unknown, inFlight }: Sums): bigint => spent + unknown + inFlight;
const least = (one: bigint, other: bigint): bigint => (one < other ? one : other);
const most = (one: bigint, other: bigint): bigint => (one > other ? one : other);

const keptMs = 7 * 86_400_000;
const sweepMs = 600_000;

/** One budget's window: who has spent, holds and may spend what. */
class Account {
  readonly endsAt: number;
  built: boolean;
  readonly entries = new Map<string, Entry>();
  sums: Omit<Entry, 'saidBy' | 'kept'> = { spent: 0n, unknown: 0n, inFlight: 0n, granted: 0n };

  constructor(endsAt: number, built: boolean) {
    this.endsAt = endsAt;
    this.built = built;
  }

  granted(journal: string): bigint {
    return this.entries.get(journal)?.granted ?? 0n;
  }

  set(journal: string, entry: Entry): void {
    const before = this.entries.get(journal);
    this.entries.set(journal, entry);
    this.sums = {
      spent: this.sums.spent + entry.spent - (before?.spent ?? 0n),
      unknown: this.sums.unknown + entry.unknown - (before?.unknown ?? 0n),
      inFlight: this.sums.inFlight + entry.inFlight - (before?.inFlight ?? 0n),
      granted: this.sums.granted + entry.granted - (before?.granted ?? 0n),
    };
  }
}

interface Joined {
  readonly claim: AccountClaim;
  /** With what is kept. */
  readonly own: Sums;
  readonly account: Account;
  /** Needs that this exchange has granted so far. */
  promised: bigint;
}

/** Counters in this process. Several connections stand for several gateways: that is for tests. */
export class CounterSet {
  readonly #options: CounterSetOptions;
  readonly #accounts = new Map<string, Account>();
  readonly #rates = new Map<string, RateCounter>();
  /** Of a key, by journal. */
  readonly #permits = new Map<string, Map<string, number>>();
  readonly #gateways = new Map<string, Connection>();
  #epoch = 0;
  #closedUntil: number;
  #sweptAt = 0;

  constructor(options: CounterSetOptions) {
    this.#options = options;
    this.#closedUntil = options.clock.monotonic() + (options.shared?.leaseMs ?? 0);
  }

  /** `journal`: the id of the gateway's journal. An earlier connection of it is cut off. */
  connect(journal: string): CounterStore {
    const connection = new Connection(this, journal, this.#options.shared !== undefined);
    this.#gateways.set(journal, connection);
    return connection;
  }

  /** Everything is lost, as when a server comes back empty. */
  lose(): void {
    this.#epoch += 1;
    this.#accounts.clear();
    this.#rates.clear();
    this.#permits.clear();
    this.#closedUntil = this.#options.clock.monotonic() + (this.#options.shared?.leaseMs ?? 0);
  }

  exchange(connection: Connection, exchange: Exchange): Answer {
    if (this.#gateways.get(connection.journal) !== connection)
      throw new CountersFenced('Another process counts for the same journal.');
    const time = this.#options.clock.monotonic();
    this.#sweep();
    const { journal } = connection;
    const joined = exchange.accounts.map((claim) => this.#join(claim, connection));
    const rates = exchange.rates.map((claim) => ({ claim, counter: this.#rate(claim) }));
    const permits = exchange.permits.map((claim) => ({ claim, holders: this.#holders(claim) }));
    for (const { claim, counter } of rates)
      for (const returned of claim.returned) counter.giveBack(claim, returned, time);
    for (const { claim, holders } of permits) holders.set(journal, claim.held);
    const asking = { joined, rates, permits, journal, time };
    const asks = exchange.asks.map((ask) => this.#judge(ask, asking));
    return {
      epoch: String(this.#epoch),
      closedMs: Math.max(0, this.#closedUntil - time),
      time,
      gateways: this.#gateways.size,
      accounts: joined.map(({ account }) => stateOf(account, journal)),
      rates: rates.map(({ claim, counter }) => ({
        available: Math.floor(counter.available(claim, time)),
        resetMs: counter.resetMs(claim, time),
      })),
      permits: permits.map(({ holders }) => ({ held: heldBy(holders) })),
      asks,
      left: exchange.left === 0 ? [] : this.#leftBy(connection).slice(0, exchange.left),
    };
  }

  #leftBy(connection: Connection): string[] {
    return [...this.#accounts].flatMap(([key, { entries }]) => {
      const said = entries.get(connection.journal)?.saidBy;
      return said === undefined || said === connection ? [] : [key];
    });
  }

  build(key: string, journals: ReadonlyMap<string, Omit<Sums, 'inFlight'>>): void {
    const account = this.#accounts.get(key);
    if (account === undefined || account.built) return;
    for (const [journal, { spent, unknown }] of journals) {
      if (!account.entries.has(journal))
        account.set(journal, { spent, unknown, inFlight: 0n, granted: spent + unknown, kept: 0n, saidBy: undefined });
    }
    account.built = true;
  }

  async recall(from: Connection, keys: readonly string[]): Promise<void> {
    const others = [...this.#gateways.values()].filter((one) => one !== from);
    await Promise.allSettled(others.map(async (one) => await one.recalled(keys)));
  }

  gateways(): readonly KnownGateway[] {
    const journals = new Set([...this.#accounts.values()].flatMap(({ entries }) => [...entries.keys()]));
    for (const journal of this.#gateways.keys()) journals.add(journal);
    return [...journals].map((journal) => ({ journal, silentMs: 0, isHeard: this.#gateways.has(journal) }));
  }

  accountsOf(journal: string): readonly JournalAccount[] {
    return [...this.#accounts].flatMap(([key, { entries }]) => {
      const entry = entries.get(journal);
      if (entry === undefined) return [];
      const { granted, spent, unknown, inFlight } = entry;
      return [{ key, granted, sums: { spent, unknown, inFlight } }];
    });
  }

  writeOff(journal: string, key: string, known: Omit<Sums, 'inFlight'>): boolean {
    if (this.#gateways.has(journal)) return false;
    const account = this.#accounts.get(key);
    const entry = account?.entries.get(journal);
    if (account === undefined || entry === undefined) return true;
    const isMore = known.spent + known.unknown > entry.spent + entry.unknown;
    const { spent, unknown } = isMore ? known : entry;
    account.set(journal, { ...entry, spent, unknown, inFlight: 0n, granted: spent + unknown });
    return true;
  }

  leave(connection: Connection): void {
    if (this.#gateways.get(connection.journal) === connection) this.#gateways.delete(connection.journal);
  }

  #join(claim: AccountClaim, by: Connection): Joined {
    let account = this.#accounts.get(claim.key);
    if (account === undefined) this.#accounts.set(claim.key, (account = new Account(claim.endsAt, claim.fresh)));
    const kept = keptOf(claim, account.entries.get(by.journal), by);
    const own = { ...claim.own, unknown: claim.own.unknown + kept };
    account.set(by.journal, { ...own, granted: most(claim.granted, total(own)), kept, saidBy: by });
    return { claim, own, account, promised: 0n };
  }

  #judge(ask: Ask, asking: Asking): AskAnswer {
    const { joined, rates, permits, journal, time } = asking;
    const lacking: Lacking[] = [];
    for (const { account, amount } of ask.needs) {
      const one = joined[account];
      if (one === undefined || !this.#fits(one, amount, journal)) lacking.push({ kind: 'account', account });
    }
    for (const { rate, amount } of ask.takes) {
      const one = rates[rate];
      const waitMs = one === undefined ? 0 : one.counter.waitMs(one.claim, amount, time);
      if (waitMs > 0) lacking.push({ kind: 'rate', rate, waitMs });
    }
    for (const permit of ask.permits) {
      const one = permits[permit];
      if (one !== undefined && heldBy(one.holders) >= one.claim.permits) lacking.push({ kind: 'permit', permit });
    }
    return lacking.length > 0 ? { granted: false, lacking } : { granted: true, taken: this.#give(ask, asking) };
  }

  #fits({ claim, own, account, promised }: Joined, amount: bigint, journal: string): boolean {
    if (claim.limit === null) return true;
    if (!account.built || this.#closedUntil > this.#options.clock.monotonic()) return false;
    const others = account.sums.granted - account.granted(journal);
    return others + total(own) + promised + amount <= claim.limit;
  }

  #give(ask: Ask, { joined, rates, permits, journal, time }: Asking): number[] {
    const share = this.#options.shared === undefined ? 1 : 2 * this.#gateways.size;
    for (const need of ask.needs) {
      const one = joined[need.account];
      if (one === undefined) continue;
      const { claim, own, account } = one;
      one.promised += need.amount;
      const atLeast = total(own) + one.promised;
      const others = account.sums.granted - account.granted(journal);
      const left = claim.limit === null ? 0n : claim.limit - others - atLeast;
      const granted = atLeast + most(0n, least(claim.lease, left / BigInt(share)));
      const entry = account.entries.get(journal);
      if (entry !== undefined) account.set(journal, { ...entry, granted: most(entry.granted, granted) });
    }
    for (const permit of ask.permits) {
      const holders = permits[permit]?.holders;
      holders?.set(journal, (holders.get(journal) ?? 0) + 1);
    }
    return ask.takes.map(({ rate, amount, atMost }) => {
      const one = rates[rate];
      if (one === undefined) return 0;
      const { claim, counter } = one;
      const plenty = Math.floor(counter.available(claim, time) / share);
      const taken = Math.max(amount, Math.min(atMost, plenty));
      counter.take(claim, taken, time);
      return taken;
    });
  }

  #rate(claim: RateClaim): RateCounter {
    let rate = this.#rates.get(claim.key);
    const Kind = claim.shape === 'bucket' ? TokenBucket : SlidingWindow;
    if (!(rate instanceof Kind)) this.#rates.set(claim.key, (rate = new Kind()));
    return rate;
  }

  #holders({ key }: PermitClaim): Map<string, number> {
    let holders = this.#permits.get(key);
    if (holders === undefined) this.#permits.set(key, (holders = new Map()));
    return holders;
  }

  #sweep(): void {
    const now = this.#options.clock.now();
    if (now < this.#sweptAt + sweepMs) return;
    this.#sweptAt = now;
    for (const [key, account] of this.#accounts) if (account.endsAt + keptMs < now) this.#accounts.delete(key);
  }
}

interface Asking {
  readonly joined: readonly Joined[];
  readonly rates: readonly { readonly claim: RateClaim; readonly counter: RateCounter }[];
  readonly permits: readonly { readonly claim: PermitClaim; readonly holders: Map<string, number> }[];
  /** Of who asks. */
  readonly journal: string;
  readonly time: number;
}

function keptOf({ kept }: AccountClaim, before: Entry | undefined, by: Connection): bigint {
  if (kept === null) return 0n;
  if (before?.saidBy === undefined) return kept;
  return most(kept, before.saidBy === by ? before.kept : before.unknown + before.inFlight);
}

function stateOf({ sums, built, entries }: Account, journal: string): AccountState {
  const { spent, unknown, inFlight, granted } = sums;
  return {
    granted: entries.get(journal)?.granted ?? 0n,
    kept: entries.get(journal)?.kept ?? 0n,
    total: { spent, unknown, inFlight },
    totalGranted: granted,
    built,
  };
}

function heldBy(holders: ReadonlyMap<string, number>): number {
  let held = 0;
  for (const count of holders.values()) held += count;
  return held;
}

class Connection implements CounterStore {
  readonly journal: string;
  readonly shared: boolean;
  readonly #set: CounterSet;
  #onRecall: (keys: readonly string[]) => void | Promise<void> = () => undefined;

  constructor(set: CounterSet, journal: string, shared: boolean) {
    this.#set = set;
    this.journal = journal;
    this.shared = shared;
  }

  exchange(exchange: Exchange): Answer {
    return this.#set.exchange(this, exchange);
  }

  build(key: string, journals: ReadonlyMap<string, Omit<Sums, 'inFlight'>>): Promise<void> {
    this.#set.build(key, journals);
    return Promise.resolve();
  }

  async recall(keys: readonly string[]): Promise<void> {
    await this.#set.recall(this, keys);
  }

  onRecall(run: (keys: readonly string[]) => void | Promise<void>): void {
    this.#onRecall = run;
  }

  async recalled(keys: readonly string[]): Promise<void> {
    await this.#onRecall(keys);
  }

  gateways(): Promise<readonly KnownGateway[]> {
    return Promise.resolve(this.#set.gateways());
  }

  accountsOf(journal: string): Promise<readonly JournalAccount[]> {
    return Promise.resolve(this.#set.accountsOf(journal));
  }

  writeOff(journal: string, key: string, known: Omit<Sums, 'inFlight'>): Promise<boolean> {
    return Promise.resolve(this.#set.writeOff(journal, key, known));
  }

  close(): Promise<void> {
    this.#set.leave(this);
    return Promise.resolve();
  }
}
