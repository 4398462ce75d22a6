import { latencyBuckets, type Counter, type Family, type Histogram, type Metrics } from '#kernel/metrics.ts';

/** What is measured of limits and budgets. */
export interface BudgetInstruments {
  /** By error code. */
  readonly refusals: Family<Counter>;
  readonly exchangeSeconds: Histogram;
  readonly exchangeFailures: Counter;
  readonly lostCounters: Counter;
  /** Calls let through although a limit that is not hard could not be asked. */
  readonly unguarded: Counter;
  /** What calls cost above what was reserved for them, 10^-9 USD: 0 while providers keep the caps that they are sent. */
  readonly overshoot: Counter;
}

export function budgetInstruments(metrics: Metrics): BudgetInstruments {
  const counter = (name: string, help: string): Counter => metrics.counter(name, help).with({});
  return {
    refusals: metrics.counter('tollgate_limit_refusals_total', 'Calls refused by limits and budgets, by error code.'),
    exchangeSeconds: metrics
      .histogram('tollgate_counters_exchange_seconds', {
        help: 'Time of one exchange with the shared counters.',
        buckets: latencyBuckets,
      })
      .with({}),
    exchangeFailures: counter('tollgate_counters_failures_total', 'Exchanges with the shared counters that failed.'),
    lostCounters: counter('tollgate_counters_lost_total', 'Times that the shared counters were found lost.'),
    unguarded: counter(
      'tollgate_limits_unguarded_total',
      'Calls let through although a rate or concurrency limit could not be asked.',
    ),
    overshoot: counter(
      'tollgate_budget_overshoot_nano_usd_total',
      'What calls cost above their reservations, in 10^-9 USD.',
    ),
  };
}
