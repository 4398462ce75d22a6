import type { RandomSource } from '#kernel/random.ts';
import type { Endpoint } from '#model/endpoint.ts';
import type { ModelRoute, WeightedEndpoint } from '#model/model-route.ts';
import type { EndpointHealth, HealthState } from './health.ts';

/** What a choice is made with. */
export interface Chooser {
  readonly health: EndpointHealth;
  readonly random: RandomSource;
}

function pickByWeight(candidates: readonly WeightedEndpoint[], random: RandomSource): Endpoint | undefined {
  if (candidates.length < 2) return candidates[0]?.endpoint;
  let total = 0;
  for (const one of candidates) total += one.weight;
  let point = random.next() * total;
  for (const one of candidates) {
    point -= one.weight;
    if (point < 0) return one.endpoint;
  }
  return candidates.at(-1)?.endpoint;
}

/**
 * The attempts of one forward: which endpoint is next, and whether there is one. Weighted choice inside the first tier
 * that has an endpoint to offer; the next tier only when it has none. Throttled and misconfigured endpoints are left
 * alone; failing ones are tried when nothing better is left. No endpoint is tried twice.
 */
export class Plan {
  readonly #route: ModelRoute;
  readonly #chooser: Chooser;
  readonly #tried: Endpoint[] = [];

  constructor(route: ModelRoute, chooser: Chooser) {
    this.#route = route;
    this.#chooser = chooser;
  }

  /** Attempts handed out so far. */
  get made(): number {
    return this.#tried.length;
  }

  /** The endpoint of the next attempt; undefined when the budget is spent or nothing is left to try. */
  next(): Endpoint | undefined {
    if (this.#tried.length >= this.#route.maxAttempts) return undefined;
    const found = this.#choose('available') ?? this.#choose('failing');
    if (found !== undefined) this.#tried.push(found);
    return found;
  }

  /** The shortest wait among the endpoints that are throttled, ms; undefined where none is. */
  shortestWaitMs(): number | undefined {
    const { health } = this.#chooser;
    const waits = this.#route.endpoints
      .filter((endpoint) => health.state(endpoint) === 'throttled')
      .map((endpoint) => health.waitMs(endpoint));
    return waits.length === 0 ? undefined : Math.min(...waits);
  }

  #choose(state: HealthState): Endpoint | undefined {
    const { health, random } = this.#chooser;
    for (const tier of this.#route.tiers) {
      const candidates = tier.filter(
        ({ endpoint }) => health.state(endpoint) === state && !this.#tried.includes(endpoint),
      );
      const found = pickByWeight(candidates, random);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}
