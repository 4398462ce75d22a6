import { isDeepStrictEqual } from 'node:util';
import type { InternalRate } from '#accounting/cost/internal-rates.ts';
import type { Adjustment, LedgerStore } from '#accounting/ledger/ports.ts';
import type { PtuDeployment } from '#model/ptu.ts';
import { differenceOf } from './postings.ts';
import { hourBasis, hourMs, type HourBasis, type ReservedCallers } from './ptu-basis.ts';
import { detailOf, parseAllocationDetail, type HourUsage } from './ptu-detail.ts';
import { allocationId, allocationsOf, usageOfHours, usesOfHour } from './ptu-hours.ts';
import { hourPostings } from './ptu-postings.ts';

/** So many hours are compared with what is booked at a time: a month of 31 days. */
const windowHours = 744;
/** So many hours are allocated at a time, so that the worker answers others in between. */
const mostAtOnce = 48;

/** Where a step goes on: the deployment's place in the list, when its hours begin, and the next of them. */
export interface AllocationCursor {
  readonly deployment: number;
  readonly begins: number;
  readonly hour: number;
}

export interface AllocationStep {
  readonly adjustments: readonly Adjustment[];
  /** Null: everything that can be closed is. */
  readonly next: AllocationCursor | null;
}

/** A deployment, and from when on a price without a beginning holds for it: the hour in which it was first seen. */
export interface SeenDeployment {
  readonly deployment: PtuDeployment;
  readonly since: number;
}

export interface AllocationRequest {
  readonly deployments: readonly SeenDeployment[];
  /** Hours that end here, or before, are closed. UTC ms. */
  readonly closed: number;
  /** Hours before it are known to be allocated and are not looked at again; null: all are looked at. */
  readonly lookFrom: number | null;
  readonly cursor: AllocationCursor | null;
  readonly callers: ReservedCallers;
  /** What is charged inside. */
  readonly rates: readonly InternalRate[];
  readonly bookedBy: string;
  /** UTC ms. */
  readonly now: number;
}

const floorHour = (at: number): number => Math.floor(at / hourMs) * hourMs;

function hoursFrom(from: number, end: number): readonly number[] {
  const count = Math.max(0, Math.min(windowHours, Math.floor((end - from) / hourMs)));
  return Array.from({ length: count }, (_one, at) => from + at * hourMs);
}

interface Allocating {
  readonly basis: HourBasis;
  readonly usage: HourUsage;
  readonly booked: readonly Adjustment[];
}

/** Allocates the hours of provisioned deployments that have closed; see docs/ptu.md for the rules. */
export class PtuAllocation {
  readonly #store: Pick<LedgerStore, 'figures' | 'findAdjustments'>;

  constructor(store: Pick<LedgerStore, 'figures' | 'findAdjustments'>) {
    this.#store = store;
  }

  /**
   * The allocations that are missing, and corrections of those whose hours have become known otherwise, because records
   * came late. What was booked is corrected by the terms that it was booked by. Once they are booked, the next step goes
   * on; a step that is asked for again before that says the same.
   */
  async step(request: AllocationRequest): Promise<AllocationStep> {
    let cursor = request.cursor ?? (await this.#firstOf(0, request));
    while (cursor !== null) {
      const step: AllocationStep = await this.#window(cursor, request);
      if (step.adjustments.length > 0) return step;
      cursor = step.next;
    }
    return { adjustments: [], next: null };
  }

  /** Where a deployment begins, or the first one behind it. */
  async #firstOf(deployment: number, request: AllocationRequest): Promise<AllocationCursor | null> {
    const seen = request.deployments[deployment];
    if (seen === undefined) return null;
    const begins = await this.#begins(seen, request);
    return { deployment, begins, hour: begins };
  }

  async #window(cursor: AllocationCursor, request: AllocationRequest): Promise<AllocationStep> {
    const { deployment, begins, hour } = cursor;
    const seen = request.deployments[deployment];
    if (seen === undefined) return { adjustments: [], next: null };
    const hours = hoursFrom(hour, request.closed);
    const adjustments = await this.#ofWindow({ ...seen, since: begins }, hours, request);
    const last = adjustments.at(-1);
    if (last !== undefined && adjustments.length >= mostAtOnce)
      return { adjustments, next: { ...cursor, hour: last.at + hourMs } };
    const isLast = hours.length < windowHours;
    const next = isLast
      ? await this.#firstOf(deployment + 1, request)
      : { ...cursor, hour: hour + hours.length * hourMs };
    return { adjustments, next };
  }

  /** A price without a beginning holds from the hour in which it was first seen, unless an earlier one was allocated. */
  async #begins({ deployment, since }: SeenDeployment, { lookFrom, closed }: AllocationRequest): Promise<number> {
    const [first] = deployment.periods;
    const look = lookFrom ?? -Infinity;
    if (first === undefined) return closed;
    if (first.from !== null) return Math.max(floorHour(first.from), look);
    const end = floorHour(since);
    const earlier = hoursFrom(end - windowHours * hourMs, end);
    const booked = await allocationsOf(this.#store, deployment.servedBy.endpoint, earlier);
    return Math.max(Math.min(end, ...booked.keys()), look);
  }

  async #ofWindow(
    seen: SeenDeployment,
    hours: readonly number[],
    request: AllocationRequest,
  ): Promise<readonly Adjustment[]> {
    const { servedBy } = seen.deployment;
    if (hours.length === 0) return [];
    const booked = await allocationsOf(this.#store, servedBy.endpoint, hours);
    const usage = await usageOfHours(this.#store, servedBy, hours);
    const made: Adjustment[] = [];
    for (const [at, hour] of hours.entries()) {
      if (made.length === mostAtOnce) break;
      const now = usage[at];
      if (now === undefined) continue;
      const one = this.#whatIsMissing(seen, { hour, usage: now, booked: booked.get(hour) ?? [] }, request);
      if (one !== undefined) made.push(await this.#allocation(hour, one, request));
    }
    return made;
  }

  #whatIsMissing(
    { deployment, since }: SeenDeployment,
    known: { readonly hour: number; readonly usage: HourUsage; readonly booked: readonly Adjustment[] },
    { callers, rates }: AllocationRequest,
  ): Allocating | undefined {
    const { hour, usage, booked } = known;
    const last = booked.at(-1);
    if (last === undefined) {
      const basis = hourBasis(deployment, { hour, since, callers, rates });
      return basis.parts.length === 0 ? undefined : { basis, usage, booked };
    }
    const detail = parseAllocationDetail(last);
    return isDeepStrictEqual(detail.usage, usage) ? undefined : { basis: detail.basis, usage, booked };
  }

  async #allocation(
    hour: number,
    { basis, usage, booked }: Allocating,
    { now, bookedBy }: AllocationRequest,
  ): Promise<Adjustment> {
    const uses = await usesOfHour(this.#store, basis.servedBy, hour);
    const revision = booked.length;
    const why = revision === 0 ? 'the hour has closed' : 'records of the hour came late';
    const last = booked.at(-1);
    return {
      id: allocationId(basis.servedBy.endpoint, hour, revision),
      kind: 'allocation',
      at: hour,
      bookedAt: last === undefined ? now : Math.max(now, last.bookedAt + 1),
      of: null,
      postings: differenceOf(
        hourPostings(basis, uses),
        booked.flatMap((one) => one.postings),
      ),
      qualifies: null,
      detail: JSON.stringify(detailOf({ revision, why, bookedBy, basis, usage }, uses)),
    };
  }
}
