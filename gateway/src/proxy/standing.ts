import type { Endpoint } from '#model/endpoint.ts';
import type { HealthState } from './routing/endpoint-state.ts';
import type { Services } from './services.ts';

/** Whether the endpoint may be asked at this moment, as its health and operators' overrides have it. */
export function standing(services: Services, endpoint: Endpoint): HealthState {
  return services.pools.health.of(endpoint).state(services.clock.monotonic());
}

/** The endpoint whose credentials reach the resource; rather one that nothing stands against, and none that is forced open. */
export function reachable(services: Services, endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const open = endpoints.filter((one) => standing(services, one) !== 'forced-open');
  return [open.find((one) => standing(services, one) === 'available') ?? open[0]].filter((one) => one !== undefined);
}
