import type { Clock } from '#kernel/clock.ts';

/** Replies that wait now because their reader does not keep up: its socket takes no more. */
export class SlowReaders {
  private readonly clock: Clock;
  /** When each wait began; every reader is waited for now and then, for a moment. */
  private readonly since = new Set<{ readonly at: number }>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** How many have been waiting for at least so long. */
  count(ms = 0): number {
    const latest = this.clock.monotonic() - ms;
    let count = 0;
    for (const { at } of this.since) if (at <= latest) count += 1;
    return count;
  }

  async during(waiting: Promise<void>): Promise<void> {
    const wait = { at: this.clock.monotonic() };
    this.since.add(wait);
    await waiting;
    this.since.delete(wait);
  }
}
