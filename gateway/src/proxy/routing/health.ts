import type { Endpoint } from '#model/endpoint.ts';
import { EndpointState, type HealthState, type Override, type StateTools } from './endpoint-state.ts';

/** What operators see of an endpoint. */
export interface HealthView {
  readonly state: HealthState;
  readonly override: Override;
  /** UTC ms when the state ends by itself; null where it does not. */
  readonly until: number | null;
  readonly inFlight: number;
  /** Of a provisioned deployment, [0, 1]; null where it has said nothing. */
  readonly utilization: number | null;
  readonly remainingTokens: number | null;
  readonly remainingRequests: number | null;
  readonly lastError: string | null;
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
  readonly #states = new Map<string, EndpointState>();
  readonly #tools: StateTools;
  /** Undefined where nobody has said: then whichever was asked about last. */
  #inForce: ReadonlyMap<string, Endpoint> | undefined;

  constructor(tools: StateTools) {
    this.#tools = tools;
  }

  /** These are the endpoints of the configuration from now on. At once, because others may wait for what one takes now. */
  follow(inForce: ReadonlyMap<string, Endpoint>): void {
    this.#inForce = inForce;
    for (const endpoint of inForce.values()) this.of(endpoint);
  }

  /** Kept by whoever asks often: it is looked up by name. */
  of(endpoint: Endpoint): EndpointState {
    const state = this.#states.get(endpoint.name);
    if (state?.endpoint === endpoint) return state;
    if (state !== undefined && sameTarget(state.endpoint, endpoint)) {
      if (!this.#isPast(endpoint)) state.follow(endpoint);
      return state;
    }
    // What was wrong with another target says nothing of this one.
    const made = new EndpointState(endpoint, this.#tools);
    if (!this.#isPast(endpoint)) this.#states.set(endpoint.name, made);
    return made;
  }

  /** Of a call that was admitted before the configuration changed: its settings are not to come back for everybody. */
  #isPast(endpoint: Endpoint): boolean {
    return this.#inForce !== undefined && this.#inForce.get(endpoint.name) !== endpoint;
  }

  view(endpoint: Endpoint): HealthView {
    const { clock } = this.#tools;
    const now = clock.monotonic();
    const state = this.of(endpoint);
    const until = state.blockedUntil(now);
    return {
      state: state.state(now),
      override: state.override(now),
      until: until === undefined ? null : Math.round(until + clock.now() - now),
      inFlight: state.inFlight,
      utilization: state.load.utilized ? state.load.utilization(now) : null,
      remainingTokens: state.load.remainingTokens,
      remainingRequests: state.load.remainingRequests,
      lastError: state.lastError,
    };
  }
}
