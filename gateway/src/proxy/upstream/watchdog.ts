import { Alarm, type Alarms } from '#kernel/alarms.ts';

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
 * has come. A chunk does not put the alarm off: it looks at the time of the last chunk when it rings.
 */
export class Watchdog extends Alarm {
  private readonly alarms: Alarms;
  private readonly limits: WatchdogLimits;
  private readonly watched: Watched;
  private firstByteBy = Number.POSITIVE_INFINITY;
  private lastAt: number | undefined;

  constructor(alarms: Alarms, limits: WatchdogLimits, watched: Watched) {
    super();
    this.alarms = alarms;
    this.limits = limits;
    this.watched = watched;
    alarms.set(this, limits.deadlineAt);
  }

  private earliest(at: number): void {
    this.alarms.set(this, Math.min(at, this.limits.deadlineAt));
  }

  ring(): void {
    const now = this.alarms.clock.monotonic();
    const due = this.lastAt === undefined ? this.firstByteBy : this.lastAt + this.limits.idleMs;
    if (now >= this.limits.deadlineAt) this.watched.expired('deadline');
    else if (now >= due) this.watched.expired(this.lastAt === undefined ? 'first-byte' : 'silence');
    else this.earliest(due);
  }

  /** The call is on its way: the wait for its first byte begins. */
  sent(): void {
    const { firstByteMs } = this.limits;
    if (firstByteMs === null) return;
    this.firstByteBy = this.alarms.clock.monotonic() + firstByteMs;
    this.earliest(this.firstByteBy);
  }

  /** Something arrived. The first call starts the watch for silence. */
  touch(): void {
    const first = this.lastAt === undefined;
    this.lastAt = this.alarms.clock.monotonic();
    if (first) this.earliest(this.lastAt + this.limits.idleMs);
  }

  /** Watches on after it has fired for a silence; false where the deadline has passed, and it does not. */
  resume(): boolean {
    const now = this.alarms.clock.monotonic();
    if (now >= this.limits.deadlineAt) return false;
    this.lastAt = now;
    this.earliest(now + this.limits.idleMs);
    return true;
  }

  stop(): void {
    this.alarms.clear(this);
  }
}
