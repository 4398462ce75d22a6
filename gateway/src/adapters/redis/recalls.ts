import type { Clock } from '#kernel/clock.ts';
import type { IdSource } from '#kernel/ids.ts';
import { parseJsonObject } from '#kernel/json.ts';
import type { RedisConnection } from './connection.ts';

export interface RecallsOptions {
  readonly connection: Pick<RedisConnection, 'listen' | 'publish'>;
  readonly channel: string;
  readonly journal: string;
  readonly clock: Clock;
  readonly ids: IdSource;
}

/** How long gateways are given to answer, ms. */
const waitMs = 100;

/** Gateways ask each other for what lies idle, on a channel that all of them hear. */
export class Recalls {
  readonly #options: RecallsOptions;
  /** By the id of a recall: told of every gateway that has answered it. */
  readonly #waiting = new Map<string, () => void>();
  /** By its keys: whoever recalls the same waits with the one before. */
  readonly #underWay = new Map<string, Promise<void>>();
  /** How many there are, this one included. */
  gateways = 1;
  onRecall: (keys: readonly string[]) => void | Promise<void> = () => undefined;

  constructor(options: RecallsOptions) {
    this.#options = options;
    options.connection.listen(options.channel, (message) => void this.#heard(message));
  }

  /** Resolves when everybody has answered, or has had time to. */
  async recall(keys: readonly string[]): Promise<void> {
    if (this.gateways < 2) return;
    const name = keys.join('\n');
    let recalling = this.#underWay.get(name);
    if (recalling === undefined) {
      recalling = this.#recall(keys).finally(() => this.#underWay.delete(name));
      this.#underWay.set(name, recalling);
    }
    await recalling;
  }

  async #recall(keys: readonly string[]): Promise<void> {
    const { clock, ids, journal } = this.#options;
    const { promise, resolve } = Promise.withResolvers<void>();
    const id = ids(clock.now());
    let left = this.gateways - 1;
    this.#waiting.set(id, () => {
      left -= 1;
      if (left < 1) resolve();
    });
    const timer = clock.after(waitMs, resolve);
    await this.#publish({ recall: keys, id, by: journal });
    await promise;
    timer.cancel();
    this.#waiting.delete(id);
  }

  async #publish(message: object): Promise<void> {
    const { connection, channel } = this.#options;
    // Nobody hears it then, and nothing more than time is lost.
    await connection.publish(channel, JSON.stringify(message)).catch(() => undefined);
  }

  async #heard(message: string): Promise<void> {
    const { recall, answered, by, id } = parseJsonObject(message) ?? {};
    if (typeof answered === 'string') this.#waiting.get(answered)?.();
    if (!Array.isArray(recall) || by === this.#options.journal) return;
    try {
      await this.onRecall(recall.filter((key) => typeof key === 'string'));
    } catch {
      // What could not be given back is told with the next exchange that gets through.
    }
    await this.#publish({ answered: id });
  }
}
