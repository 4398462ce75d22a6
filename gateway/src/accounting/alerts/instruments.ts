import type { Counter, Family, Metrics } from '#kernel/metrics.ts';

/** What is measured of events. */
export interface AlertInstruments {
  /** By type: those that this gateway was the first to decide. */
  readonly decided: Family<Counter>;
  /** Not kept, because too many are. */
  readonly dropped: Counter;
  /** By receiver and outcome. */
  readonly tries: Family<Counter>;
}

export function alertInstruments(metrics: Metrics): AlertInstruments {
  return {
    decided: metrics.counter('tollgate_budget_events_total', 'Events of budgets that this gateway decided, by type.'),
    dropped: metrics
      .counter('tollgate_budget_events_dropped_total', 'Events of budgets that were not kept: too many are.')
      .with({}),
    tries: metrics.counter(
      'tollgate_webhook_tries_total',
      'Tries to deliver an event, by receiver and outcome: delivered, retried, given-up.',
    ),
  };
}
