import type { Clock } from '#kernel/clock.ts';

/** A clock that moves only when a test says so; timers fire in order while it moves. */
export class ManualClock implements Clock {
  private time: number;
  private jumped = 0;
  private timers: { readonly at: number; readonly run: () => void; cancelled: boolean }[] = [];
  readonly start: number;

  constructor(start = Date.UTC(2026, 10, 23)) {
    this.start = start;
    this.time = start;
  }

  now(): number {
    return this.time + this.jumped;
  }

  monotonic(): number {
    return this.time - this.start;
  }

  after(ms: number, run: () => void): { cancel(): void } {
    const timer = { at: this.time + ms, run, cancelled: false };
    this.timers.push(timer);
    return {
      cancel() {
        timer.cancelled = true;
      },
    };
  }

  /** Somebody sets the time of day, forwards or back; running time and timers do not notice. */
  jump(ms: number): void {
    this.jumped += ms;
  }

  advance(ms: number): void {
    const until = this.time + ms;
    this.timers = this.timers.filter(({ cancelled }) => !cancelled);
    for (;;) {
      const due = this.timers
        .filter((timer) => !timer.cancelled && timer.at <= until)
        .toSorted((left, right) => left.at - right.at)[0];
      if (due === undefined) break;
      this.timers = this.timers.filter((timer) => timer !== due);
      this.time = Math.max(this.time, due.at);
      due.run();
    }
    this.time = until;
  }
}
