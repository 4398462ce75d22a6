import type { Logger } from 'pino';
import { keepAllocating } from './adjustments.ts';
import { batchBook, followBatches, type BatchWriteOffs } from './batches.ts';
import { openAlerts } from '#compose/limits/alerts.ts';
import { clientIdIn, openIdentity } from './identity.ts';
import type { Configuration } from './configuration.ts';
import { postgresChoice } from '#compose/ledger/stores.ts';
import { openLedger, type LedgerOptions, type OpenLedger } from '#compose/ledger/ledger.ts';
import { openLimits, tellingBudgets } from '#compose/limits/limits.ts';
import { Passwords } from './passwords.ts';
import { openRouting } from './routing.ts';
import { openTelemetry } from './telemetry/telemetry.ts';
import type { Engine } from '#accounting/budgets/engine.ts';
import type { RefusedCalls } from '#accounting/budgets/refused-calls.ts';
import type { Rules } from './rules.ts';
import { Snapshots } from './snapshots.ts';
import type { Config } from '#config-sections.ts';
import type { Settings } from '#settings.ts';
import { affinityKey } from '#adapters/secret-files/affinity-key.ts';
import type { BufferedOutput } from '#adapters/log-output/buffered-output.ts';
import { createTokenCounter } from '#adapters/token-counter/token-counter.ts';
import type { LoadedConfig } from '#config/load.ts';
import { formatProblem } from '#config/problem.ts';
import type { ConfigWatcher } from '#config/watch.ts';
import { createDirectory } from '#directory/create-directory.ts';
import type { Directory } from '#directory/directory.ts';
import { Alarms } from '#kernel/alarms.ts';
import type { Clock } from '#kernel/clock.ts';
import { ulidSource } from '#kernel/ids.ts';
import type { Metrics } from '#kernel/metrics.ts';
import { atOnce } from '#kernel/steps.ts';
import { systemRandom, type RandomSource } from '#kernel/random.ts';
import { createInstruments } from '#proxy/instruments.ts';
import { pipelineOf } from '#proxy/policies/pipeline.ts';
import type { PolicyStep } from '#proxy/policies/policy.ts';
import { stepsByName } from '#proxy/policies/registry.ts';
import type { BatchFollower } from '#proxy/batches/follow.ts';
import type { Services } from '#proxy/services.ts';
import type { RequestLog } from '#proxy/ports.ts';
import { UpstreamConnections } from '#proxy/upstream/connections.ts';
import type { TokenProvider } from '#proxy/upstream/ports.ts';
import type { Ledger } from '#proxy/usage/ports.ts';

/** Parts that a test puts in another's place. */
export interface Overrides {
  readonly clock?: Clock;
  readonly random?: RandomSource;
  readonly log?: Logger;
  readonly tokenProviders?: readonly TokenProvider[];
  /** Steps beside the built-in ones. */
  readonly steps?: readonly PolicyStep[];
  /** Stands between the request path and the ledger: to kill the process at a named point, for one. */
  wrapLedger?(ledger: Ledger): Ledger;
  /** Another root for the ledger's worker thread. */
  readonly ledgerWorker?: URL;
  /** Another root for the thread that loads configurations. */
  readonly configWorker?: URL;
}

export type Closer = () => Promise<void> | void;

/** What everything else stands on. */
export interface Ground {
  readonly clock: Clock;
  readonly output: BufferedOutput;
  readonly log: Logger;
  readonly requestLog: RequestLog;
  readonly metrics: Metrics;
}

/** What a gateway is built from. */
export interface Blueprint extends Ground {
  readonly settings: Settings;
  readonly overrides: Overrides;
  readonly configuration: Configuration;
  readonly loaded: LoadedConfig<Config>;
  /** Everything that is open, in the order of the making. */
  readonly closers: Closer[];
}

/** What listeners and admin API work with. */
export interface Parts {
  readonly rules: Rules;
  readonly log: Logger;
  readonly output: BufferedOutput;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly ledger: OpenLedger;
  readonly directory: Directory;
  readonly snapshots: Snapshots;
  readonly watcher: ConfigWatcher<Config>;
  readonly services: Services;
  readonly engine: Engine;
  readonly refusedCalls: RefusedCalls;
  readonly follower: BatchFollower;
  readonly batchBook: BatchWriteOffs;
}

function ledgerOptions(
  { settings, overrides, loaded }: Blueprint,
  passwords: Passwords,
): Omit<LedgerOptions, 'clock' | 'log' | 'metrics'> {
  const { store, durability, segmentBytes, backlog, archive, adoptAfter, logAnalytics } = loaded.config.ledger;
  const { replica: name } = settings;
  return {
    dataFolder: settings.dataFolder,
    ...(store === 'sqlite'
      ? {}
      : {
          store: {
            ...postgresChoice(store.postgres, clientIdIn(settings.environment)),
            password: passwords.postgres.buffer,
          },
        }),
    // A store in a file is one gateway's, and so is its data folder.
    ...(store === 'sqlite' || name === undefined ? {} : { replica: { name, adoptAfterMs: adoptAfter } }),
    durability,
    segmentBytes,
    backlog,
    archive,
    ...(logAnalytics === undefined
      ? {}
      : { logAnalytics: { ...logAnalytics, clientId: clientIdIn(settings.environment) } }),
    ...(overrides.ledgerWorker === undefined ? {} : { worker: overrides.ledgerWorker }),
  };
}

function openPasswords({ configuration, loaded, closers, clock, log }: Blueprint): Passwords {
  const lookAgain = async (): Promise<void> => await configuration.lookAgain();
  const passwords = new Passwords({ config: loaded.config, lookAgain, clock, log });
  closers.push(() => passwords.close());
  return passwords;
}

/** Opens everything that does not listen; `blueprint.closers` closes it again. */
export async function buildParts(blueprint: Blueprint): Promise<Parts> {
  const { settings, overrides, configuration, loaded, closers, clock, output, log, metrics } = blueprint;
  const { rules } = configuration;
  const { config } = loaded;
  if (overrides.log === undefined) log.level = config.log.level;
  metrics.gauge('tollgate_log_lines_dropped', {
    help: 'Log lines that nobody read from the output in time.',
    read: () => output.dropped,
  });
  for (const warning of loaded.warnings) log.warn({ problem: formatProblem(warning) }, 'configuration');
  let engine: Engine | undefined;
  const passwords = openPasswords(blueprint);
  const opened = await openLedger({ ...ledgerOptions(blueprint, passwords), clock, log, metrics });
  const ledger = tellingBudgets(opened, () => engine);
  closers.push(() => ledger.close());
  const directory = await createDirectory({
    store: ledger.directoryStore,
    declared: atOnce(rules.declared(config)),
    clock,
    log,
  });
  closers.push(() => directory.close());
  for (const problem of directory.problems()) log.warn({ problem }, 'directory');
  const signing = await affinityKey(settings.dataFolder, log);
  const snapshots = new Snapshots({ rules, directory, affinityKey: signing, clock }, config);
  const watcher = configuration.follow(loaded, async (next) => {
    // What it may be refused for comes first: once it is in force, nothing of it is.
    const accesses = passwords.read(next.config);
    await snapshots.apply(next);
    passwords.take(accesses);
  });
  const allocator = keepAllocating({ ledger, snapshots, clock, log, metrics });
  const tokenCounter = createTokenCounter({ clock, log });
  const around = { clock, random: overrides.random ?? systemRandom, log, metrics };
  const password = passwords.redis;
  const limits = openLimits({ settings, ledger, config, password, snapshots, tokenCounter, ...around });
  ({ engine } = limits);
  const alerts = openAlerts({
    engine,
    store: ledger.alertStore,
    config: () => snapshots.currentConfig(),
    ...around,
  });
  const telemetry = await openTelemetry(blueprint.settings, () => snapshots.currentConfig().telemetry, around);
  // It is closed last: a collector that is away must not take the time that the ledger needs.
  closers.unshift(() => telemetry.close());
  const connections = new UpstreamConnections();
  closers.push(
    () => tokenCounter.close(),
    () => limits.close(),
    () => connections.destroy(),
    () => watcher.close(),
    () => allocator.close(),
    () => alerts.close(),
  );
  const book = batchBook(ledger, { clock, engine: limits.engine });
  const services: Services = {
    clock,
    alarms: new Alarms(clock),
    log,
    requestLog: blueprint.requestLog,
    random: around.random,
    ids: ulidSource(),
    instruments: createInstruments(metrics),
    ...telemetry.services,
    snapshots,
    pipeline: pipelineOf([...stepsByName.values(), ...(overrides.steps ?? [])]),
    ...openRouting({ settings: config.routing, snapshots, ...around }),
    connections,
    ...openIdentity(blueprint, { clock, log }),
    ledger: overrides.wrapLedger?.(ledger.ledger) ?? ledger.ledger,
    limits: limits.limits,
    batches: book,
    tokenCounter,
    keepBytes: config.ledger.deliveredBytes,
  };
  const follower = followBatches(services, { snapshots, metrics, closers });
  const told = { rules, log, output, metrics, clock, ledger, directory, snapshots, watcher, services };
  return { ...told, follower, batchBook: book, ...limits };
}
