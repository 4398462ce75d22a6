import type { Log } from '#kernel/log.ts';
import { latencyBuckets, type Metrics } from '#kernel/metrics.ts';
import type { QueueEvents } from './pool-queue.ts';
import type { PoolQueues } from './pool-queues.ts';

/** Counts waits for capacity, and how long they took; logs what went wrong with them. */
export function createQueueEvents(log: Log, metrics: Metrics): QueueEvents {
  const waits = metrics.counter(
    'tollgate_waits_total',
    'Waits for capacity, by model, priority and how they ended: taken, expired, hopeless, full, displaced, left, drained.',
  );
  const seconds = metrics.histogram('tollgate_wait_seconds', {
    help: 'How long calls waited that were taken in the end, by model and priority.',
    buckets: latencyBuckets,
  });
  return {
    waited({ model, priority, ended }) {
      waits.with({ model, priority, how: ended.how }).add(1);
      if (ended.how === 'taken') seconds.with({ model, priority }).observe(ended.ms / 1000);
    },
    defect(model, thrown) {
      log.error({ model, err: thrown }, 'calls that wait for capacity could not be worked off');
    },
  };
}

/** How many wait now. */
export function measureQueues(metrics: Metrics, queues: PoolQueues): void {
  metrics.gauge('tollgate_waiting', {
    help: 'Calls that wait for capacity now, by model and priority.',
    read: () =>
      [...queues.lengths()].map(({ model, priority, length }) => ({ labels: { model, priority }, value: length })),
  });
}
