import type { Clock } from '#kernel/clock.ts';
import type { Endpoint } from '#model/endpoint.ts';

/** What an attempt showed of its endpoint. What the client did wrong, or a content filter refused, shows nothing. */
export type Verdict =
  | { readonly kind: 'served' }
  | { readonly kind: 'throttled'; readonly cooldownMs: number }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'misconfigured'; readonly reason: string };

export type HealthState = 'available' | 'throttled' | 'failing' | 'misconfigured';

/** What operators see of an endpoint. */
export interface HealthView {
  readonly state: HealthState;
  /** UTC ms when a cool-down ends; null where none runs. */
  readonly until: number | null;
  readonly inFlight: number;
  readonly lastError: string | null;
}

/** After a failure an endpoint is the last choice for so long, ms; it is never shut out by it. */
const failingMs = 2_000;
/** A wrong credential or deployment name is looked at again after this, ms: somebody may have mended it. */
const misconfiguredMs = 30_000;

interface Entry {
  endpoint: Endpoint;
  state: HealthState;
  /** Monotonic ms; the state is over then. */
  until: number;
  inFlight: number;
  lastError: string | null;
}

function sameTarget(one: Endpoint, other: Endpoint): boolean {
  return (
    one.resource === other.resource &&
    one.deployment === other.deployment &&
    JSON.stringify([one.surface, one.credential]) === JSON.stringify([other.surface, other.credential])
  );
}

/** What is known of each endpoint, by its name; outlives configuration changes. One per process. */
export class EndpointHealth {
  private readonly entries = new Map<string, Entry>();
  private readonly clock: Clock;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  private entry(endpoint: Endpoint): Entry {
    let entry = this.entries.get(endpoint.name);
    if (entry === undefined) {
      entry = { endpoint, state: 'available', until: 0, inFlight: 0, lastError: null };
      this.entries.set(endpoint.name, entry);
    } else if (entry.endpoint !== endpoint) {
      // Another configuration: what was wrong with the old target says nothing of the new one.
      if (!sameTarget(entry.endpoint, endpoint)) entry.state = 'available';
      entry.endpoint = endpoint;
    }
    return entry;
  }

  /** The state now: a cool-down that has run out is over. */
  state(endpoint: Endpoint): HealthState {
    const entry = this.entry(endpoint);
    if (entry.state === 'available') return 'available';
    if (this.clock.monotonic() >= entry.until) entry.state = 'available';
    return entry.state;
  }

  /** Milliseconds until a throttled endpoint may be tried again; 0 where nothing stands against it. */
  waitMs(endpoint: Endpoint): number {
    return this.state(endpoint) === 'available' ? 0 : Math.max(0, this.entry(endpoint).until - this.clock.monotonic());
  }

  begin(endpoint: Endpoint): void {
    this.entry(endpoint).inFlight += 1;
  }

  end(endpoint: Endpoint): void {
    this.entry(endpoint).inFlight -= 1;
  }

  report(endpoint: Endpoint, verdict: Verdict): void {
    const entry = this.entry(endpoint);
    const now = this.clock.monotonic();
    switch (verdict.kind) {
      case 'served':
        // A late success of an earlier call does not lift a throttle that the upstream has just asked for.
        if (entry.state === 'failing' || entry.state === 'misconfigured') entry.state = 'available';
        return;
      case 'throttled':
        entry.until =
          entry.state === 'throttled' ? Math.max(entry.until, now + verdict.cooldownMs) : now + verdict.cooldownMs;
        entry.state = 'throttled';
        entry.lastError = 'throttled';
        return;
      case 'failed':
        entry.lastError = verdict.reason;
        if (entry.state === 'throttled' && entry.until > now) return;
        entry.state = 'failing';
        entry.until = now + failingMs;
        return;
      case 'misconfigured':
        entry.state = 'misconfigured';
        entry.until = now + misconfiguredMs;
        entry.lastError = verdict.reason;
    }
  }

  view(endpoint: Endpoint): HealthView {
    const state = this.state(endpoint);
    const { until, inFlight, lastError } = this.entry(endpoint);
    const elapsed = this.clock.now() - this.clock.monotonic();
    return { state, until: state === 'available' ? null : Math.round(until + elapsed), inFlight, lastError };
  }
}
