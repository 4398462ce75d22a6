import type { Clock } from '#kernel/clock.ts';

/** A clock that stands still until a test moves it. */
export class ManualClock implements Clock {
  private ms = 1_000_000;
  private timers: { readonly at: number; readonly run: () => void }[] = [];

  now(): number {
    return 1_795_000_000_000 + this.ms;
  }

  monotonic(): number {
    return this.ms;
  }

  after(ms: number, run: () => void): { cancel(): void } {
    const timer = { at: this.ms + ms, run };
    this.timers.push(timer);
    return {
      cancel: () => {
        this.timers = this.timers.filter((one) => one !== timer);
      },
    };
  }

  turn(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  get pending(): number {
    return this.timers.length;
  }

  advance(ms: number): void {
    this.ms += ms;
    const due = this.timers.filter((timer) => timer.at <= this.ms).toSorted((a, b) => a.at - b.at);
    this.timers = this.timers.filter((timer) => timer.at > this.ms);
    for (const timer of due) timer.run();
  }

  /** Until something waits for this clock, in real turns of the event loop. */
  async waitedFor(): Promise<void> {
    while (this.pending === 0) await this.turn();
  }
}
