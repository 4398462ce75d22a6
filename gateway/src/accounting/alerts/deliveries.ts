import type { Clock, Timer } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import type { RandomSource } from '#kernel/random.ts';
import type { WebhookSettings } from './config.ts';
import type { AlertInstruments } from './instruments.ts';
import type { AlertStore, Delivery, DeliveryOutcome, WebhookSender } from './ports.ts';
import { signedHeaders, signingKey } from './signature.ts';

export interface DeliveriesOptions {
  readonly store: AlertStore;
  readonly sender: WebhookSender;
  /** The receivers in force, by name. */
  receivers(): Readonly<Record<string, WebhookSettings>>;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly log: Log;
  readonly instruments: AlertInstruments;
}

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

/** After each try that failed, how long until the next: over three days together, as Standard Webhooks suggests. */
const pauses = [
  5 * second,
  30 * second,
  2 * minute,
  10 * minute,
  30 * minute,
  hour,
  2 * hour,
  5 * hour,
  10 * hour,
  14 * hour,
  20 * hour,
  24 * hour,
] as const;
/** A pause is longer by up to this share, so that many that failed together are not tried together. */
const jitter = 0.2;

const lookEveryMs = second;
const atOnce = 8;
const graceMs = 30 * second;
const gone = 410;

/** Delivers events until each receiver has said 2xx to each; what is under way when the process dies is tried again. */
export class Deliveries {
  readonly #options: DeliveriesOptions;
  #timer: Timer | undefined;
  /** By receiver: what is being sent to it. One that is slow keeps no other one waiting. */
  readonly #working = new Map<string, Promise<void>>();
  #failing = false;
  #closed = false;

  constructor(options: DeliveriesOptions) {
    this.#options = options;
    this.#schedule();
  }

  /** Tries what is due now; resolves when that is done. */
  async work(): Promise<void> {
    await Promise.all(Object.keys(this.#options.receivers()).map(async (name) => await this.#workFor(name)));
  }

  /** What is being sent is waited for; the rest stays in the store. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await Promise.all(this.#working.values());
  }

  #schedule(): void {
    this.#timer = this.#options.clock.after(lookEveryMs, () => void this.#look());
  }

  /** Whoever is being sent to is passed over; nobody waits here for that to end. */
  async #look(): Promise<void> {
    void this.work();
    await Promise.resolve();
    if (!this.#closed) this.#schedule();
  }

  #workFor(receiver: string): Promise<void> {
    let working = this.#working.get(receiver);
    if (working === undefined) {
      working = this.#work(receiver).finally(() => this.#working.delete(receiver));
      this.#working.set(receiver, working);
    }
    return working;
  }

  async #work(receiver: string): Promise<void> {
    try {
      while (!this.#closed) {
        const due = await this.#take(receiver);
        await Promise.all(due.map(async (one) => await this.#deliver(one)));
        if (due.length < atOnce) break;
      }
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) this.#options.log.error({ err: error }, 'events cannot be read from the store at present');
      this.#failing = true;
    }
  }

  async #take(receiver: string): Promise<readonly Delivery[]> {
    const { store, clock } = this.#options;
    const settings = this.#options.receivers()[receiver];
    if (settings === undefined) return [];
    const now = clock.now();
    const until = now + settings.timeout + graceMs;
    return await store.take({ receivers: [receiver], now, until, limit: atOnce });
  }

  async #deliver({ alert, receiver, attempts }: Delivery): Promise<void> {
    const { store, log, instruments } = this.#options;
    const settings = this.#options.receivers()[receiver];
    // Taken out of the configuration in this moment: whoever puts it back finds its events waiting.
    if (settings === undefined) return;
    const error = await this.#post(alert, settings);
    const outcome = this.#outcomeOf(error, attempts);
    await store.report({ id: alert.id, receiver }, outcome);
    const told = { event: alert.id, budget: alert.budget, receiver, tries: attempts + 1 };
    if (outcome.delivered) {
      instruments.tries.with({ receiver, outcome: 'delivered' }).add(1);
      log.info(told, 'an event was delivered');
      return;
    }
    const givenUp = outcome.nextAt === null;
    instruments.tries.with({ receiver, outcome: givenUp ? 'given-up' : 'retried' }).add(1);
    if (givenUp) log.error({ ...told, error: outcome.error }, 'an event could not be delivered and is given up');
    else log.warn({ ...told, error: outcome.error }, 'an event could not be delivered yet');
  }

  #outcomeOf(error: string | undefined, attempts: number): DeliveryOutcome {
    if (error === undefined) return { delivered: true };
    const { clock, random } = this.#options;
    const pause = error === statusText(gone) ? undefined : pauses[attempts];
    const nextAt = pause === undefined ? null : clock.now() + Math.ceil(pause * (1 + jitter * random.next()));
    return { delivered: false, error, nextAt };
  }

  /** Undefined where it was delivered; else what went wrong, in words without a secret. */
  async #post({ id, body }: Delivery['alert'], settings: WebhookSettings): Promise<string | undefined> {
    const { sender, clock } = this.#options;
    const { url, timeout, secret, previousSecret } = settings;
    const keys = [secret, previousSecret].flatMap((one) => (one === undefined ? [] : (signingKey(one.reveal()) ?? [])));
    const headers = { 'content-type': 'application/json', ...signedHeaders({ id, at: clock.now(), body }, keys) };
    try {
      const status = await sender.post({ url, headers, body, timeoutMs: timeout });
      return status >= 200 && status < 300 ? undefined : statusText(status);
    } catch (thrown) {
      return thrown instanceof Error ? thrown.message : 'no answer';
    }
  }
}

const statusText = (status: number): string => `answered ${status}`;
