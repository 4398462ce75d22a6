import type { HealthState } from '#proxy/routing/endpoint-state.ts';

export interface ClientCounts {
  asked: number;
  served: number;
  refused: number;
  throttled: number;
  failed: number;
  retried: number;
  waited: number;
  /** At the end of the interval. */
  waiting: number;
  hedged: number;
}

interface EndpointCounts {
  attempts: number;
  served: number;
  throttled: number;
  failed: number;
  state: HealthState;
  utilization: number | null;
}

export interface TallyRow {
  readonly fromMs: number;
  readonly clients: ClientCounts;
  readonly endpoints: readonly EndpointCounts[];
}

const noClients = (): ClientCounts => ({
  asked: 0,
  served: 0,
  refused: 0,
  throttled: 0,
  failed: 0,
  retried: 0,
  waited: 0,
  waiting: 0,
  hedged: 0,
});
const noCalls = (): EndpointCounts => ({
  attempts: 0,
  served: 0,
  throttled: 0,
  failed: 0,
  state: 'available',
  utilization: null,
});

/** Counts what happens, by interval. What happens after the end counts in the last one. */
export class Tally {
  readonly rows: readonly TallyRow[];
  readonly #intervalMs: number;

  constructor(options: { readonly durationMs: number; readonly intervalMs: number; readonly endpoints: number }) {
    const { durationMs, intervalMs, endpoints } = options;
    this.#intervalMs = intervalMs;
    this.rows = Array.from({ length: Math.ceil(durationMs / intervalMs) }, (_, at) => ({
      fromMs: at * intervalMs,
      clients: noClients(),
      endpoints: Array.from({ length: endpoints }, noCalls),
    }));
  }

  client(now: number, what: keyof ClientCounts): void {
    const row = this.#row(now);
    if (row !== undefined) row.clients[what] += 1;
  }

  endpoint(now: number, index: number, what: 'attempts' | 'served' | 'throttled' | 'failed'): void {
    const counts = this.#row(now)?.endpoints[index];
    if (counts !== undefined) counts[what] += 1;
  }

  #row(now: number): TallyRow | undefined {
    return this.rows[Math.min(this.rows.length - 1, Math.floor(now / this.#intervalMs))];
  }
}
