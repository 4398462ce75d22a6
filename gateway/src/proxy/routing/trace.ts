import type { UsageRecord } from '#model/usage-record.ts';
import type { HealthState } from './endpoint-state.ts';

/** Why an endpoint was not taken for an attempt. */
export type Passed =
  | Exclude<HealthState, 'available'>
  /** Its circuit is being probed, and all places for probes are taken. */
  | 'probes-taken'
  /** As many attempts are under way as it may have. */
  | 'full'
  /** Others have waited longer for it. */
  | 'queue'
  /** It comes back, or yields provisioned throughput, and this call was not in its share. */
  | 'coming-back'
  | 'yielding'
  /** A retry looks for one of which few calls fail first. */
  | 'unsound'
  | 'tried'
  /** What the call refers to lives in another resource. */
  | 'elsewhere'
  /** Azure's own spillover has tried it for this call. */
  | 'spilled-to'
  /** An earlier tier had one to offer. */
  | 'later-tier'
  /** The balancer took another one of its tier. */
  | 'not-drawn';

/** Why a hedge was not made: the budgets had no room for it, or the first attempt came to its end before it was sent. */
export type Unmade = 'unpaid' | 'overtaken';

/** One choice of a plan, and what came of it. Times in ms since the request began. */
export class TraceStep {
  readonly at: number;
  /** By the index of the endpoint in its model; null for the one that was taken. */
  readonly passed: readonly (Passed | null)[];
  /** Index of the endpoint that was taken; undefined where none was. */
  readonly taken: number | undefined;
  /** It was made while the one before it was still under way. */
  hedge = false;
  /** Whose endpoints were considered, where the call had fallen back to another model than the trace's. */
  fallback: { readonly model: string; readonly endpoints: RouteTrace['endpoints'] } | undefined;
  /** Where nothing could be taken: how long the call waited then, ms, and how that ended; undefined where it did not wait. */
  waited: { readonly ms: number; readonly how: string } | undefined;
  /** Why the attempt was given up for another one. */
  fault: string | null = null;
  /** Undefined where the attempt was made, or begun. */
  unmade: Unmade | undefined;
  /** The attempt's record; undefined while it runs, and where it was not made after all. */
  record: Pick<UsageRecord, 'id' | 'outcome' | 'httpStatus' | 'timing'> | undefined;

  constructor(at: number, passed: readonly (Passed | null)[], taken: number | undefined) {
    this.at = at;
    this.passed = passed;
    this.taken = taken;
  }
}

/** How one request was routed. */
export interface RouteTrace {
  readonly requestId: string;
  /** UTC ms. */
  readonly receivedAt: number;
  /** Monotonic ms; steps count from it. */
  readonly startedAt: number;
  readonly subscription: string;
  /** The name that the client used. */
  readonly model: string;
  /** The endpoints of the model, in the order of their index, with their tiers from 0. */
  readonly endpoints: readonly { readonly name: string; readonly tier: number }[];
  /** Undefined until the first choice. */
  steps: TraceStep[] | undefined;
}

/** Traces are kept for a while, and most choices pass over the same endpoints for the same reasons: those share a list. */
export class PassedLists {
  #last: readonly (Passed | null)[] = [];

  /** An equal list that is kept already, else this one, which nobody may change from now on. */
  same(passed: readonly (Passed | null)[]): readonly (Passed | null)[] {
    const last = this.#last;
    if (last.length === passed.length && passed.every((one, index) => one === last[index])) return last;
    this.#last = passed;
    return passed;
  }
}

/** The traces of the last requests; the oldest makes room. Nothing of what was asked or answered is in them. */
export class RouteTraces {
  readonly #ring: (RouteTrace | undefined)[];
  #at = 0;

  /** `keep` 0 keeps none, and costs nothing. */
  constructor(keep: number) {
    this.#ring = Array.from({ length: keep });
  }

  get keeps(): boolean {
    return this.#ring.length > 0;
  }

  add(trace: RouteTrace): void {
    this.#ring[this.#at] = trace;
    this.#at = (this.#at + 1) % this.#ring.length;
  }

  /** Looks through all of them: people ask seldom, and a Map that is always filled and emptied costs every call. */
  get(requestId: string): RouteTrace | undefined {
    return this.#ring.find((one) => one?.requestId === requestId);
  }
}
