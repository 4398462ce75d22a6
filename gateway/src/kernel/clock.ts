/** Time and timers as the gateway sees them; tests put a clock in its place that they move by hand. */
export interface Clock {
  /** UTC milliseconds since the epoch. May jump: for records and windows, never for durations. */
  now(): number;
  /** Milliseconds from an arbitrary start, never backwards: for durations and deadlines. */
  monotonic(): number;
  /** Calls `run` once after `ms`. The timer does not keep the process alive. */
  after(ms: number, run: () => void): Timer;
}

/** A call that is still to come. */
export interface Timer {
  cancel(): void;
}

/** The clock of the machine; the one place that reads it. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, run) {
    const handle = setTimeout(run, ms);
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
};
