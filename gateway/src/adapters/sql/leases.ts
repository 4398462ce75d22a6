import { systemClock, type Clock } from '#kernel/clock.ts';

/** Leases of a store that belongs to this process alone: see `LedgerStore.lease`. */
export class Leases {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #held = new Map<string, { readonly holder: string; readonly until: number }>();

  constructor(clock: Pick<Clock, 'monotonic'> = systemClock) {
    this.#clock = clock;
  }

  take(work: string, holder: string, forMs: number): boolean {
    const now = this.#clock.monotonic();
    const held = this.#held.get(work);
    if (held !== undefined && held.holder !== holder && held.until > now) return false;
    this.#held.set(work, { holder, until: now + forMs });
    return true;
  }
}
