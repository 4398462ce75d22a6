import type { RandomSource } from '#kernel/random.ts';
import type { HealthRules } from '#model/health-rules.ts';
import { SlidingCounts } from './sliding-counts.ts';

/** Why a breaker is open. `configuration`: the upstream refuses our credentials or does not know the deployment. */
export type OpenCause = 'failures' | 'slow' | 'configuration';

/** `half-open`: its time is over, and a few attempts find out whether the endpoint is well. */
export type BreakerPhase = 'closed' | 'open' | 'half-open';

/** What an attempt was begun under; what it shows counts only while the breaker is in the same term. */
export interface Begun {
  readonly term: number;
  readonly probe: boolean;
}

const calls = 0;
const failed = 1;
const slow = 2;

/** Up to this share longer than asked, so that gateways which were refused together do not come back together. */
export const jitterShare = 0.2;

/**
 * Opens when too many calls of the last while failed or were slow, lets a few probes through when its time is over, and
 * closes when they succeed. What the client or a content filter did never gets here. Monotonic ms throughout.
 *
 *   closed ──too many failed or slow──► open ──time over──► half-open ──probes good──► closed
 *                                        ▲                     │
 *                                        └─────probe bad───────┘  (for twice as long)
 */
export class Breaker {
  #rules: HealthRules;
  readonly #random: RandomSource;
  #window: SlidingCounts;
  #cause: OpenCause | null = null;
  #until = 0;
  #openedFor = 0;
  #trips = 0;
  /** Calls that failed before a first byte, or had none in all their time, one after the other. */
  #inRow = 0;
  /** Replies that broke off, without one in between that came to its end. */
  #brokenInRow = 0;
  #closedAt = Number.NEGATIVE_INFINITY;
  #probes = 0;
  #wins = 0;
  /** It broke by replies that broke off: a first byte proves nothing then, only a whole reply does. */
  #provenByEnd = false;
  #term = 0;

  constructor(rules: HealthRules, random: RandomSource) {
    this.#rules = rules;
    this.#random = random;
    this.#window = new SlidingCounts(3, rules.windowMs);
  }

  /** Null while it is closed. */
  get cause(): OpenCause | null {
    return this.#cause;
  }

  /** When its time is over; meaningless while it is closed. */
  get until(): number {
    return this.#until;
  }

  /** How long it was open the last time, ms. */
  get openedFor(): number {
    return this.#openedFor;
  }

  /** Other rules judge from now on; what was counted under the old ones is kept where the window is the same. */
  follow(rules: HealthRules): void {
    if (rules.windowMs !== this.#rules.windowMs) this.#window = new SlidingCounts(3, rules.windowMs);
    this.#rules = rules;
  }

  phase(now: number): BreakerPhase {
    if (this.#cause === null) return 'closed';
    return now < this.#until ? 'open' : 'half-open';
  }

  /** Whether an attempt may begin now. */
  admits(now: number): boolean {
    return this.#cause === null || (now >= this.#until && this.#probes < this.#rules.probes);
  }

  /** The share of failed calls among those of the window; 0 where there were none. */
  failureShare(now: number): number {
    const all = this.#window.count(calls, now);
    return all === 0 ? 0 : Math.min(1, this.#window.count(failed, now) / all);
  }

  get term(): number {
    return this.#term;
  }

  /** An attempt begins. True where it is a probe. */
  begin(now: number): boolean {
    const probe = this.#cause !== null && now >= this.#until;
    if (probe) this.#probes += 1;
    return probe;
  }

  /** The attempt is over, whatever it showed. */
  end(begun: Begun): void {
    if (begun.probe && begun.term === this.#term) this.#probes -= 1;
  }

  /** Its first byte came. True where it closed the breaker. */
  succeeded(begun: Begun, now: number, wasSlow: boolean): boolean {
    if (begun.term !== this.#term) return false;
    if (this.#cause === null) {
      this.#window.add(calls, now);
      this.#inRow = 0;
      if (wasSlow) this.#wasSlow(now);
      return false;
    }
    if (!begun.probe) return false;
    if (wasSlow) {
      this.open('slow', now, 0);
      return false;
    }
    return !this.#provenByEnd && this.#won(now);
  }

  /** It failed before its first byte; `leastMs`: what the upstream asked for. True where it opened the breaker. */
  failed(begun: Begun, now: number, leastMs: number): boolean {
    if (begun.term !== this.#term) return false;
    if (this.#cause !== null) {
      if (begun.probe) this.open('failures', now, leastMs);
      return begun.probe;
    }
    this.#window.add(calls, now);
    this.#inRow += 1;
    return this.#countFailure(now, { leastMs, inRow: this.#inRow });
  }

  /** It failed after it had been counted as a success: it broke off in the middle. */
  brokeOff(begun: Begun, now: number): boolean {
    if (begun.term !== this.#term) return false;
    this.#brokenInRow += 1;
    const opened =
      this.#cause === null
        ? this.#countFailure(now, { leastMs: 0, inRow: this.#brokenInRow })
        : this.#lostProbe(begun, now);
    if (opened) this.#provenByEnd = true;
    return opened;
  }

  /** Its reply came to its end. True where it closed the breaker. */
  completed(begun: Begun, now: number): boolean {
    if (begun.term !== this.#term) return false;
    this.#brokenInRow = 0;
    return this.#cause !== null && begun.probe && this.#provenByEnd && this.#won(now);
  }

  /** No first byte came in all the time that the caller had. */
  wasTooSlow(begun: Begun, now: number): boolean {
    if (begun.term !== this.#term) return false;
    if (this.#cause !== null) {
      if (begun.probe) this.open('slow', now, 0);
      return begun.probe;
    }
    this.#window.add(calls, now);
    this.#inRow += 1;
    if (this.#wasSlow(now)) return true;
    // Where few calls come, there are never enough in the window, and an endpoint may have been dead for hours.
    if (this.#inRow < this.#rules.failuresInRow) return false;
    this.open('slow', now, 0);
    return true;
  }

  open(cause: OpenCause, now: number, leastMs: number): void {
    const again = this.#cause !== null || now - this.#closedAt < this.#rules.windowMs;
    this.#trips = again ? this.#trips + 1 : 1;
    const { openMs, openAtMostMs, quarantineMs } = this.#rules;
    const first = cause === 'configuration' ? quarantineMs : openMs;
    const doubled = Math.min(Math.max(first, openAtMostMs), first * 2 ** Math.min(20, this.#trips - 1));
    this.#openedFor = Math.max(doubled, leastMs) * (1 + jitterShare * this.#random.next());
    this.#cause = cause;
    this.#provenByEnd = false;
    this.#until = now + this.#openedFor;
    this.#nextTerm();
  }

  close(now: number): void {
    this.#cause = null;
    this.#closedAt = now;
    this.#window.clear();
    this.#nextTerm();
  }

  /** As if nothing had ever happened. */
  forget(): void {
    this.close(Number.NEGATIVE_INFINITY);
  }

  #won(now: number): boolean {
    this.#wins += 1;
    if (this.#wins < this.#rules.closeAfter) return false;
    this.close(now);
    return true;
  }

  #lostProbe(begun: Begun, now: number): boolean {
    if (begun.probe) this.open('failures', now, 0);
    return begun.probe;
  }

  #nextTerm(): void {
    this.#term += 1;
    this.#probes = 0;
    this.#wins = 0;
    this.#inRow = 0;
    this.#brokenInRow = 0;
  }

  #countFailure(now: number, { leastMs, inRow }: { readonly leastMs: number; readonly inRow: number }): boolean {
    this.#window.add(failed, now);
    const { failuresInRow, failureCount, failureShare } = this.#rules;
    const often = this.#window.count(failed, now) >= failureCount && this.failureShare(now) >= failureShare;
    // A share alone would be slow to notice that a busy endpoint has died: its good past speaks for it for half a window.
    if (!often && inRow < failuresInRow) return false;
    this.open('failures', now, leastMs);
    return true;
  }

  #wasSlow(now: number): boolean {
    this.#window.add(slow, now);
    const { slowCount, slowShare } = this.#rules;
    const all = this.#window.count(calls, now);
    const many = this.#window.count(slow, now);
    if (many < slowCount || many / all < slowShare) return false;
    this.open('slow', now, 0);
    return true;
  }
}
