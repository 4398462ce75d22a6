import type { Clock, Timer } from '#kernel/clock.ts';

export interface WatchdogLimits {
  /** Monotonic ms at which the whole request is over. */
  readonly deadlineAt: number;
  /** The longest silence between two chunks, ms; counts from the first `touch`. */
  readonly idleMs: number;
}

/**
 * Ends an attempt that takes too long: at the deadline always, after a silence once a first byte has come. One timer,
 * which a chunk does not reset: it looks at the time of the last chunk when it fires.
 */
export class Watchdog {
  private readonly clock: Clock;
  private readonly limits: WatchdogLimits;
  private readonly expire: () => void;
  private timer: Timer | undefined;
  private lastAt: number | undefined;

  constructor(clock: Clock, limits: WatchdogLimits, expire: () => void) {
    this.clock = clock;
    this.limits = limits;
    this.expire = expire;
    this.arm(limits.deadlineAt - clock.monotonic());
  }

  private arm(milliseconds: number): void {
    this.timer = this.clock.after(Math.max(0, milliseconds), () => this.look());
  }

  private look(): void {
    const now = this.clock.monotonic();
    const silentUntil = this.lastAt === undefined ? Number.POSITIVE_INFINITY : this.lastAt + this.limits.idleMs;
    const due = Math.min(this.limits.deadlineAt, silentUntil);
    if (now >= due) this.expire();
    else this.arm(due - now);
  }

  /** Something arrived. The first call starts the watch for silence. */
  touch(): void {
    const first = this.lastAt === undefined;
    this.lastAt = this.clock.monotonic();
    if (first && this.lastAt + this.limits.idleMs < this.limits.deadlineAt) {
      this.timer?.cancel();
      this.arm(this.limits.idleMs);
    }
  }

  /** Watches on after it has fired for a silence; false where the deadline has passed, and it does not. */
  resume(): boolean {
    const now = this.clock.monotonic();
    if (now >= this.limits.deadlineAt) return false;
    this.lastAt = now;
    this.arm(Math.min(this.limits.idleMs, this.limits.deadlineAt - now));
    return true;
  }

  stop(): void {
    this.timer?.cancel();
  }
}
