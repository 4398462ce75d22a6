import type { Clock, Timer } from './clock.ts';

/** Something to be done at a time, unless it is put off or cleared before. It is its own place in the list of all. */
export abstract class Alarm {
  /** Monotonic ms. */
  dueAt = Number.POSITIVE_INFINITY;
  /** For `Alarms` alone, as are the next two. */
  set = false;
  before: Alarm | undefined;
  after: Alarm | undefined;

  /** Its time has come; it is not set any more. */
  abstract ring(): void;
}

/**
 * Many alarms on one timer. Nearly all of them are cleared before they ring, call after call, so setting and clearing one
 * must cost next to nothing: no timer is made or cancelled, unless it is due before all the others. The timer fires for the
 * earliest that was ever set, finds it cleared as a rule, and looks through those that are left for the next.
 */
export class Alarms {
  readonly clock: Clock;
  #first: Alarm | undefined;
  #timer: Timer | undefined;
  #firesAt = Number.POSITIVE_INFINITY;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Puts off, or forward, one that is set. `dueAt`: monotonic ms; one that has passed rings soon, never at once. */
  set(alarm: Alarm, dueAt: number): void {
    alarm.dueAt = dueAt;
    if (!alarm.set) this.#link(alarm);
    if (dueAt < this.#firesAt) this.#arm(dueAt);
  }

  clear(alarm: Alarm): void {
    if (!alarm.set) return;
    const { before, after } = alarm;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after !== undefined) after.before = before;
    alarm.set = false;
    // One that is long over must not keep its neighbours alive.
    alarm.before = undefined;
    alarm.after = undefined;
  }

  #link(alarm: Alarm): void {
    alarm.set = true;
    alarm.after = this.#first;
    if (this.#first !== undefined) this.#first.before = alarm;
    this.#first = alarm;
  }

  #arm(at: number): void {
    this.#timer?.cancel();
    this.#firesAt = at;
    this.#timer = this.clock.after(Math.max(0, at - this.clock.monotonic()), () => this.#fire());
  }

  #fire(): void {
    this.#firesAt = Number.POSITIVE_INFINITY;
    this.#timer = undefined;
    try {
      this.#ringDue();
    } finally {
      let next = Number.POSITIVE_INFINITY;
      for (let one = this.#first; one !== undefined; one = one.after) next = Math.min(next, one.dueAt);
      if (next < this.#firesAt) this.#arm(next);
    }
  }

  #ringDue(): void {
    const now = this.clock.monotonic();
    const due: Alarm[] = [];
    for (let one = this.#first; one !== undefined; one = one.after) if (one.dueAt <= now) due.push(one);
    // The earliest first; and one may clear another, or put it off.
    due.sort((left, right) => left.dueAt - right.dueAt);
    for (const one of due) {
      if (!one.set || one.dueAt > now) continue;
      this.clear(one);
      one.ring();
    }
  }
}
