import {
  CountersUnavailable,
  type Answer,
  type CounterStore,
  type Exchange,
  type JournalAccount,
  type KnownGateway,
  type Sums,
} from '#accounting/budgets/ports.ts';
import type { Clock } from '#kernel/clock.ts';
import type { IdSource } from '#kernel/ids.ts';
import type { Log } from '#kernel/log.ts';
import { readAnswer, type Read } from './answer.ts';
import type { RedisConnection } from './connection.ts';
import { Journals } from './journals.ts';
import { counterKeys, type CounterKeys } from './keys.ts';
import { Patience } from './patience.ts';
import { Recalls } from './recalls.ts';
import { buildScript, exchangeScript } from './scripts.ts';

export interface RedisCountersOptions {
  readonly connection: RedisConnection;
  /** What every key begins with. */
  readonly keyPrefix: string;
  readonly organisation: string;
  /** The id of this gateway's journal. */
  readonly journal: string;
  /** How long grants may be used without contact, ms; a new set of counters grants nothing for so long. */
  readonly leaseMs: number;
  /** How long an answer is waited for, ms. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly log: Log;
  /** In the place of the server's time, ms: for tests. */
  readonly time?: () => number;
}

interface Asked {
  readonly exchange: Exchange;
  readonly number: number;
}

/** What a gateway says to hold lapses when it has not said so for this many leases. */
const permitLeases = 3;
/** A gateway counts as there for so many leases after it was last heard; a new set waits as long for one that was there. */
const waitLeases = 3;
const longestRestMs = 1000;

const sumsText = ({ spent, unknown, inFlight }: Sums): readonly string[] => [spent, unknown, inFlight].map(String);

/** Counters in a Redis or Valkey server, or a cluster of them, that several gateways share. */
export class RedisCounters implements CounterStore {
  readonly shared = true;
  readonly #options: RedisCountersOptions;
  readonly #keys: CounterKeys;
  readonly #patience: Patience;
  readonly #recalls: Recalls;
  readonly #journals: Journals;
  /** This process. */
  readonly #session: string;
  /** Given by the server: above those of all processes before it. 0: it has not answered yet. */
  #generation = 0;
  #number = 0;
  #acknowledged = 0;
  /** The set of counters that answered last. */
  #epoch = '';
  /** Accounts that an earlier process has left, as far as they are known and have not been named. */
  #left: string[] = [];

  constructor(options: RedisCountersOptions) {
    const { connection, clock, log, leaseMs, timeoutMs, journal } = options;
    this.#options = options;
    this.#keys = counterKeys(options.keyPrefix, options.organisation);
    this.#session = options.ids(clock.now());
    const restMs = Math.min(longestRestMs, leaseMs / 5);
    this.#patience = new Patience({ clock, log, timeoutMs, restMs, reset: () => connection.reset() });
    this.#journals = new Journals({
      connection,
      keys: this.#keys,
      patience: this.#patience,
      heardMs: waitLeases * leaseMs,
      time: options.time,
    });
    this.#recalls = new Recalls({ connection, channel: this.#keys.recalls, journal, clock, ids: options.ids });
  }

  async exchange(exchange: Exchange): Promise<Answer> {
    this.#number += 1;
    const number = this.#number;
    const answer = await this.#patience.wait(async () =>
      this.#believed(await this.#run(exchange, number), { exchange, number }),
    );
    this.#recalls.gateways = answer.gateways;
    return { ...answer, left: exchange.left === 0 ? [] : await this.#nextLeft(exchange.left) };
  }

  async build(key: string, journals: ReadonlyMap<string, Omit<Sums, 'inFlight'>>): Promise<void> {
    const sums = [...journals].map(([journal, { spent, unknown }]) => [journal, [String(spent), String(unknown)]]);
    const { set, account } = this.#keys;
    const args = [JSON.stringify(Object.fromEntries(sums))];
    await this.#patience.wait(async () => {
      const done = await this.#options.connection.run(buildScript, [set, account(key)], args);
      if (done === 0 || done === 1) return;
      this.#patience.distrust();
      throw new CountersUnavailable('What answers is no set of counters.');
    });
  }

  async recall(keys: readonly string[]): Promise<void> {
    await this.#recalls.recall(keys);
  }

  onRecall(run: (keys: readonly string[]) => void | Promise<void>): void {
    this.#recalls.onRecall = run;
  }

  async gateways(): Promise<readonly KnownGateway[]> {
    return await this.#journals.gateways();
  }

  async accountsOf(journal: string): Promise<readonly JournalAccount[]> {
    return await this.#journals.accountsOf(journal);
  }

  async writeOff(journal: string, key: string, known: Omit<Sums, 'inFlight'>): Promise<boolean> {
    return await this.#journals.writeOff(journal, key, known);
  }

  async close(): Promise<void> {
    const { connection, journal } = this.#options;
    const { gateways } = this.#keys;
    // Whoever is not heard is not counted soon anyway.
    await this.#patience
      .wait(async () => await connection.command(gateways, ['ZREM', gateways, journal]))
      .catch(() => undefined);
    connection.close();
  }

  async #run(exchange: Exchange, number: number): Promise<unknown> {
    const { connection, journal, time } = this.#options;
    const keys = this.#keys;
    const { accounts, rates, permits } = exchange;
    return await connection.run(
      exchangeScript,
      [
        keys.set,
        keys.gateways,
        keys.gateway(journal),
        keys.spoken(journal),
        keys.journals,
        ...accounts.map(({ key }) => keys.account(key)),
        ...rates.map(({ key }) => keys.rate(key)),
        ...permits.map(({ key }) => keys.permit(key)),
      ],
      [this.#payload(exchange, number), time === undefined ? '' : String(time())],
    );
  }

  /** Lua reads amounts as text: its numbers are doubles. */
  #payload({ accounts, rates, permits, asks }: Exchange, number: number): string {
    const { journal, leaseMs, clock, ids } = this.#options;
    const now = clock.now();
    return JSON.stringify({
      journal,
      session: this.#session,
      generation: this.#generation,
      number,
      acknowledged: this.#acknowledged,
      epoch: this.#epoch,
      fresh: ids(now),
      now,
      leaseMs,
      waitMs: waitLeases * leaseMs,
      gateways: this.#recalls.gateways,
      permitMs: permitLeases * leaseMs,
      accounts: accounts.map(({ key, endsAt, own, kept, granted, limit, lease, fresh }) => ({
        key,
        endsAt,
        own: sumsText(own),
        kept: kept === null ? false : String(kept),
        granted: String(granted),
        limit: limit === null ? false : String(limit),
        lease: String(lease),
        fresh,
      })),
      rates,
      permits,
      asks: asks.map(({ needs, takes, permits: wanted }) => ({
        needs: needs.map(({ account, amount }) => ({ account, amount: String(amount) })),
        takes,
        permits: wanted,
      })),
    });
  }

  /** Also of an answer that comes too late to be of use: that it was made is known then. */
  #believed(reply: unknown, asked: Asked): Omit<Answer, 'left'> {
    const read = this.#read(reply, asked);
    if (read.number > this.#acknowledged) {
      this.#acknowledged = read.number;
      this.#epoch = read.answer.epoch;
      this.#generation = read.generation;
    }
    return read.answer;
  }

  #read(reply: unknown, { exchange, number }: Asked): Read {
    try {
      const read = readAnswer(reply, exchange);
      // What answers an earlier question is no answer, however well-formed.
      if (read.number !== number) throw new CountersUnavailable('The counters answer another question.');
      return read;
    } catch (error) {
      this.#patience.distrust();
      throw error;
    }
  }

  async #nextLeft(count: number): Promise<readonly string[]> {
    if (this.#left.length === 0) this.#left = await this.#journals.leftTo(this.#session, this.#options.journal);
    return this.#left.splice(0, count);
  }
}
