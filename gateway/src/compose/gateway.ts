import { monitorEventLoopDelay } from 'node:perf_hooks';
import { pino } from 'pino';
import { buildAdmin } from './admin.ts';
import { builtInProviders } from './identity.ts';
import { keyValuesIn, openConfiguration } from './configuration.ts';
import { buildParts, type Blueprint, type Closer, type Ground, type Overrides } from './parts.ts';
import { composeRules } from './rules.ts';
import { telemetrySettings } from './telemetry/telemetry.ts';
import type { Settings } from '#settings.ts';
import { BufferedOutput } from '#adapters/log-output/buffered-output.ts';
import { formatProblem } from '#config/problem.ts';
import { RequestLog, requestLogThrough } from '#adapters/log-output/request-log.ts';
import type { ConfigSource } from '#config/source.ts';
import { systemClock } from '#kernel/clock.ts';
import { Metrics } from '#kernel/metrics.ts';
import { listenDataPlane, type DataPlane } from '#proxy/accept/server.ts';
import { handle } from '#proxy/handle.ts';
import { respondWithFailure } from '#proxy/respond.ts';

export interface Gateway {
  readonly port: number;
  readonly adminPort: number;
  /** Resolves with why, where it will never serve again and whoever started it must start another. */
  readonly failed: Promise<string>;
  /** Stops accepting, lets streams in flight finish up to `listen.drainTimeout`, ships the journal, closes everything. */
  drain(signal: string): Promise<void>;
}

export type Started =
  | { readonly ok: true; readonly gateway: Gateway }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Loads the configuration and says everything that is wrong or doubtful in it, one line each; starts nothing. */
export function checkConfiguration(settings: Settings): { readonly ok: boolean; readonly problems: readonly string[] } {
  const { keyValuesFile } = settings;
  const source: ConfigSource =
    keyValuesFile === undefined ? { kind: 'file', path: settings.configFile } : keyValuesIn(keyValuesFile, settings);
  const result = composeRules(settings, { tokenProviders: builtInProviders, clock: systemClock }).load(source);
  const problems = result.ok ? result.loaded.warnings : result.problems;
  const telemetry = telemetrySettings(settings);
  const more = telemetry.ok ? telemetry.warnings : telemetry.problems;
  return { ok: result.ok && telemetry.ok, problems: [...problems.map(formatProblem), ...more] };
}

/** Builds the gateway: the one place where things are made and adapters are plugged into ports. */
export async function compose(settings: Settings, overrides: Overrides = {}): Promise<Started> {
  const ground = groundOf(overrides);
  const configuration = openConfiguration({
    settings,
    tokenProviders: [...builtInProviders, ...(overrides.tokenProviders ?? []).map(({ name }) => name)],
    ...(overrides.random === undefined ? {} : { random: overrides.random }),
    ...(overrides.configWorker === undefined ? {} : { worker: overrides.configWorker }),
    ...ground,
  });
  const closers: Closer[] = [() => ground.output.flush(), () => configuration.close()];
  try {
    const loaded = await configuration.start();
    if (!loaded.ok) {
      await closeAll(closers);
      return { ok: false, problems: loaded.problems.map(formatProblem) };
    }
    return {
      ok: true,
      gateway: await build({ settings, overrides, ...ground, configuration, loaded: loaded.loaded, closers }),
    };
  } catch (thrown) {
    // What was opened before would keep the process alive, and the data folder locked.
    await closeAll(closers).catch(() => {});
    return { ok: false, problems: [startProblem(thrown)] };
  }
}

/** What everything else stands on. The level of the log is known once the configuration is. */
function groundOf(overrides: Overrides): Ground {
  // Timers of the log are the machine's: a test that holds the clock still would hold its lines.
  const output = new BufferedOutput({ fd: 1, clock: systemClock });
  const log = overrides.log ?? pino({ level: 'info', base: null }, output);
  return {
    clock: overrides.clock ?? systemClock,
    output,
    log,
    requestLog:
      overrides.log === undefined ? new RequestLog({ clock: systemClock, output, log }) : requestLogThrough(log),
    metrics: new Metrics(),
  };
}

/** What was opened last is closed first. */
async function closeAll(closers: Closer[]): Promise<void> {
  for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
}

function startProblem(thrown: unknown): string {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  if ('code' in error && error.code === 'EADDRINUSE')
    return `${error.message}. Set TOLLGATE_PORT or TOLLGATE_ADMIN_PORT to move it.`;
  return error.message;
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

async function build(blueprint: Blueprint): Promise<Gateway> {
  const { settings } = blueprint;
  const { listen } = blueprint.loaded.config;
  const parts = await buildParts(blueprint);
  const { clock, log, services } = parts;
  let state: 'starting' | 'serving' | 'draining' = 'starting';
  const unready = (): string | undefined => (state === 'serving' ? parts.ledger.unready() : state);
  const admin = await buildAdmin(settings.dataFolder, parts, () => unready() === undefined);
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
    failed: parts.ledger.lost.then(() => 'journal taken over'),
    async drain(signal) {
      state = 'draining';
      log.info({ signal, inFlight: dataPlane.inFlight() }, 'draining');
      // Whoever waits for capacity would only use up the time that those under way are given.
      services.pools.queues?.close();
      await dataPlane.drain(listen.drainTimeout);
      await closeAll(blueprint.closers);
      log.info({ signal }, 'stopped');
      await parts.output.flush();
    },
  };
}
