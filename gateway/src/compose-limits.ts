import type { Config } from './config-sections.ts';
import { budgetInstruments } from '#accounting/budgets/instruments.ts';
import { Engine } from '#accounting/budgets/engine.ts';
import { defaultHeaderNames } from '#accounting/budgets/limit-headers.ts';
import { createLimitBook, type ListedLimitBook } from '#accounting/budgets/limit-book.ts';
import type { SpendingLedger } from '#accounting/budgets/ports.ts';
import { limitsOfRequests } from '#accounting/budgets/request-limits.ts';
import { CounterSet } from '#adapters/memory-counters/counter-set.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import type { Metrics } from '#kernel/metrics.ts';
import type { LimitSettings } from '#model/limit-settings.ts';
import type { SnapshotSource } from '#model/snapshot.ts';
import type { Limits } from '#proxy/ports.ts';
import type { TokenCounter } from '#proxy/usage/ports.ts';

/** Everything that the configuration says about limits and budgets. */
export function limitBookOf(config: Config, version: number): ListedLimitBook {
  const nodes = new Map<string, LimitSettings>();
  const { limits, budget, budgets } = config;
  nodes.set(`organisation/${config.organisation}`, { limits, budget, budgets });
  for (const [name, settings] of Object.entries(config.costCentres)) nodes.set(`cost-centre/${name}`, settings);
  for (const [name, settings] of Object.entries(config.consumers)) nodes.set(`consumer/${name}`, settings);
  for (const [name, settings] of Object.entries(config.subscriptions)) nodes.set(`subscription/${name}`, settings);
  const perSubscription = new Map<string, LimitSettings>();
  const perEndUser = new Map<string, LimitSettings>();
  for (const [name, settings] of Object.entries(config.products)) {
    nodes.set(`product/${name}`, settings);
    perSubscription.set(name, settings.perSubscription);
    perEndUser.set(name, settings.perEndUser);
  }
  return createLimitBook({
    version,
    timeZone: config.timeZone,
    fiscalYearStart: config.fiscalYearStart,
    nodes,
    perSubscription,
    perEndUser,
    topUps: new Map(),
  });
}

export interface LimitsOptions {
  readonly ledger: SpendingLedger;
  readonly snapshots: SnapshotSource;
  readonly tokenCounter: TokenCounter;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** Limits and budgets of this gateway, counted in its own memory. */
export function openLimits(options: LimitsOptions): { readonly limits: Limits; readonly engine: Engine } {
  const { ledger, snapshots, tokenCounter, clock, log, metrics } = options;
  const engine = new Engine({
    store: new CounterSet({ clock }).connect(ledger.journal),
    ledger,
    clock,
    log,
    instruments: budgetInstruments(metrics),
    book: () => snapshots.current().limitBook,
    leaseMs: 5000,
    leasePercent: 5,
  });
  const limits = limitsOfRequests({
    engine,
    headers: defaultHeaderNames,
    async countInput({ exchange, route }) {
      if (route.tokenizer === null) return null;
      const { input } = await tokenCounter.count({
        tokenizer: route.tokenizer,
        operation: exchange.operation,
        requestBody: exchange.body.bytes,
        delivered: undefined,
        stream: exchange.stream,
      });
      return input;
    },
  });
  return { limits, engine };
}
