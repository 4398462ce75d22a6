import type { Clock, Timer } from '#kernel/clock.ts';
import type { QueueTerms } from '#model/model-route.ts';
import type { Priority } from '#model/priority.ts';
import type { Choice } from '#proxy/routing/choice.ts';
import type { EndpointState, StateWatcher } from '#proxy/routing/endpoint-state.ts';
import { FairLine } from './fair-line.ts';

/** How a wait ended. */
export type WaitEnd =
  | 'taken'
  /** It waited as long as calls may. */
  | 'expired'
  /** Nothing would come of waiting: no endpoint comes back in time. */
  | 'hopeless'
  /** As many wait as may, none of them less urgent or of a consumer that has more waiting. */
  | 'full'
  /** A more urgent call, or one of a consumer with fewer, needed its place. */
  | 'displaced'
  /** Its client went away. */
  | 'left'
  /** The gateway is going down. */
  | 'drained';

export interface Waited {
  readonly how: WaitEnd;
  /** ms. */
  readonly ms: number;
  /** Where it goes now, begun; only where it was taken. */
  readonly choice: Choice | undefined;
}

/** The outlook of a call that waits until attempts of others end: nobody knows when that is. */
export const whenFreed = Number.POSITIVE_INFINITY;

/** What is asked of the plan of a call that waits. */
export interface QueuedPlan {
  /** Where it may go. */
  readonly pool: { readonly states: readonly EndpointState[] };
  /** Monotonic ms when it first waited; null where it has not. */
  readonly waitingSince: number | null;
  /** It has been nowhere, and may go anywhere: what holds for one such call of a pool holds for all. */
  readonly untouched: boolean;
  beginWait(now: number): void;
  /**
   * When an endpoint can take it: 0 where one can now, else ms until the first throttle ends, `whenFreed` where attempts of
   * others have to end, undefined where it does not help to wait.
   */
  outlook(now: number): number | undefined;
  /** Begins its next attempt; undefined where it may not make another one. */
  take(): Choice | undefined;
}

/** What waits. */
export interface QueuedCall {
  readonly plan: QueuedPlan;
  readonly priority: Priority;
  readonly consumer: string;
  /** Monotonic ms when its caller's time is over. */
  readonly deadlineAt: number;
}

/** A wait that has ended. */
interface EndedWait {
  readonly model: string;
  readonly priority: Priority;
  readonly ended: Waited;
}

/** Told of what happens in a queue. */
export interface QueueEvents {
  /** Of every wait, as it ends. */
  waited(wait: EndedWait): void;
  /** The line could not be worked off when its time came, by a defect of ours: a timer has nobody else to tell. */
  defect(model: string, thrown: unknown): void;
}

/** How long after the first one the next is let go, ms; half of that after as long again, and so on: 1, 2, 4, 8 in each. */
const firstGapMs = 250;
/** Below it they are let go at once. */
const leastGapMs = 0.25;
/** At the latest after so long it is noticed that a wait is in vain, ms. */
const lookEveryMs = 250;
/** Timers are no more exact than that. */
const timerMs = 2;

class Waiting {
  readonly plan: QueuedPlan;
  readonly priority: Priority;
  readonly consumer: string;
  /** Monotonic ms, as `until`. */
  readonly since: number;
  readonly until: number;
  readonly #end: (ended: Waited) => void;

  constructor(
    call: QueuedCall,
    wait: { readonly since: number; readonly until: number; readonly end: (ended: Waited) => void },
  ) {
    this.plan = call.plan;
    this.priority = call.priority;
    this.consumer = call.consumer;
    this.since = wait.since;
    this.until = wait.until;
    this.#end = wait.end;
  }

  end(how: WaitEnd, now: number, choice?: Choice): void {
    this.#end({ how, ms: now - this.since, choice });
  }
}

/**
 * The calls that wait until an endpoint of their model can take them. One per model; costs nothing while nobody waits.
 *
 * Who comes back from a throttle would be throttled again if all were let go at once: one is, in the next quarter of a
 * second two, then four, evenly spread, until the line is empty or somebody is refused. Places that are freed by calls which
 * end are given away at once, for they are known to be there.
 */
export class PoolQueue implements StateWatcher {
  readonly #model: string;
  readonly #clock: Clock;
  readonly #events: QueueEvents;
  readonly #line = new FairLine<Waiting>();
  readonly #watched = new Set<EndpointState>();
  #timer: Timer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  /** Between two that are let go, ms; 0: at once. */
  #gapMs = 0;
  /** Monotonic ms when the next one may go, and when the gap is halved. */
  #nextAt = Number.NEGATIVE_INFINITY;
  #halvedAt = Number.POSITIVE_INFINITY;
  /** Monotonic ms when the line is looked through for waits that are over or in vain: seldom, for it may be long. */
  #lookAt = Number.POSITIVE_INFINITY;
  #pumping = false;
  #closed = false;
  /** Valid while the line is looked through. */
  readonly #outlooks = new Map<QueuedPlan['pool'], number | undefined>();

  constructor(model: string, clock: Clock, events: QueueEvents) {
    this.#model = model;
    this.#clock = clock;
    this.#events = events;
  }

  get length(): number {
    return this.#line.length;
  }

  get urgency(): number {
    return this.#line.urgency;
  }

  count(priority: Priority): number {
    return this.#line.count(priority);
  }

  /**
   * Whether who comes now must stand behind: somebody who waits could go, and is only let go later. Those who wait for what
   * one resource has, or for the only endpoint that they have not tried, hold up nobody whom another one can serve.
   */
  get holdsUp(): boolean {
    if (this.#line.length === 0) return false;
    const now = this.#clock.monotonic();
    this.#outlooks.clear();
    return this.#line.some(({ plan }) => this.#outlook(plan, now) === 0);
  }

  /** How long the one that came first has waited, ms; null where nobody waits. */
  longestMs(): number | null {
    let since = Number.POSITIVE_INFINITY;
    for (const one of this.#line.all()) since = Math.min(since, one.since);
    return this.#line.length === 0 ? null : this.#clock.monotonic() - since;
  }

  /**
   * Calls `end` once, however the wait ends, which may be before this returns. Returns what ends it when the client goes.
   * `end` runs while the line is worked off: it may begin attempts, and no further wait.
   */
  join(call: QueuedCall, terms: QueueTerms, end: (ended: Waited) => void): () => void {
    const now = this.#clock.monotonic();
    const again = call.plan.waitingSince !== null;
    const until = Math.min((call.plan.waitingSince ?? now) + terms.maxWaitMs, call.deadlineAt);
    call.plan.beginWait(now);
    const one = new Waiting(call, {
      since: now,
      until,
      end: (ended) => {
        this.#events.waited({ model: this.#model, priority: call.priority, ended });
        end(ended);
      },
    });
    const refused = this.#refusal(one, terms, now);
    if (refused === undefined) this.#join(one, again, now);
    else one.end(refused, now);
    return () => this.#leave(one);
  }

  /** Nobody waits from now on. */
  close(): void {
    this.#closed = true;
    const now = this.#clock.monotonic();
    for (const one of this.#line.all()) this.#remove(one).end('drained', now);
    this.#rest();
  }

  changed(throttled: boolean): void {
    if (throttled) {
      this.#slowDown();
      this.#lookAt = Number.NEGATIVE_INFINITY;
    }
    this.#pump();
  }

  #refusal(one: Waiting, terms: QueueTerms, now: number): WaitEnd | undefined {
    if (isHopeless(one.plan.outlook(now), one.until - now)) return 'hopeless';
    if (this.#closed) return 'drained';
    if (this.#line.length < terms.maxLength) return undefined;
    const displaced = this.#line.displacedBy(one);
    if (displaced === undefined) return 'full';
    this.#remove(displaced).end('displaced', now);
    return undefined;
  }

  #join(one: Waiting, again: boolean, now: number): void {
    const { plan, until } = one;
    const outlook = plan.outlook(now);
    // Where places are freed by calls that end, it is known how many there are.
    if (this.#line.length === 0 && outlook !== whenFreed) this.#slowDown();
    this.#line.add(one, again);
    this.#lookAt = Math.min(this.#lookAt, until, now + lookEveryMs);
    for (const state of plan.pool.states) {
      this.#watched.add(state);
      state.watch(this);
    }
    this.#wakeBy(Math.min(this.#lookAt, this.#nextChange(now)), now);
    if (outlook === 0) this.#pump();
  }

  /** From the next one on that goes, they go gradually. */
  #slowDown(): void {
    this.#gapMs = firstGapMs;
    this.#halvedAt = Number.POSITIVE_INFINITY;
  }

  #leave(one: Waiting): void {
    if (!this.#line.remove(one)) return;
    one.end('left', this.#clock.monotonic());
    if (this.#line.length === 0) this.#rest();
  }

  #remove(one: Waiting): Waiting {
    this.#line.remove(one);
    return one;
  }

  /** Lets go whoever can go now, ends what has waited too long, and sees to it that it is called again. */
  #pump(): void {
    // Whoever is let go begins an attempt, which changes an endpoint.
    if (this.#pumping || this.#line.length === 0) return;
    this.#pumping = true;
    const now = this.#clock.monotonic();
    try {
      if (now >= this.#lookAt) this.#endVain(now);
      if (now >= this.#halvedAt) this.#speedUp(now);
      while (this.#nextAt <= now && this.#letOneGo(now)) this.#spaceOut(now);
    } finally {
      // Whatever a defect does to one call, the others are worked off.
      this.#pumping = false;
      this.#sleep(now);
    }
  }

  /** A defect that one call of the line shows must not end the process, and with it everybody else's calls. */
  #wake(): void {
    try {
      this.#pump();
    } catch (thrown) {
      this.#events.defect(this.#model, thrown);
    }
  }

  /** Sees to it that the line is worked off further. */
  #sleep(now: number): void {
    if (this.#line.length === 0) this.#rest();
    else this.#wakeBy(this.#nextWake(now), now);
  }

  #spaceOut(now: number): void {
    if (this.#gapMs === 0) return;
    // What a timer was late is made up for, a pause is not.
    this.#nextAt = (this.#nextAt < now - timerMs ? now : this.#nextAt) + this.#gapMs;
    if (this.#halvedAt === Number.POSITIVE_INFINITY) this.#halvedAt = now + firstGapMs;
  }

  #speedUp(now: number): void {
    this.#gapMs = this.#gapMs / 2 < leastGapMs ? 0 : this.#gapMs / 2;
    this.#halvedAt = now + firstGapMs;
    if (this.#gapMs === 0) this.#nextAt = now;
  }

  /** Ends the waits that are over, and those of which nothing can come any more. */
  #endVain(now: number): void {
    this.#outlooks.clear();
    this.#lookAt = now + lookEveryMs;
    for (const one of this.#line.all()) {
      const left = one.until - now;
      if (left > 0) this.#lookAt = Math.min(this.#lookAt, one.until);
      if (left <= 0) this.#remove(one).end('expired', now);
      else if (isHopeless(this.#outlook(one.plan, now), left)) this.#remove(one).end('hopeless', now);
    }
  }

  #letOneGo(now: number): boolean {
    this.#outlooks.clear();
    const one = this.#line.take(({ plan }) => this.#outlook(plan, now) === 0);
    if (one === undefined) return false;
    let choice: Choice | undefined;
    try {
      choice = one.plan.take();
    } finally {
      // It stands in the line no more: nobody else would tell it.
      one.end(choice === undefined ? 'hopeless' : 'taken', now, choice);
    }
    return true;
  }

  /** The same for all calls of a pool that have been nowhere yet: looked up once for them. */
  #outlook(plan: QueuedPlan, now: number): number | undefined {
    if (!plan.untouched) return plan.outlook(now);
    const { pool } = plan;
    if (!this.#outlooks.has(pool)) this.#outlooks.set(pool, plan.outlook(now));
    return this.#outlooks.get(pool);
  }

  #nextWake(now: number): number {
    const at = this.#nextAt > now ? this.#nextAt : Number.POSITIVE_INFINITY;
    return Math.min(at, this.#lookAt, this.#nextChange(now));
  }

  /** When the first endpoint comes back that is left alone now. */
  #nextChange(now: number): number {
    let at = Number.POSITIVE_INFINITY;
    for (const state of this.#watched) at = Math.min(at, state.blockedUntil(now) ?? at);
    return at;
  }

  #wakeBy(at: number, now: number): void {
    if (this.#timer !== undefined && this.#timerAt <= at) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    this.#timer = this.#clock.after(Math.max(1, at - now), () => {
      this.#timer = undefined;
      this.#wake();
    });
  }

  #rest(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const state of this.#watched) state.unwatch(this);
    this.#watched.clear();
    this.#gapMs = 0;
    this.#nextAt = Number.NEGATIVE_INFINITY;
    this.#halvedAt = Number.POSITIVE_INFINITY;
    this.#lookAt = Number.POSITIVE_INFINITY;
  }
}

/** No endpoint can take it before its time is over. `leftMs`: of that time. */
function isHopeless(outlook: number | undefined, leftMs: number): boolean {
  return outlook === undefined || (outlook !== whenFreed && outlook > leftMs);
}
