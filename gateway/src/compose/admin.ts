import { readFileSync } from 'node:fs';
import { deploymentControl } from './deployments.ts';
import { adminBatches } from './batches.ts';
import { adminAdjustments } from './adjustments.ts';
import { adminBudgets } from '#compose/limits/budgets.ts';
import { composeExports } from './exports.ts';
import { adminCounters } from '#compose/limits/gateways.ts';
import type { Parts } from './parts.ts';
import { routeControl } from './routes.ts';
import { composePriceSync } from '#compose/prices/sync.ts';
import { reportSettings } from './reports.ts';
import { priceList } from '#accounting/cost/price-rows.ts';
import type { Asked } from '#accounting/reports/asked.ts';
import type { ReportSettings } from '#accounting/reports/subject.ts';
import { createAdminServer, type AdminServer } from '#admin/server.ts';
import { adminToken } from '#adapters/secret-files/admin-token.ts';

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return /"version": "([^"]+)"/.exec(text)?.[1] ?? 'unknown';
}

/** The admin API over what the gateway is made of; listens nowhere yet. */
export async function buildAdmin(dataFolder: string, parts: Parts, ready: () => boolean): Promise<AdminServer> {
  const { clock, directory, ledger, log, metrics, rules, services, snapshots, watcher } = parts;
  const settings = (asked: Asked): ReportSettings =>
    reportSettings({ config: watcher.current().config, snapshot: snapshots.current(), now: clock.now() }, asked);
  return createAdminServer({
    token: await adminToken(dataFolder, log),
    directory,
    reports: {
      query: (asked) => ledger.reports.query(asked, settings(asked)),
      records: (asked) => ledger.reports.records(asked, settings(asked)),
      request: (requestId) => ledger.reports.request(requestId),
    },
    ledger,
    exports: await composeExports({
      ledger,
      snapshots,
      clock,
      log,
      dataFolder,
      madeBy: `Tollgate ${version()}`,
      settings,
    }),
    deployments: deploymentControl(snapshots, services.pools.health),
    routes: routeControl({ snapshots, clock, pools: services.pools, traces: services.traces }),
    adjustments: adminAdjustments({ ledger, snapshots, clock, directory }),
    batches: adminBatches({ ...parts, book: parts.batchBook }),
    budgets: adminBudgets({
      ledger,
      engine: parts.engine,
      refusedCalls: parts.refusedCalls,
      snapshots,
      directory,
      clock,
      log,
    }),
    counters: adminCounters({ engine: parts.engine, directory }),
    prices: () =>
      priceList(snapshots.priceBook(), rules.listOf(watcher.current().config).prices, {
        endpoints: snapshots.current().endpoints.values(),
        at: clock.now(),
      }),
    priceSync: composePriceSync({ rules, snapshots, watcher }),
    configInForce: () => watcher.inForce(),
    reloadConfig: () =>
      Promise.resolve(watcher.reload()).then(({ ok, problems }) => ({
        ok,
        problems: [...problems, ...directory.problems(), ...snapshots.mergedLimits().problems],
      })),
    metricsText: () => metrics.render(),
    readiness: ready,
    version: {
      name: 'tollgate',
      version: version(),
      node: process.version,
      startedAt: new Date(clock.now()).toISOString(),
    },
    clock,
    newId: services.ids,
    log,
  });
}
