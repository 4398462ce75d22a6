import type { Clock } from '#kernel/clock.ts';
import type { RandomSource } from '#kernel/random.ts';
import type { BalancedCall, Member } from './balancers/balancer.ts';
import type { Choice } from './choice.ts';
import type { HealthState } from './endpoint-state.ts';
import type { Pool } from './pool.ts';
import { whenFreed, type QueuedPlan } from './queue/pool-queue.ts';
import { TraceStep, type Passed, type RouteTrace, type Unmade } from './trace.ts';

/** What a choice is made with. */
export interface PlanTools {
  readonly clock: Clock;
  readonly random: RandomSource;
}

/** How an endpoint of the model stands; `full`: as many attempts are under way as it may have. */
export type Standing = HealthState | 'full';

/** Over these last points before its set point a provisioned deployment yields more and more calls. */
const yieldBand = 0.1;

const laterTier = (): Passed => 'later-tier';

/**
 * `sound`: nothing speaks against it; `steady`: it takes its share of the calls; `roomy`: it may be coming back, but is no
 * provisioned deployment beyond its set point; `any`: it can be tried.
 */
type Demand = 'sound' | 'steady' | 'roomy' | 'any';

/**
 * The attempts of one forward: which endpoint is next, and whether there is one.
 *
 * The balancer of the first tier that has an endpoint to offer chooses; later tiers only when earlier ones have none.
 * What is throttled, broken or quarantined is left alone, and what is coming back gets part of its calls, unless
 * nothing else is left. No endpoint is tried twice.
 */
export class Plan implements QueuedPlan {
  readonly #pool: Pool;
  readonly #call: BalancedCall;
  readonly #tools: PlanTools;
  readonly #trace: RouteTrace | undefined;
  #tried: Member[] = [];
  /** Not to be tried, although nothing is known of them. */
  readonly #avoided: Member[] = [];
  /** Filled while a choice is made, where somebody keeps it. */
  #passed: (Passed | null)[] | undefined;
  #outOfRetries = false;
  /** Of those that were tried: which had no room. */
  #refusing: Member[] | undefined;
  #waitingSince: number | null = null;
  #waits = 0;

  constructor(pool: Pool, call: BalancedCall, tools: PlanTools & { readonly trace?: RouteTrace | undefined }) {
    this.#pool = pool;
    this.#call = call;
    this.#tools = tools;
    this.#trace = tools.trace;
  }

  /** Attempts handed out so far. */
  get made(): number {
    return this.#tried.length;
  }

  /** Whether it ended because retries would have multiplied an outage. */
  get outOfRetries(): boolean {
    return this.#outOfRetries;
  }

  get pool(): Pool {
    return this.#pool;
  }

  /** The next attempt; undefined when the budget is spent, nothing is left to try, or others have waited longer for it. */
  next(): Choice | undefined {
    const { queue } = this.#pool;
    if (queue !== null && queue.holdsUp && this.#tried.length === 0) {
      const behind = this.#trace === undefined ? undefined : this.#pool.endpoints.map((): Passed => 'queue');
      this.#passed = behind;
      this.#written(this.#tools.clock.monotonic(), undefined);
      return undefined;
    }
    return this.take();
  }

  /** The next attempt, whoever else waits. */
  take(): Choice | undefined {
    const { route, retries, endpoints } = this.#pool;
    if (this.#tried.length >= route.maxAttempts) return undefined;
    const now = this.#tools.clock.monotonic();
    if (this.#trace !== undefined) this.#passed = endpoints.map(laterTier);
    const member = this.#find(now);
    const retry = this.#tried.length > 0;
    if (member !== undefined && retry && !member.state.sound(now) && !retries.take(route.retries, now)) {
      this.#outOfRetries = true;
      this.#written(now, undefined);
      return undefined;
    }
    const step = this.#written(now, member);
    if (member === undefined) return undefined;
    if (!retry) retries.called(now);
    this.#tried.push(member);
    return { member, lease: member.state.begin(), step };
  }

  /**
   * Another endpoint beside the one that is being tried, rather than after it: one that is well, where nobody who waits could
   * have it and the budget of retries allows it. Undefined where there is none.
   */
  hedge(): Choice | undefined {
    const { route, retries, queue, endpoints } = this.#pool;
    if (this.#tried.length >= route.maxAttempts || (queue !== null && queue.holdsUp)) return undefined;
    const now = this.#tools.clock.monotonic();
    if (this.#trace !== undefined) this.#passed = endpoints.map(laterTier);
    const member = this.#choose(now, 'sound');
    if (member === undefined || !retries.take(route.retries, now)) {
      this.#passed = undefined;
      return undefined;
    }
    const step = this.#written(now, member);
    if (step !== undefined) step.hedge = true;
    this.#tried.push(member);
    return { member, lease: member.state.begin(), step };
  }

  /** A hedge that comes to nothing, for reasons of ours: its endpoint may be tried by a later attempt. */
  unmade({ member, step }: Choice, why: Unmade): void {
    this.#tried = this.#tried.filter((one) => one !== member);
    this.#pool.retries.giveBack(this.#tools.clock.monotonic());
    if (step !== undefined) step.unmade = why;
  }

  /** Which endpoint would be next. Begins nothing and counts nothing. */
  preview(): Member | undefined {
    return this.#find(this.#tools.clock.monotonic());
  }

  /** Why an endpoint would be passed over now; null where it could be taken. */
  objection(member: Member): Passed | null {
    return this.#objection(member, this.#tools.clock.monotonic(), 'steady');
  }

  /**
   * Azure has tried to spill this call over, and that failed too: the pay-as-you-go deployment that it tried is not asked
   * again. `target`: its name; null where Azure did not tell, then any of the resource may have been it.
   */
  avoidSpilled({ endpoint }: Member, target: string | null): void {
    const named = target !== null && target !== endpoint.deployment;
    for (const { members } of this.#pool.tiers) {
      for (const other of members) {
        const one = other.endpoint;
        const meant = named ? one.deployment === target : one.yieldAt === null;
        if (one.resource === endpoint.resource && meant) this.#avoided.push(other);
      }
    }
  }

  /** What it has to know of an attempt that may be made again elsewhere. `spilledTo`: see avoidSpilled. */
  learn(
    member: Member,
    { fault, spilledTo }: { readonly fault: { readonly kind: string }; readonly spilledTo: string | null | undefined },
  ): void {
    // It has no room now: it may be tried again after a wait.
    if (fault.kind === 'throttled') (this.#refusing ??= []).push(member);
    if (spilledTo !== undefined) this.avoidSpilled(member, spilledTo);
  }

  // ── waiting for capacity

  get waitingSince(): number | null {
    return this.#waitingSince;
  }

  /** Whether it may wait where nothing can be taken now. Each wait begins with attempts anew, so they are bounded, too. */
  get mayWait(): boolean {
    const { route, queue } = this.#pool;
    return queue !== null && !this.#outOfRetries && this.#waits < route.maxAttempts;
  }

  /** Also forgets who refused it for want of room. */
  beginWait(now: number): void {
    this.#waits += 1;
    this.#waitingSince ??= now;
    const refusing = this.#refusing;
    if (refusing === undefined) return;
    this.#tried = this.#tried.filter((member) => !refusing.includes(member));
    this.#refusing = undefined;
  }

  get untouched(): boolean {
    return this.#tried.length === 0 && this.#avoided.length === 0 && this.#call.resource === null;
  }

  outlook(now: number): number | undefined {
    if (this.#tried.length >= this.#pool.route.maxAttempts) return undefined;
    let soonest: number | undefined;
    for (const { members } of this.#pool.tiers) {
      for (const member of members) {
        const objection = this.#objection(member, now, 'any');
        if (objection === null) return 0;
        if (objection === 'full') soonest = whenFreed;
        else if (objection === 'throttled' && soonest !== whenFreed)
          soonest = Math.min(soonest ?? whenFreed, (member.state.blockedUntil(now) ?? now) - now);
      }
    }
    return soonest;
  }

  /** Writes into the trace how long it waited after the last choice found nothing. */
  waited(ms: number, how: string): void {
    const vain = this.#trace?.steps?.findLast(({ taken }) => taken === undefined);
    if (vain !== undefined) vain.waited = { ms, how };
  }

  // ── how it stands

  /** How each endpoint of the model stands now. */
  states(): readonly Standing[] {
    const now = this.#tools.clock.monotonic();
    const bound = this.#call.resource !== null;
    return this.#usable().map(({ state }) => {
      const standing = bound ? state.boundState(now) : state.state(now);
      return standing === 'available' && state.full ? 'full' : standing;
    });
  }

  /** Milliseconds until the first of the endpoints that are left alone may be tried; undefined where none is. */
  shortestWaitMs(): number | undefined {
    const now = this.#tools.clock.monotonic();
    let shortest: number | undefined;
    for (const { state } of this.#usable()) {
      const until = state.blockedUntil(now);
      if (until !== undefined && (shortest === undefined || until - now < shortest)) shortest = until - now;
    }
    return shortest;
  }

  /** The endpoints that could serve the call if nothing stood against them. */
  #usable(): readonly Member[] {
    const { resource } = this.#call;
    const members = this.#pool.tiers.flatMap((tier) => tier.members);
    return resource === null ? members : members.filter(({ endpoint }) => endpoint.resource === resource);
  }

  #find(now: number): Member | undefined {
    const sound = this.#tried.length > 0 ? this.#choose(now, 'sound') : undefined;
    return sound ?? this.#choose(now, 'steady') ?? this.#choose(now, 'roomy') ?? this.#choose(now, 'any');
  }

  #choose(now: number, of: Demand): Member | undefined {
    for (const { members, balancer, open } of this.#pool.tiers) {
      open.length = 0;
      for (const member of members) {
        const objection = this.#objection(member, now, of);
        if (objection === null) open.push(member);
        if (this.#passed !== undefined) this.#passed[member.index] = objection ?? 'not-drawn';
      }
      const found = balancer.pick(open, this.#call, now);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #objection(member: Member, now: number, of: Demand): Passed | null {
    const { state, endpoint } = member;
    const { resource } = this.#call;
    if (this.#tried.includes(member)) return 'tried';
    if (this.#avoided.includes(member)) return 'spilled-to';
    if (resource !== null && endpoint.resource !== resource) return 'elsewhere';
    // What lives in a drained endpoint can be nowhere else.
    const standing = resource === null ? state.state(now) : state.boundState(now);
    if (state.full && (standing === 'available' || standing === 'probing')) return 'full';
    if (standing === 'probing') return state.admits(now) ? this.#reluctance(member, now, of) : 'probes-taken';
    return standing === 'available' ? this.#reluctance(member, now, of) : standing;
  }

  /** Why it is rather passed over, although it could be taken. */
  #reluctance(member: Member, now: number, of: Demand): Passed | null {
    const { state } = member;
    if (of === 'any' || this.#call.resource !== null) return null;
    if (of === 'sound' && !state.sound(now)) return 'unsound';
    if (!this.#drawn(this.#shareOfProvisioned(member, now))) return 'yielding';
    return of === 'roomy' || this.#drawn(state.rampShare(now)) ? null : 'coming-back';
  }

  #drawn(share: number): boolean {
    return share >= 1 || (share > 0 && this.#tools.random.next() < share);
  }

  /** The share of its calls that a provisioned deployment takes: all while it has room, fewer and fewer towards its set point. */
  #shareOfProvisioned({ endpoint, state }: Member, now: number): number {
    if (endpoint.yieldAt === null) return 1;
    const room = endpoint.yieldAt[this.#call.priority] - state.load.utilization(now);
    return Math.min(1, Math.max(0, room / yieldBand));
  }

  #written(now: number, taken: Member | undefined): TraceStep | undefined {
    const passed = this.#passed;
    if (this.#trace === undefined || passed === undefined) return undefined;
    this.#passed = undefined;
    if (taken !== undefined) passed[taken.index] = null;
    const step = new TraceStep(now - this.#trace.startedAt, this.#pool.passed.same(passed), taken?.index);
    const { endpoints, route } = this.#pool;
    if (endpoints !== this.#trace.endpoints) step.fallback = { model: route.name, endpoints };
    // An array that is made with its first entry has place for no more; one that is pushed to takes seventeen.
    if (this.#trace.steps === undefined) this.#trace.steps = [step];
    else this.#trace.steps.push(step);
    return step;
  }
}
