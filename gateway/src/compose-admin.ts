import { readFileSync } from 'node:fs';
import type { Parts } from './compose-parts.ts';
import { priceRows } from '#accounting/cost/price-rows.ts';
import { createAdminServer, type AdminServer } from '#admin/server.ts';
import { adminToken } from '#admin/token.ts';

function version(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return /"version": "([^"]+)"/.exec(text)?.[1] ?? 'unknown';
}

/** The admin API over what the gateway is made of; listens nowhere yet. */
export async function buildAdmin(dataFolder: string, parts: Parts, ready: () => boolean): Promise<AdminServer> {
  const { clock, directory, ledger, log, metrics, services, snapshots, watcher } = parts;
  return createAdminServer({
    token: await adminToken(dataFolder, log),
    directory,
    reports: ledger.reports,
    ledger,
    deployments: () =>
      [...snapshots.current().endpoints.values()].map((endpoint) => {
        const { until, ...health } = services.health.view(endpoint);
        return {
          name: endpoint.name,
          model: endpoint.model,
          resource: endpoint.resourceName,
          region: endpoint.region,
          deployment: endpoint.deployment,
          deploymentType: endpoint.deploymentType,
          until: until === null ? null : new Date(until).toISOString(),
          ...health,
        };
      }),
    prices: () => ({ priceBook: snapshots.priceBook().id, prices: priceRows(snapshots.priceBook().entries) }),
    configInForce: () => watcher.inForce(),
    reloadConfig: () =>
      Promise.resolve(watcher.reload()).then(({ ok, problems }) => ({
        ok,
        problems: [...problems, ...directory.problems()],
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
