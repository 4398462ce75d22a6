import type { Clock, Timer } from '#kernel/clock.ts';

export interface WatchdogLimits {
  /** Monotonic ms at which the whole request is over. */
  readonly deadlineAt: number;
  /** The longest wait for a first byte, ms, from `sent` on; null: only the deadline counts. */
  readonly firstByteMs: number | null;
  /** The longest silence between two chunks, ms; counts from the first `touch`. */
  readonly idleMs: number;
}

/** What took too long. */
export type Expiry = 'deadline' | 'first-byte' | 'silence';

/** Who is told of it. */
export interface Watched {
  expired(why: Expiry): void;
}

/**
 * Ends an attempt that takes too long: at the deadline always, after a wait for its first byte, after a silence once that
 * has come. One timer, which a chunk does not reset: it looks at the time of the last chunk when it fires.
 */
export class Watchdog {
  private readonly clock: Clock;
  private readonly limits: WatchdogLimits;
  private readonly watched: Watched;
  private timer: Timer | undefined;
  private firstByteBy = Number.POSITIVE_INFINITY;
  private lastAt: number | undefined;

  constructor(clock: Clock, limits: WatchdogLimits, watched: Watched) {
    this.clock = clock;
    this.limits = limits;
    this.watched = watched;
    this.arm(limits.deadlineAt - clock.monotonic());
  }

  private arm(milliseconds: number): void {
    this.timer = this.clock.after(Math.max(0, milliseconds), () => this.look());
  }

  private armEarlier(milliseconds: number): void {
    if (this.clock.monotonic() + milliseconds >= this.limits.deadlineAt) return;
    this.timer?.cancel();
    this.arm(milliseconds);
  }

  private look(): void {
    const now = this.clock.monotonic();
    const due = this.lastAt === undefined ? this.firstByteBy : this.lastAt + this.limits.idleMs;
    if (now >= this.limits.deadlineAt) this.watched.expired('deadline');
    else if (now >= due) this.watched.expired(this.lastAt === undefined ? 'first-byte' : 'silence');
    else this.arm(Math.min(this.limits.deadlineAt, due) - now);
  }

  /** The call is on its way: the wait for its first byte begins. */
  sent(): void {
    const { firstByteMs } = this.limits;
    if (firstByteMs === null) return;
    this.firstByteBy = this.clock.monotonic() + firstByteMs;
    this.armEarlier(firstByteMs);
  }

  /** Something arrived. The first call starts the watch for silence. */
  touch(): void {
    const first = this.lastAt === undefined;
    this.lastAt = this.clock.monotonic();
    if (first) this.armEarlier(this.limits.idleMs);
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
