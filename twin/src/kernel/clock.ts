/** Time and timers as the twin sees them; tests put a clock in its place that they move by hand. */
export interface Clock {
  /** UTC milliseconds since the epoch. */
  now(): number;
  /** Milliseconds from an arbitrary start, never backwards: for windows and pacing. */
  monotonic(): number;
  /** Calls `run` once after `ms`. The timer does not keep the process alive. */
  after(ms: number, run: () => void): Timer;
  /** Resolves in a later turn of the event loop, after sockets had their chance. */
  turn(): Promise<void>;
}

interface Timer {
  cancel(): void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, run) {
    const handle = setTimeout(run, ms);
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
  turn: () => new Promise((resolve) => setImmediate(resolve)),
};
