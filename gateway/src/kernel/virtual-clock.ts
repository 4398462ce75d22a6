import type { Clock, Timer } from './clock.ts';

interface Scheduled {
  readonly at: number;
  /** Of two at the same moment the earlier one runs first. */
  readonly order: number;
  readonly run: () => void;
  cancelled: boolean;
}

const before = (one: Scheduled, other: Scheduled): boolean =>
  one.at < other.at || (one.at === other.at && one.order < other.order);

/** A clock for simulations: time goes from one scheduled thing to the next, as fast as they can be worked off. */
export class VirtualClock implements Clock {
  readonly #start: number;
  /** A binary heap, the earliest first. */
  readonly #heap: Scheduled[] = [];
  #time = 0;
  #order = 0;

  /** `start`: UTC ms at its beginning. */
  constructor(start = 0) {
    this.#start = start;
  }

  now(): number {
    return this.#start + this.#time;
  }

  monotonic(): number {
    return this.#time;
  }

  after(ms: number, run: () => void): Timer {
    const one: Scheduled = { at: this.#time + Math.max(0, ms), order: this.#order, run, cancelled: false };
    this.#order += 1;
    this.#push(one);
    return {
      cancel() {
        one.cancelled = true;
      },
    };
  }

  /** Works off everything that is scheduled until then, and what that schedules. */
  runUntil(time: number): void {
    for (let next = this.#heap[0]; next !== undefined && next.at <= time; next = this.#heap[0]) {
      this.#pop();
      this.#time = next.at;
      if (!next.cancelled) next.run();
    }
    this.#time = Math.max(this.#time, time);
  }

  #push(one: Scheduled): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(one);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !before(one, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = one;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const child = this.#earlierChild(at);
      const below = heap[child];
      if (below === undefined || !before(below, last)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = last;
  }

  #earlierChild(at: number): number {
    const left = 2 * at + 1;
    const [one, other] = [this.#heap[left], this.#heap[left + 1]];
    return one !== undefined && other !== undefined && before(other, one) ? left + 1 : left;
  }
}
