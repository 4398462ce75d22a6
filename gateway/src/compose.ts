import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { pino, type Logger } from 'pino';
import { openLedger, type OpenLedger } from './compose-ledger.ts';
import { composeRules, type Rules } from './compose-rules.ts';
import { Snapshots } from './compose-snapshots.ts';
import type { Config } from './config-sections.ts';
import type { Settings } from './settings.ts';
import { priceRows } from '#accounting/cost/price-rows.ts';
import { BufferedOutput } from '#adapters/log-output/buffered-output.ts';
import { createTokenCounter } from '#adapters/token-counter/token-counter.ts';
import { createAdminServer, type AdminServer } from '#admin/server.ts';
import { adminToken } from '#admin/token.ts';
import type { LoadedConfig } from '#config/load.ts';
import { formatProblem } from '#config/problem.ts';
import { watchConfig, type ConfigWatcher } from '#config/watch.ts';
import { createDirectory, type Directory } from '#directory/directory.ts';
import { systemClock, type Clock } from '#kernel/clock.ts';
import { ulidSource } from '#kernel/ids.ts';
import { Metrics } from '#kernel/metrics.ts';
import { systemRandom } from '#kernel/random.ts';
import { listenDataPlane, type DataPlane } from '#proxy/accept/server.ts';
import { handle } from '#proxy/handle.ts';
import { createInstruments } from '#proxy/instruments.ts';
import { pipelineOf } from '#proxy/policies/pipeline.ts';
import { stepsByName } from '#proxy/policies/registry.ts';
import type { PolicyStep } from '#proxy/policies/policy.ts';
import { respondWithFailure } from '#proxy/respond.ts';
import { EndpointHealth } from '#proxy/routing/health.ts';
import type { Services } from '#proxy/services.ts';
import { UpstreamConnections } from '#proxy/upstream/connections.ts';
import { createCredentials } from '#proxy/upstream/credentials.ts';
import type { TokenProvider } from '#proxy/upstream/ports.ts';
import type { Ledger } from '#proxy/usage/ports.ts';

/** Parts that a test puts in another's place. */
export interface Overrides {
  readonly clock?: Clock;
  readonly log?: Logger;
  readonly tokenProviders?: readonly TokenProvider[];
  /** Steps beside the built-in ones. */
  readonly steps?: readonly PolicyStep[];
  /** Stands between the request path and the ledger: to kill the process at a named point, for one. */
  wrapLedger?(ledger: Ledger): Ledger;
  /** Another root for the ledger's worker thread. */
  readonly ledgerWorker?: URL;
}

export interface Gateway {
  readonly port: number;
  readonly adminPort: number;
  /** Stops accepting, lets streams in flight finish up to `listen.drainTimeout`, ships the journal, closes everything. */
  drain(signal: string): Promise<void>;
}

export type Started =
  | { readonly ok: true; readonly gateway: Gateway }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Loads the configuration and says everything that is wrong or doubtful in it, one line each; starts nothing. */
export function checkConfiguration(settings: Settings): { readonly ok: boolean; readonly problems: readonly string[] } {
  const result = composeRules(settings, []).load();
  const problems = result.ok ? result.loaded.warnings : result.problems;
  return { ok: result.ok, problems: problems.map(formatProblem) };
}

/** Builds the gateway: the one place where things are made and adapters are plugged into ports. */
export async function compose(settings: Settings, overrides: Overrides = {}): Promise<Started> {
  const providers = overrides.tokenProviders ?? [];
  const rules = composeRules(
    settings,
    providers.map(({ name }) => name),
  );
  const loaded = rules.load();
  if (!loaded.ok) return { ok: false, problems: loaded.problems.map(formatProblem) };
  const closers: Closer[] = [];
  try {
    return {
      ok: true,
      gateway: await build({ settings, overrides, rules, loaded: loaded.loaded, providers, closers }),
    };
  } catch (thrown) {
    // What was opened before would keep the process alive, and the data folder locked.
    await closeAll(closers).catch(() => {});
    return { ok: false, problems: [startProblem(thrown)] };
  }
}

type Closer = () => Promise<void> | void;

/** What was opened last is closed first. */
async function closeAll(closers: Closer[]): Promise<void> {
  for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
}

interface Blueprint {
  readonly settings: Settings;
  readonly overrides: Overrides;
  readonly rules: Rules;
  readonly loaded: LoadedConfig<Config>;
  readonly providers: readonly TokenProvider[];
  /** Everything that is open, in the order of the making. */
  readonly closers: Closer[];
}

function startProblem(thrown: unknown): string {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  if ('code' in error && error.code === 'EADDRINUSE')
    return `${error.message}. Set TOLLGATE_PORT or TOLLGATE_ADMIN_PORT to move it.`;
  return error.message;
}

interface Parts {
  readonly log: Logger;
  readonly output: BufferedOutput;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly ledger: OpenLedger;
  readonly directory: Directory;
  readonly snapshots: Snapshots;
  readonly watcher: ConfigWatcher<Config>;
  readonly services: Services;
}

async function buildParts(blueprint: Blueprint): Promise<Parts> {
  const { settings, overrides, rules, loaded, closers } = blueprint;
  const { config } = loaded;
  const clock = overrides.clock ?? systemClock;
  // Timers of the log are the machine's: a test that holds the clock still would hold its lines.
  const output = new BufferedOutput({ fd: 1, clock: systemClock });
  const log = overrides.log ?? pino({ level: config.log.level, base: null }, output);
  const metrics = new Metrics();
  metrics.gauge('tollgate_log_lines_dropped', {
    help: 'Log lines that nobody read from the output in time.',
    read: () => output.dropped,
  });
  for (const warning of loaded.warnings) log.warn({ problem: formatProblem(warning) }, 'configuration');
  const ledger = await openLedger({
    dataFolder: settings.dataFolder,
    durability: config.ledger.durability,
    segmentBytes: config.ledger.segmentBytes,
    clock,
    log,
    metrics,
    ...(overrides.ledgerWorker === undefined ? {} : { worker: overrides.ledgerWorker }),
  });
  closers.push(
    () => output.flush(),
    () => ledger.close(),
  );
  const directory = await createDirectory({
    store: ledger.directoryStore,
    declared: rules.declared(config),
    clock,
    log,
  });
  for (const problem of directory.problems()) log.warn({ problem }, 'directory');
  const snapshots = new Snapshots(rules, directory, config);
  const watcher = watchConfig({
    initial: loaded,
    load: () => rules.load(),
    apply: (next) => snapshots.apply(next),
    clock,
    log,
  });
  const tokenCounter = createTokenCounter({ clock, log });
  const connections = new UpstreamConnections();
  closers.push(
    () => tokenCounter.close(),
    () => connections.destroy(),
    () => watcher.close(),
  );
  const services: Services = {
    clock,
    log,
    random: systemRandom,
    ids: ulidSource(),
    instruments: createInstruments(metrics),
    snapshots,
    pipeline: pipelineOf([...stepsByName.values(), ...(overrides.steps ?? [])]),
    health: new EndpointHealth(clock),
    connections,
    credentials: createCredentials(blueprint.providers),
    ledger: overrides.wrapLedger?.(ledger.ledger) ?? ledger.ledger,
    tokenCounter,
    keepBytes: config.ledger.deliveredBytes,
  };
  return { log, output, metrics, clock, ledger, directory, snapshots, watcher, services };
}

function measureProcess(metrics: Metrics, dataPlane: () => DataPlane | undefined): void {
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  metrics.gauge('tollgate_event_loop_delay_seconds', {
    help: 'Delay of the event loop since the last look, by quantile.',
    read() {
      const samples = [50, 99, 100].map((quantile) => ({
        labels: { quantile: String(quantile / 100) },
        value: delay.percentile(quantile) / 1e9,
      }));
      delay.reset();
      return samples;
    },
  });
  metrics.gauge('tollgate_requests_in_flight', {
    help: 'Requests being answered now.',
    read: () => dataPlane()?.inFlight() ?? 0,
  });
  metrics.gauge('process_resident_memory_bytes', { help: 'Resident memory.', read: () => process.memoryUsage.rss() });
}

function version(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return /"version": "([^"]+)"/.exec(text)?.[1] ?? 'unknown';
}

async function buildAdmin(blueprint: Blueprint, parts: Parts, ready: () => boolean): Promise<AdminServer> {
  const { clock, directory, ledger, log, metrics, services, snapshots, watcher } = parts;
  return createAdminServer({
    token: await adminToken(blueprint.settings.dataFolder, log),
    directory,
    reports: ledger.reports,
    ledger: { lag: () => ledger.lag(), verify: () => ledger.verify() },
    deployments() {
      const { endpoints } = snapshots.current();
      return services.health.view(endpoints.values()).map(({ endpoint: name, until, ...view }) => {
        const endpoint = endpoints.get(name);
        return {
          name,
          model: endpoint?.model ?? '',
          resource: endpoint?.resourceName ?? '',
          region: endpoint?.region ?? '',
          deployment: endpoint?.deployment ?? '',
          deploymentType: endpoint?.deploymentType ?? '',
          until: until === null ? null : new Date(until).toISOString(),
          ...view,
        };
      });
    },
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

async function build(blueprint: Blueprint): Promise<Gateway> {
  const { settings } = blueprint;
  const { listen } = blueprint.loaded.config;
  const parts = await buildParts(blueprint);
  const { clock, log, services } = parts;
  let state: 'starting' | 'serving' | 'draining' = 'starting';
  const unready = (): string | undefined => (state === 'serving' ? parts.ledger.unready() : state);
  const admin = await buildAdmin(blueprint, parts, () => unready() === undefined);
  blueprint.closers.push(() => admin.close());
  const { port: adminPort } = await admin.listen(listen.admin.address, settings.adminPort ?? listen.admin.port);
  const dataPlane = await listenDataPlane({
    listen: {
      address: listen.address,
      port: settings.port ?? listen.port,
      maxHeaderBytes: listen.maxHeaderBytes,
      headersTimeoutMs: listen.headersTimeout,
      requestTimeoutMs: listen.requestTimeout,
      keepAliveTimeoutMs: listen.keepAliveTimeout,
    },
    clock,
    ids: services.ids,
    handle: (request, response, presence) => handle(services, { request, response, presence }),
    refuse: (response, failure) =>
      respondWithFailure(response, failure, { requestId: services.ids(clock.now()), clientRequestId: null }),
    unready,
  });
  measureProcess(parts.metrics, () => dataPlane);
  state = 'serving';
  log.info(
    { port: dataPlane.address.port, adminPort, address: listen.address, data: settings.dataFolder },
    'listening',
  );
  return {
    port: dataPlane.address.port,
    adminPort,
    async drain(signal) {
      state = 'draining';
      log.info({ signal, inFlight: dataPlane.inFlight() }, 'draining');
      await dataPlane.drain(listen.drainTimeout);
      await closeAll(blueprint.closers);
      log.info({ signal }, 'stopped');
      await parts.output.flush();
    },
  };
}
