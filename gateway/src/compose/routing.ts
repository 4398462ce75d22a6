import type { Snapshots } from './snapshots.ts';
import type { Config } from '#config-sections.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import type { Metrics } from '#kernel/metrics.ts';
import type { RandomSource } from '#kernel/random.ts';
import { createHealthEvents, measureHealth } from '#proxy/routing/health-events.ts';
import { EndpointHealth } from '#proxy/routing/health.ts';
import { Pools } from '#proxy/routing/pool.ts';
import { PoolQueues } from '#proxy/routing/queue/pool-queues.ts';
import { createQueueEvents, measureQueues } from '#proxy/routing/queue/queue-metrics.ts';
import { RouteTraces } from '#proxy/routing/trace.ts';

export interface RoutingOptions {
  readonly settings: Config['routing'];
  readonly snapshots: Snapshots;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** What is known of endpoints, who waits for them, and how requests were routed. */
export function openRouting(options: RoutingOptions): { readonly pools: Pools; readonly traces: RouteTraces } {
  const { settings, snapshots, clock, random, log, metrics } = options;
  const health = new EndpointHealth({ clock, random, events: createHealthEvents(log, metrics) });
  measureHealth(metrics, () =>
    [...snapshots.current().endpoints.values()].map((one) => ({ name: one.name, ...health.view(one) })),
  );
  snapshots.onSwap(({ endpoints }) => health.follow(endpoints));
  const queues = new PoolQueues(clock, createQueueEvents(log, metrics));
  measureQueues(metrics, queues);
  return { pools: new Pools(health, random, queues), traces: new RouteTraces(settings.keepTraces) };
}
