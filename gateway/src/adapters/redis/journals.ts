import { CountersUnavailable, type JournalAccount, type KnownGateway, type Sums } from '#accounting/budgets/ports.ts';
import type { RedisConnection } from './connection.ts';
import type { CounterKeys } from './keys.ts';
import type { Patience } from './patience.ts';
import { writeOffScript } from './scripts.ts';

export interface JournalsOptions {
  readonly connection: Pick<RedisConnection, 'command' | 'run'>;
  readonly keys: CounterKeys;
  readonly patience: Patience;
  /** A gateway is there for so long after it was heard, ms. */
  readonly heardMs: number;
  /** In the place of the server's time, ms: for tests. */
  readonly time: (() => number) | undefined;
}

const readAtOnce = 200;

/** What a journal has in an account, as the scripts write it. */
interface Entry {
  readonly key: string;
  readonly parts: readonly string[];
}

/** Where an entry has the session that it was said in: see `exchange.lua`. */
const sessionAt = 5;

function textsIn(reply: unknown): string[] {
  if (!Array.isArray(reply)) throw new CountersUnavailable('What answers is no set of counters.');
  // With protocol 3 a score stands in a list of its own, beside its member.
  return reply.flat().map(String);
}

function amountIn(text: string | undefined): bigint {
  if (text === undefined || !/^-?\d+$/.test(text)) throw new CountersUnavailable('What answers is no set of counters.');
  return BigInt(text);
}

/** What journals have left on the server, whoever speaks for them now. */
export class Journals {
  readonly #options: JournalsOptions;

  constructor(options: JournalsOptions) {
    this.#options = options;
  }

  async gateways(): Promise<readonly KnownGateway[]> {
    const { connection, keys, patience, heardMs } = this.#options;
    const [now, lines] = await patience.wait(
      async () =>
        await Promise.all([
          this.#now(),
          connection.command(keys.journals, ['ZRANGE', keys.journals, '0', '-1', 'WITHSCORES']),
        ]),
    );
    const texts = textsIn(lines);
    return texts.flatMap((journal, at) => {
      if (at % 2 === 1) return [];
      const silentMs = Math.max(0, now - Number(texts[at + 1]));
      return [{ journal, silentMs, isHeard: silentMs <= heardMs }];
    });
  }

  async accountsOf(journal: string): Promise<readonly JournalAccount[]> {
    const entries = await this.#entriesOf(journal);
    return entries.map(({ key, parts: [granted, spent, unknown, inFlight] }) => ({
      key,
      granted: amountIn(granted),
      sums: { spent: amountIn(spent), unknown: amountIn(unknown), inFlight: amountIn(inFlight) },
    }));
  }

  /** Accounts of a journal that another session than this one has spoken of last. */
  async leftTo(session: string, journal: string): Promise<string[]> {
    const entries = await this.#entriesOf(journal);
    return entries.flatMap(({ key, parts }) => (parts[sessionAt] === session ? [] : [key]));
  }

  async writeOff(journal: string, key: string, known: Omit<Sums, 'inFlight'>): Promise<boolean> {
    const { connection, keys, patience, heardMs, time } = this.#options;
    const args = [journal, known.spent, known.unknown, heardMs, time?.() ?? ''].map(String);
    return await patience.wait(async () => {
      const done = await connection.run(writeOffScript, [keys.set, keys.account(key), keys.gateways], args);
      if (done !== 0 && done !== 1) throw new CountersUnavailable('What answers is no set of counters.');
      return done === 1;
    });
  }

  async #now(): Promise<number> {
    const { connection, keys, time } = this.#options;
    if (time !== undefined) return time();
    const [seconds, micros] = textsIn(await connection.command(keys.set, ['TIME']));
    return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
  }

  async #entriesOf(journal: string): Promise<readonly Entry[]> {
    const { connection, keys, patience } = this.#options;
    const spoken = keys.spoken(journal);
    const found: Entry[] = [];
    for (let from = 0; ; from += readAtOnce) {
      const names = await patience.wait(async () =>
        textsIn(await connection.command(spoken, ['ZRANGE', spoken, String(from), String(from + readAtOnce - 1)])),
      );
      const read = async (key: string): Promise<unknown> =>
        await connection.command(keys.account(key), ['HGET', keys.account(key), `j:${journal}`]);
      const entries = await patience.wait(async () => await Promise.all(names.map(read)));
      names.forEach((key, at) => {
        const entry = entries[at];
        if (typeof entry === 'string') found.push({ key, parts: entry.split(' ') });
      });
      if (names.length < readAtOnce) return found;
    }
  }
}
