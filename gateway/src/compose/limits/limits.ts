import { openCounters } from './counters.ts';
import { DepartedGateways } from './departed.ts';
import { clientIdIn } from '#compose/identity.ts';
import type { OpenLedger } from '#compose/ledger/ledger.ts';
import type { Config } from '#config-sections.ts';
import type { Snapshots } from '#compose/snapshots.ts';
import type { Settings } from '#settings.ts';
import { budgetInstruments } from '#accounting/budgets/instruments.ts';
import { Engine } from '#accounting/budgets/engine.ts';
import { RefusedCalls } from '#accounting/budgets/refused-calls.ts';
import { limitsOfRequests } from '#accounting/budgets/request-limits.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import type { Metrics } from '#kernel/metrics.ts';
import type { SharedSecret } from '#kernel/shared-secret.ts';
import type { Limits } from '#proxy/ports.ts';
import type { TokenCounter } from '#proxy/usage/ports.ts';

export interface LimitsOptions {
  readonly ledger: Pick<OpenLedger, 'spending' | 'doneJournals'>;
  readonly config: Pick<Config, 'counters' | 'organisation' | 'budgeting'>;
  readonly settings: Pick<Settings, 'environment'>;
  /** Of the server that counters are shared at. */
  readonly password: SharedSecret;
  readonly snapshots: Snapshots;
  readonly tokenCounter: TokenCounter;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** A ledger of which budgets learn what is booked. */
export function tellingBudgets(ledger: OpenLedger, engine: () => Engine | undefined): OpenLedger {
  return {
    ...ledger,
    async book(adjustments) {
      await ledger.book(adjustments);
      engine()?.adjusted(adjustments);
    },
  };
}

export interface OpenLimits {
  readonly limits: Limits;
  readonly engine: Engine;
  readonly refusedCalls: RefusedCalls;
  /** Gives back what nobody here has spent. */
  close(): Promise<void>;
}

/** Limits and budgets of this gateway, counted where the configuration says. */
export function openLimits(options: LimitsOptions): OpenLimits {
  const { settings, config, password, snapshots, tokenCounter, clock, log, metrics } = options;
  const ledger = options.ledger.spending(config.counters === 'memory');
  const { store, leaseMs, leasePercent } = openCounters({
    config,
    clientId: clientIdIn(settings.environment),
    password,
    journal: ledger.journal,
    clock,
    log,
  });
  const refusedCalls = new RefusedCalls(config.budgeting.keepRefusals);
  const engine = new Engine({
    store,
    ledger,
    clock,
    log,
    instruments: budgetInstruments(metrics),
    book: () => snapshots.current().limitBook,
    leaseMs,
    leasePercent,
    refused: (attempt) => refusedCalls.add(attempt, clock.now()),
  });
  for (const problem of snapshots.mergedLimits().problems) log.warn({ problem }, 'limits');
  snapshots.onLimits(({ budgets, version }) => engine.changed(budgets, version));
  const done = async (): Promise<readonly string[]> => await options.ledger.doneJournals();
  // One that counts for itself has granted nothing to others.
  const departed = engine.shared ? new DepartedGateways({ gateways: engine.gateways, done, clock, log }) : undefined;
  const limits = limitsOfRequests({
    engine,
    headers: () => snapshots.currentConfig().budgeting.headers,
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
  return {
    limits,
    engine,
    refusedCalls,
    async close() {
      await departed?.close();
      await engine.close();
    },
  };
}
