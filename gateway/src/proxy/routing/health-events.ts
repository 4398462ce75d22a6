import type { Log } from '#kernel/log.ts';
import type { Metrics } from '#kernel/metrics.ts';
import type { HealthEvent, HealthEvents, HealthState } from './endpoint-state.ts';
import type { HealthView } from './health.ts';

/** Whether an operator must do something about it, should know of it, or may like to. */
const levels: Readonly<Record<HealthEvent['what'], 'error' | 'warn' | 'info'>> = {
  quarantined: 'error',
  broken: 'warn',
  throttled: 'info',
  recovered: 'info',
  overridden: 'info',
};

const messages: Readonly<Record<HealthEvent['what'], string>> = {
  quarantined: 'an endpoint refuses the gateway: its credentials, or the name of its deployment, are wrong',
  broken: 'an endpoint is left alone: too many of its calls failed or were slow',
  throttled: 'an endpoint is throttled',
  recovered: 'an endpoint is well again',
  overridden: 'an operator has ordered how an endpoint is used',
};

/** Logs what happens to endpoints, and counts it. */
export function createHealthEvents(log: Log, metrics: Metrics): HealthEvents {
  const events = metrics.counter(
    'tollgate_endpoint_events_total',
    'Changes of an endpoint: throttled, broken, quarantined, recovered, overridden.',
  );
  const oddities = metrics.counter(
    'tollgate_upstream_oddities_total',
    'Headers of an upstream that made no sense: clamped or left aside, by endpoint and header.',
  );
  return {
    happened({ endpoint, what, reason, forMs }) {
      events.with({ endpoint, what }).add(1);
      const line = { endpoint, reason, forMs: forMs === null ? undefined : Math.round(forMs) };
      log[levels[what]](what === 'quarantined' ? { ...line, alert: true } : line, messages[what]);
    },
    odd(endpoint, header) {
      oddities.with({ endpoint, header }).add(1);
    },
    defect(endpoint, thrown) {
      log.error({ endpoint, err: thrown }, 'calls that wait for an endpoint could not be told that it has changed');
    },
  };
}

const states: readonly HealthState[] = [
  'available',
  'throttled',
  'broken',
  'probing',
  'quarantined',
  'drained',
  'forced-open',
];

/** What monitors read of every endpoint. */
export function measureHealth(
  metrics: Metrics,
  views: () => readonly (HealthView & { readonly name: string })[],
): void {
  metrics.gauge('tollgate_endpoint_state', {
    help: '1 for the state that an endpoint is in, 0 for the others.',
    read: () =>
      views().flatMap(({ name, state }) =>
        states.map((one) => ({ labels: { endpoint: name, state: one }, value: one === state ? 1 : 0 })),
      ),
  });
  metrics.gauge('tollgate_endpoint_in_flight', {
    help: 'Attempts under way, by endpoint.',
    read: () => views().map(({ name, inFlight }) => ({ labels: { endpoint: name }, value: inFlight })),
  });
  metrics.gauge('tollgate_endpoint_utilization_ratio', {
    help: 'How full a provisioned deployment is, by its own word less what it has worked off since.',
    read: () =>
      views().flatMap(({ name, utilization }) =>
        utilization === null ? [] : [{ labels: { endpoint: name }, value: utilization }],
      ),
  });
}
