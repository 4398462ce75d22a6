import type { Config } from '#config-sections.ts';
import { Deliveries } from '#accounting/alerts/deliveries.ts';
import { alertInstruments, type AlertInstruments } from '#accounting/alerts/instruments.ts';
import type { Alert, AlertStore } from '#accounting/alerts/ports.ts';
import { BudgetWatch } from '#accounting/alerts/watch.ts';
import type { Engine } from '#accounting/budgets/engine.ts';
import { createWebhookSender } from '#adapters/webhook-sender/webhook-sender.ts';
import type { Clock, Timer } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import type { Metrics } from '#kernel/metrics.ts';
import type { RandomSource } from '#kernel/random.ts';

export interface AlertsOptions {
  readonly engine: Engine;
  readonly store: AlertStore;
  config(): Config;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** More than this is no news: that many end users with budgets of their own reach them. */
const mostKept = 100_000;
const day = 86_400_000;
/** Alerts are kept for so long after their window has ended. */
const keptMs = 35 * day;

/** Tells when budgets run out: in the log, on the admin API, by webhooks. */
export function openAlerts(options: AlertsOptions): { close(): Promise<void> } {
  const { engine, store, clock, random, log, metrics } = options;
  const instruments = alertInstruments(metrics);
  const receivers = (): Config['alerts']['webhooks'] => options.config().alerts.webhooks;
  const waiting = watchWaiting(store, metrics);
  const sender = createWebhookSender(clock);
  const deliveries = new Deliveries({ store, sender, receivers, clock, random, log, instruments });
  const watch = new BudgetWatch({
    accounts: () => engine.accounts(),
    keep: async (alert) => {
      const wanted = Object.entries(receivers()).filter(([, { events }]) => events.includes(alert.type));
      const result = await store.add(alert, { receivers: wanted.map(([name]) => name), mostKept });
      tell(alert, result, { log, instruments });
      if (result === 'added' && wanted.length > 0) void deliveries.work();
      return result;
    },
    clock,
    log,
  });
  const forgetting = keepForgetting(store, { clock, log, waiting });
  // What a process that was killed had not looked at any more.
  void engine.loadLately();
  return {
    async close() {
      forgetting.stop();
      await watch.close();
      await deliveries.close();
      await sender.close();
    },
  };
}

function tell(
  { id, type, budget, body }: Alert,
  result: Awaited<ReturnType<AlertStore['add']>>,
  { log, instruments }: { readonly log: Log; readonly instruments: AlertInstruments },
): void {
  if (result === 'known') return;
  log.warn({ event: id, type, budget, body }, 'a budget runs out');
  instruments.decided.with({ type }).add(1);
  if (result === 'added') return;
  instruments.dropped.add(1);
  log.error({ event: id, mostKept }, 'too many events of budgets are kept; this one is told here alone');
}

/** How many deliveries wait, as it was when somebody looked last. */
function watchWaiting(store: AlertStore, metrics: Metrics): () => Promise<void> {
  let counts: Awaited<ReturnType<AlertStore['waiting']>> = [];
  metrics.gauge('tollgate_webhook_waiting', {
    help: 'Events that a receiver has not taken yet.',
    read: () => counts.map(({ receiver, count }) => ({ labels: { receiver }, value: count })),
  });
  return async () => {
    counts = await store.waiting();
  };
}

const lookEveryMs = 10_000;

/** Counts what waits, and once a day forgets what nobody asks for any more. */
function keepForgetting(
  store: AlertStore,
  { clock, log, waiting }: { readonly clock: Clock; readonly log: Log; readonly waiting: () => Promise<void> },
): { stop(): void } {
  let timer: Timer | undefined;
  let stopped = false;
  let next = clock.now();
  const look = async (): Promise<void> => {
    try {
      await waiting();
      if (clock.now() < next) return;
      await store.forget(clock.now() - keptMs);
      next = clock.now() + day;
    } catch (error) {
      log.debug({ err: error }, 'events of budgets cannot be counted at present');
    }
  };
  const schedule = (): void => {
    timer = clock.after(lookEveryMs, () => {
      void look().finally(() => {
        if (!stopped) schedule();
      });
    });
  };
  schedule();
  return {
    stop() {
      stopped = true;
      timer?.cancel();
    },
  };
}
