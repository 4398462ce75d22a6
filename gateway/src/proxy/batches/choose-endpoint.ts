import { Failure } from '#kernel/errors.ts';
import type { Endpoint } from '#model/endpoint.ts';
import type { ModelRoute } from '#model/model-route.ts';
import type { Services } from '#proxy/services.ts';

/**
 * Where a file goes that may go to several resources: to one of the deployments for batches that may be tried, by chance.
 * A throttle is waited out by whoever asks, because a file cannot be sent twice; where only what is broken is left, one of
 * them is tried all the same: nothing else would show that it is well again.
 */
export function chooseEndpoint(services: Services, route: ModelRoute): Endpoint {
  const { clock, pools, random } = services;
  const now = clock.monotonic();
  const states = route.batch.map((endpoint) => ({ endpoint, state: pools.health.of(endpoint) }));
  const inService = states.filter(({ state }) => !['forced-open', 'drained'].includes(state.state(now)));
  const well = inService.filter(({ state }) => state.admits(now));
  const open = inService.filter(({ state }) => state.state(now) !== 'throttled');
  const among = well.length === 0 ? open : well;
  const chosen = among[Math.floor(random.next() * among.length)];
  if (chosen !== undefined) return chosen.endpoint;
  if (inService.length === 0)
    throw new Failure('upstream_unavailable', 'Every batch deployment of this model is out of service.');
  const waits = inService.map(({ state }) => (state.blockedUntil(now) ?? now) - now);
  throw new Failure('upstream_throttled', 'Every batch deployment of this model is throttled.', {
    retryAfterSeconds: Math.max(1, Math.ceil(Math.min(...waits) / 1000)),
  });
}
