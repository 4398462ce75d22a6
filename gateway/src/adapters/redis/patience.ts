import { CountersFenced, CountersUnavailable } from '#accounting/budgets/ports.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';

export interface PatienceOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** How long an answer is waited for, ms. */
  readonly timeoutMs: number;
  /** After a failure nobody is made to wait for so long, ms: then one question tries again. */
  readonly restMs: number;
  /** Hangs up and connects anew. */
  readonly reset: () => void;
}

/** So many answers in a row that did not come are a connection that is dead. */
const mostSilent = 3;

/**
 * What a server says that has become a replica: the address may lead to the one that took its place. Redis 6 says so in
 * the middle of what it says of the script: `ERR Error running script (…): @user_script: 12: -READONLY You can't write …`.
 */
const saidByReplica = /^(READONLY|MASTERDOWN) |^ERR Error running script .* -READONLY /;

class TooSlow extends CountersUnavailable {}

/** Waits for a server no longer than it may, and not at all shortly after it failed. */
export class Patience {
  readonly #options: PatienceOptions;
  #restUntil = Number.NEGATIVE_INFINITY;
  #silent = 0;
  #failing = false;
  #isFenced = false;

  constructor(options: PatienceOptions) {
    this.#options = options;
  }

  /** Rejects with CountersUnavailable or CountersFenced, whatever happened. `ask` also reads the answer. */
  async wait<Result>(ask: () => Promise<Result>): Promise<Result> {
    const { clock, timeoutMs } = this.#options;
    if (clock.monotonic() < this.#restUntil) throw new CountersUnavailable('The counters have just failed.');
    const late = Promise.withResolvers<never>();
    const timer = clock.after(timeoutMs, () => late.reject(new TooSlow('The counters are too slow.')));
    try {
      const answering = ask();
      // It may fail after nobody waits for it any more.
      answering.catch(() => undefined);
      const result = await Promise.race([answering, late.promise]);
      this.#succeeded();
      return result;
    } catch (error) {
      throw this.#told(error);
    } finally {
      timer.cancel();
    }
  }

  /** What came is no answer: nothing that comes over this connection can be believed. */
  distrust(): void {
    this.#options.reset();
  }

  #succeeded(): void {
    this.#silent = 0;
    this.#restUntil = Number.NEGATIVE_INFINITY;
    if (!this.#failing) return;
    this.#failing = false;
    this.#options.log.info({}, 'the shared counters answer again');
  }

  /** For good: hard budgets refuse from now on. */
  #fenced(): CountersFenced {
    if (!this.#isFenced)
      this.#options.log.error({}, 'another process counts for the journal of this one: stop one of the two');
    this.#isFenced = true;
    return new CountersFenced('Another process counts for the same journal.');
  }

  #told(error: unknown): Error {
    const { clock, log, restMs, reset } = this.#options;
    const message = error instanceof Error ? error.message : String(error);
    // The server answers, and does nothing of what it was asked.
    if (message.startsWith('FENCED')) return this.#fenced();
    if (message.startsWith('OVERTAKEN')) return new CountersUnavailable('The counters were asked twice.');
    this.#restUntil = clock.monotonic() + restMs;
    this.#silent = error instanceof TooSlow ? this.#silent + 1 : 0;
    if (this.#silent >= mostSilent || saidByReplica.test(message)) {
      this.#silent = 0;
      reset();
    }
    if (!this.#failing) {
      this.#failing = true;
      log.warn(
        { err: error },
        'the shared counters do not answer: grants are used as long as they last, then hard budgets refuse',
      );
    }
    return error instanceof CountersUnavailable
      ? error
      : new CountersUnavailable('The counters cannot be asked.', { cause: error });
  }
}
