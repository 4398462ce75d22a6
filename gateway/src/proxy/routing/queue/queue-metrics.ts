import { latencyBuckets, type Metrics } from '#kernel/metrics.ts';
import type { WaitObserver } from './pool-queue.ts';
import type { PoolQueues } from './pool-queues.ts';

/** Counts waits for capacity, and how long they took. */
export function observeWaits(metrics: Metrics): WaitObserver {
  const waits = metrics.counter(
    'tollgate_waits_total',
    'Waits for capacity, by model, priority and how they ended: taken, expired, hopeless, full, displaced, left, drained.',
  );
  const seconds = metrics.histogram('tollgate_wait_seconds', {
    help: 'How long calls waited that were taken in the end, by model and priority.',
    buckets: latencyBuckets,
  });
  return ({ model, priority, ended }) => {
    waits.with({ model, priority, how: ended.how }).add(1);
    if (ended.how === 'taken') seconds.with({ model, priority }).observe(ended.ms / 1000);
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
