import type { Adjustment } from '#accounting/ledger/ports.ts';
import type { Clock, Timer } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import { SteadyClock } from '#kernel/steady-clock.ts';
import type { PtuDeployment } from '#model/ptu.ts';
import type { AllocationCursor, AllocationRequest, AllocationStep, SeenDeployment } from './ptu-allocation.ts';
import { hourMs, type ReservedCallers } from './ptu-basis.ts';

export interface PtuAllocatorOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Another value only where they have changed. */
  deployments(): readonly PtuDeployment[];
  callers(): ReservedCallers;
  rates(): AllocationRequest['rates'];
  /** Where the store is. Null: it does not hold everything yet that was journalled, or another gateway allocates. */
  step(request: AllocationRequest): Promise<AllocationStep | null>;
  book(adjustments: readonly Adjustment[]): Promise<void>;
  /** When the oldest attempt that is open was admitted, UTC ms. */
  openSince(): number | null;
}

const lookEveryMs = 60_000;
/** An hour is closed so long after its end: by then most of its attempts are settled, by other gateways too. */
const settleMs = 180_000;
/** Attempts that are still open hold an hour up so long at most. What they used is allocated when it is known. */
const graceMs = 1_800_000;
/** Hours are looked at again for so long, for records that come late; all of them after a start or a new configuration. */
const lookBackMs = 31 * 24 * hourMs;
/** A clock that has been set has to run so long before anybody is charged by it. */
const steadyMs = 120_000;
/** How far time of day and running time may part before the clock counts as having been set. */
const setMs = 60_000;

interface FirstSeen {
  /** UTC ms. */
  at: number;
  /** The same moment in running time, which nobody sets. */
  readonly running: number;
}

const floorHour = (at: number): number => Math.floor(at / hourMs) * hourMs;

/** Allocates the hours of provisioned deployments as they close, and those that closed while no gateway ran. */
export class PtuAllocator {
  readonly #options: PtuAllocatorOptions;
  readonly #steady: SteadyClock;
  /** When each deployment was first seen, by endpoint. */
  readonly #seen = new Map<string, FirstSeen>();
  #timer: Timer | undefined;
  #running: Promise<void> = Promise.resolve();
  #closed = false;
  #lookFrom: number | null = null;
  /** What the last complete round was about. */
  #done: { readonly closed: number; readonly deployments: readonly PtuDeployment[] } | undefined;

  constructor(options: PtuAllocatorOptions) {
    this.#options = options;
    this.#steady = new SteadyClock(options.clock);
  }

  start(): void {
    const { clock } = this.#options;
    this.#see(this.#options.deployments());
    this.#timer = clock.after(lookEveryMs, () => {
      this.#running = this.#lookAndGoOn();
    });
  }

  /** Hours that end here, or before, are allocated, UTC ms; null before the first round. */
  get allocatedUntil(): number | null {
    return this.#done?.closed ?? null;
  }

  /** What was booked stands; the next start goes on. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#running;
  }

  /** Allocates what has closed since the last look. Does not reject: the next look tries again. */
  async look(): Promise<void> {
    const deployments = this.#options.deployments();
    const seen = this.#see(deployments);
    const closed = this.#closedHours();
    const steady = this.#steady.steadyForMs() >= steadyMs;
    if (seen.length === 0 || !steady) return;
    const done = this.#done?.deployments === deployments ? this.#done.closed : null;
    if (done === closed) return;
    try {
      // What a new configuration says may begin long ago, and a clock that ran ahead has closed hours before their calls.
      if (done === null || closed < done) this.#lookFrom = null;
      if (await this.#round(seen, closed)) this.#done = { closed, deployments };
    } catch (error) {
      this.#options.log.error({ err: error }, 'the hours of provisioned deployments cannot be allocated; trying again');
    }
  }

  async #lookAndGoOn(): Promise<void> {
    await this.look();
    if (!this.#closed) this.start();
  }

  #see(deployments: readonly PtuDeployment[]): readonly SeenDeployment[] {
    return deployments.map((deployment) => ({ deployment, since: this.#since(deployment.servedBy.endpoint) }));
  }

  /** The hour in which it was first seen, as the clock counts it now: one that was set has not made it any older. */
  #since(endpoint: string): number {
    const { clock } = this.#options;
    const [at, running] = [clock.now(), clock.monotonic()];
    const first = this.#seen.get(endpoint) ?? { at, running };
    this.#seen.set(endpoint, first);
    const now = at - (running - first.running);
    if (Math.abs(now - first.at) > setMs) first.at = now;
    return floorHour(first.at);
  }

  #closedHours(): number {
    const { clock } = this.#options;
    const now = clock.now();
    const open = this.#options.openSince() ?? Infinity;
    return Math.min(floorHour(now - settleMs), Math.max(floorHour(open), floorHour(now - graceMs)));
  }

  /** False where the store is not ready for it. */
  async #round(deployments: readonly SeenDeployment[], closed: number): Promise<boolean> {
    const { clock, log } = this.#options;
    let cursor: AllocationCursor | null = null;
    let booked = 0;
    do {
      const made: AllocationStep | null = await this.#options.step({
        deployments,
        closed,
        lookFrom: this.#lookFrom,
        cursor,
        callers: this.#options.callers(),
        rates: this.#options.rates(),
        bookedBy: 'gateway',
        now: clock.now(),
      });
      if (made === null || this.#closed) return false;
      await this.#options.book(made.adjustments);
      booked += made.adjustments.length;
      cursor = made.next;
    } while (cursor !== null);
    if (booked > 0) log.info({ hours: booked }, 'hours of provisioned deployments are allocated');
    this.#lookFrom = closed - lookBackMs;
    return true;
  }
}
