import type { z } from 'zod';
import type { Frozen } from '#kernel/config-section.ts';
import type { Endpoint } from '#model/endpoint.ts';
import type { ModelRoute } from '#model/model-route.ts';
import type { route } from './config-model.ts';

/** What `models.<name>` says of where calls go; what is known of the model itself is added by whoever knows it. */
export type RoutePart = Omit<ModelRoute, 'maxInput' | 'maxOutput' | 'tokenizer'>;

/** Builds the route of a model from its settings. `find` knows every endpoint that they name, or throws. */
export function routeOf(
  name: string,
  values: Frozen<z.output<typeof route>>,
  find: (endpoint: string) => Endpoint,
): RoutePart {
  const tiers = values.tiers.map((tier) =>
    Object.freeze({
      balancer: tier.balancer ?? values.balancer,
      endpoints: Object.freeze(
        tier.endpoints.map(({ endpoint, weight }) => Object.freeze({ endpoint: find(endpoint), weight })),
      ),
    }),
  );
  return {
    name,
    tiers: Object.freeze(tiers),
    endpoints: Object.freeze(tiers.flatMap((tier) => tier.endpoints.map((one) => one.endpoint))),
    batch: Object.freeze(values.batch.map(find)),
    sessionKey: Object.freeze(values.sessionKey),
    deadlineMs: values.deadline,
    streamDeadlineMs: values.streamDeadline ?? values.deadline,
    firstByteTimeoutMs: values.firstByteTimeout,
    replyTimeoutMs: values.replyTimeout ?? null,
    idleTimeoutMs: values.idleTimeout,
    maxAttempts: values.maxAttempts,
    retries: Object.freeze(values.retryBudget),
    queue:
      values.queue === undefined
        ? null
        : Object.freeze({ maxWaitMs: values.queue.maxWait, maxLength: values.queue.maxLength }),
    onClientDisconnect: values.onClientDisconnect,
  };
}
