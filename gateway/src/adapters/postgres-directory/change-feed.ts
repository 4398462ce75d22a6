import { Client } from 'pg';
import type { Clock, Timer } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import { clientConfig, connectError, type ConnectionOptions } from '../postgres/connections.ts';

export interface ChangeFeedOptions extends ConnectionOptions {
  readonly channel: string;
  /** Told whenever the channel is listened to anew: another server may answer since, or the same one put back. */
  readonly onListening?: () => void;
  readonly clock: Clock;
  readonly log: Log;
}

const shortestPauseMs = 250;
const longestPauseMs = 30_000;

/**
 * Listens on a channel of the database, on a connection of its own that is made anew when it breaks. What is told while
 * there is none is lost: whoever waits looks for themselves from time to time, and after every new connection.
 */
export class ChangeFeed {
  readonly #options: ChangeFeedOptions;
  #client: Client | undefined;
  #signal = Promise.withResolvers<void>();
  #pauseMs = shortestPauseMs;
  #pause: Timer | undefined;
  #deaf = false;
  #closed = false;

  constructor(options: ChangeFeedOptions) {
    this.#options = options;
    void this.#connect();
  }

  /** Resolves at the next notification, or when the channel is listened to anew. Asked for before one looks. */
  get signal(): Promise<void> {
    return this.#signal.promise;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#pause?.cancel();
    this.#wake();
    await this.#client?.end().catch(() => undefined);
  }

  #wake(): void {
    const { resolve } = this.#signal;
    this.#signal = Promise.withResolvers<void>();
    resolve();
  }

  async #connect(): Promise<void> {
    const { channel, log } = this.#options;
    const client = new Client(clientConfig(this.#options));
    this.#client = client;
    // Told for whatever ends the connection, once it has been made; before, `connect` rejects.
    client.on('error', () => undefined);
    client.on('notification', () => this.#wake());
    try {
      await this.#options.address.signIn?.password();
      await client.connect();
      client.once('end', () => this.#reconnect());
      await client.query(`listen ${client.escapeIdentifier(channel)}`);
      this.#pauseMs = shortestPauseMs;
      this.#deaf = false;
      this.#wake();
      this.#options.onListening?.();
    } catch (thrown) {
      const { message } = connectError(thrown, this.#options.address);
      // Once, however long it lasts.
      if (!this.#deaf) log.warn({ error: message }, 'changes of other gateways are looked for instead of being told');
      this.#deaf = true;
      client.end().catch(() => undefined);
      this.#reconnect();
    }
  }

  #reconnect(): void {
    if (this.#closed || this.#pause !== undefined) return;
    this.#pause = this.#options.clock.after(this.#pauseMs, () => {
      this.#pause = undefined;
      void this.#connect();
    });
    this.#pauseMs = Math.min(this.#pauseMs * 2, longestPauseMs);
  }
}
