import type { RandomSource } from '#kernel/random.ts';
import type { Endpoint } from '#model/endpoint.ts';
import { endpointsOf, type ModelRoute, type WeightedEndpoint } from '#model/model-route.ts';
import type { EndpointHealth } from './health.ts';

/** The attempts of one forward: which endpoint is next, and whether there is one. */
export interface Plan {
  /** The endpoint of the next attempt; undefined when the budget is spent or nothing is left to try. */
  next(): Endpoint | undefined;
  /** Attempts handed out so far. */
  readonly made: number;
  /** The shortest wait among the endpoints that are throttled, ms; undefined where none is. */
  shortestWaitMs(): number | undefined;
}

function pickByWeight(candidates: readonly WeightedEndpoint[], random: RandomSource): Endpoint | undefined {
  if (candidates.length < 2) return candidates[0]?.endpoint;
  const total = candidates.reduce((sum, one) => sum + one.weight, 0);
  let point = random.next() * total;
  for (const one of candidates) {
    point -= one.weight;
    if (point < 0) return one.endpoint;
  }
  return candidates.at(-1)?.endpoint;
}

/**
 * Weighted choice inside the first tier that has an endpoint to offer; the next tier only when it has none. Throttled
 * and misconfigured endpoints are left alone; failing ones are tried when nothing better is left. No endpoint is tried
 * twice.
 */
export function createPlan(route: ModelRoute, health: EndpointHealth, random: RandomSource): Plan {
  const tried = new Set<string>();
  let made = 0;
  const choose = (usable: (endpoint: Endpoint) => boolean): Endpoint | undefined => {
    for (const tier of route.tiers) {
      const found = pickByWeight(
        tier.filter(({ endpoint }) => !tried.has(endpoint.name) && usable(endpoint)),
        random,
      );
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return {
    get made() {
      return made;
    },
    next() {
      if (made >= route.maxAttempts) return undefined;
      const found =
        choose((endpoint) => health.state(endpoint) === 'available') ??
        choose((endpoint) => health.state(endpoint) === 'failing');
      if (found === undefined) return undefined;
      tried.add(found.name);
      made += 1;
      return found;
    },
    shortestWaitMs() {
      const waits = endpointsOf(route)
        .filter((endpoint) => health.state(endpoint) === 'throttled')
        .map((endpoint) => health.waitMs(endpoint));
      return waits.length === 0 ? undefined : Math.min(...waits);
    },
  };
}
