import type { Gateways } from '#accounting/budgets/gateways.ts';
import type { Clock, Timer } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';

export interface DepartedOptions {
  readonly gateways: Pick<Gateways, 'list' | 'writeOff'>;
  /** Journals that are in the store to their last entry, and that nobody writes to any more. */
  readonly done: () => Promise<readonly string[]>;
  readonly clock: Clock;
  readonly log: Log;
}

const lookEveryMs = 30_000;

/**
 * What gateways that are gone had been granted is for others again, as soon as everything that they spent is in the store.
 * Without this it would be set aside until its window ends, or until an operator writes it off.
 */
export class DepartedGateways {
  readonly #options: DepartedOptions;
  /** Those that nothing is set aside for any more. */
  readonly #settled = new Set<string>();
  #timer: Timer | undefined;
  #closed = false;
  #looking: Promise<void>;

  constructor(options: DepartedOptions) {
    this.#options = options;
    this.#looking = this.#lookOnce();
  }

  #lookAgain(): void {
    this.#looking = this.#lookOnce();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#looking;
  }

  async #lookOnce(): Promise<void> {
    const { clock, log } = this.#options;
    try {
      await this.#look();
    } catch (error) {
      // Counters or ledger are away: they say so themselves.
      log.debug({ error: String(error) }, 'what gateways that are gone were granted cannot be given back yet');
    }
    if (!this.#closed) this.#timer = clock.after(lookEveryMs, () => this.#lookAgain());
  }

  async #look(): Promise<void> {
    const { gateways, done, log } = this.#options;
    const waiting = new Set((await done()).filter((journal) => !this.#settled.has(journal)));
    if (waiting.size === 0 || this.#closed) return;
    const known = await gateways.list();
    for (const { journal, isOwn, isHeard, accounts } of known) {
      // One that is heard may have ended a moment ago, or it is not gone after all.
      if (isOwn || isHeard) waiting.delete(journal);
      if (!waiting.has(journal) || accounts.length === 0) continue;
      const written = await gateways.writeOff(journal);
      if (written === undefined) waiting.delete(journal);
      else
        log.info({ journal, accounts: written.length }, 'what a gateway that is gone was granted is for others again');
    }
    for (const journal of waiting) this.#settled.add(journal);
  }
}
