import { randomUUID } from 'node:crypto';
import { clientIdIn } from '../identity.ts';
import type { TelemetryWorkerData } from './worker.ts';
import type { Settings } from '#settings.ts';
import type { TelemetryServices } from '#adapters/telemetry/exporter.ts';
import type { SentMetrics } from '#adapters/telemetry/messages.ts';
import type { ReadSettings, SamplingRules, TelemetrySettings } from '#adapters/telemetry/settings.ts';
import { readTelemetrySettings } from '#adapters/telemetry/settings.ts';
import { exporterNames, signals, Tally, type ExporterName, type Fate } from '#adapters/telemetry/tally.ts';
import { Tracer, type TracerOptions } from '#adapters/telemetry/tracer.ts';
import { startWorker, type WorkerLink } from '#adapters/worker-thread/worker-link.ts';
import type { TelemetryConfig } from '#config/telemetry.ts';
import { systemClock, type Clock, type Timer } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import type { Metrics } from '#kernel/metrics.ts';
import { spread, type RandomSource } from '#kernel/random.ts';
import { createGenAiInstruments, type GenAiInstruments } from '#proxy/gen-ai-instruments.ts';
import type { Services } from '#proxy/services.ts';

type Process = Pick<Settings, 'environment' | 'replica'>;

interface Around {
  /** Of requests. Timers of telemetry are the machine's: a test that holds the clock still would hold it back. */
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly log: Log;
  readonly metrics: Metrics;
}

export interface OpenTelemetry {
  /** What it adds to the request path; nothing where it is off. */
  readonly services: Pick<Services, 'telemetry' | 'genAi'>;
  /** Sends what there is, for some seconds at most. */
  close(): Promise<void>;
}

/** Beyond what the drain leaves for the ledger (docs/telemetry.md). */
const longestFlushMs = 5000;

const off: OpenTelemetry = {
  services: { telemetry: undefined, genAi: undefined },
  close: async () => await Promise.resolve(),
};

export function telemetrySettings({ environment, replica }: Process): ReadSettings {
  return readTelemetrySettings(environment, {
    'service.instance.id': replica ?? randomUUID(),
    'telemetry.sdk.name': 'opentelemetry',
    'telemetry.sdk.language': 'nodejs',
  });
}

/**
 * Begins to export where the environment says where to; throws where it says it wrongly. `config`: in force now; followed while it
 * runs, but for what says otherwise.
 */
export async function openTelemetry(
  process: Process,
  config: () => TelemetryConfig,
  around: Around,
): Promise<OpenTelemetry> {
  const read = telemetrySettings(process);
  if (!read.ok) throw new Error(read.problems.join('\n'));
  const { settings, warnings } = read;
  for (const warning of warnings) around.log.warn({ problem: warning }, 'telemetry');
  if (settings === undefined) return off;
  const tally = new Tally();
  const data = workerData(process, config(), { settings, tally });
  const restarted: { run: () => void } = { run: () => undefined };
  const link = await startWorker<TelemetryServices>({
    name: 'telemetry',
    url: new URL('../../telemetry-worker.ts', import.meta.url),
    workerData: data,
    environment: { ...process.environment, ...quiet },
    serviceNames: ['telemetry'],
    clock: systemClock,
    log: around.log,
    onRestarted: () => restarted.run(),
  });
  const running = new RunningTelemetry(around, { settings, config, tally, link });
  restarted.run = () => running.restarted();
  return running;
}

/** Libraries read OpenTelemetry's variables themselves. Microsoft's would tell Microsoft how it is used. */
const quiet = { APPLICATION_INSIGHTS_NO_STATSBEAT: 'true', APPLICATIONINSIGHTS_SDKSTATS_DISABLED: 'true' };

function workerData(
  { environment }: Process,
  { identity }: TelemetryConfig,
  { settings, tally }: { readonly settings: TelemetrySettings; readonly tally: Tally },
): TelemetryWorkerData {
  const { wanted, otlp, connectionString, resource } = settings;
  return {
    settings: { wanted, otlp, connectionString, resource },
    identity,
    clientId: clientIdIn(environment),
    tally: tally.memory,
  };
}

interface Running {
  readonly settings: TelemetrySettings;
  readonly config: () => TelemetryConfig;
  readonly tally: Tally;
  readonly link: WorkerLink<TelemetryServices>;
}

class RunningTelemetry implements OpenTelemetry {
  readonly services: { readonly telemetry: Tracer | undefined; readonly genAi: GenAiInstruments };
  readonly #around: Around;
  readonly #running: Running;
  readonly #since = systemClock.now();
  readonly #sendsMetrics: boolean;
  /** What the worker was given last. */
  #told: string | undefined;
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(around: Around, running: Running) {
    const { clock, random, metrics } = around;
    const remote = running.link.services.telemetry;
    this.#around = around;
    this.#running = running;
    const { wanted, otlp, connectionString } = running.settings;
    const isSent = (signal: 'traces' | 'metrics'): boolean =>
      otlp[signal] || (connectionString !== null && wanted[signal]);
    const tracing: TracerOptions = {
      clock,
      random,
      timers: systemClock,
      rules: () => this.#rules(),
      send: async (text) => await remote.calls(text),
    };
    // Where no span goes anywhere, upstreams must not be told of any.
    const telemetry = isSent('traces') ? new Tracer(tracing) : undefined;
    this.services = { telemetry, genAi: createGenAiInstruments(metrics) };
    this.#sendsMetrics = isSent('metrics');
    this.#show(metrics);
    this.#schedule();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    const { link } = this.#running;
    const late = Promise.withResolvers<void>();
    const timer = systemClock.after(longestFlushMs, late.resolve);
    await Promise.race([this.#flush(), late.promise]);
    timer.cancel();
    await link.close();
  }

  /** The worker that has taken the place of another must not tell everything since the start once more. */
  restarted(): void {
    if (this.#told !== undefined)
      void this.#running.link.services.telemetry.baseline(this.#told).catch(() => undefined);
  }

  async #flush(): Promise<void> {
    const { telemetry } = this.#running.link.services;
    try {
      await this.services.telemetry?.flush();
      if (this.#sendsMetrics) await this.#sendMetrics();
      if (!(await telemetry.finish(longestFlushMs - 500)))
        this.#around.log.warn({ ms: longestFlushMs }, 'telemetry was not all exported before the end');
    } catch (error) {
      this.#around.log.warn({ err: error }, 'telemetry was not all exported before the end');
    }
  }

  /** The configuration goes before the environment. */
  #rules(): SamplingRules {
    const { share, followed } = this.#running.config().traces;
    const { sampling } = this.#running.settings;
    if (share === undefined && followed === undefined) return sampling;
    const most = followed ?? sampling.followed;
    return { share: share ?? sampling.share, followed: most, parentBased: sampling.parentBased || most > 0 };
  }

  #schedule(): void {
    if (!this.#sendsMetrics) return;
    const ms = this.#running.config().metrics.interval ?? this.#running.settings.metricsEveryMs;
    // Gateways that were started together do not all send in the same moment.
    this.#timer = systemClock.after(spread(ms, this.#around.random), () => {
      void this.#sendMetrics().finally(() => {
        if (!this.#isClosed) this.#schedule();
      });
    });
  }

  /** Never rejects: what could not be told now is a part of what is told next. */
  async #sendMetrics(): Promise<void> {
    const { metrics, log } = this.#around;
    const sent: SentMetrics = { since: this.#since, at: systemClock.now(), metrics: metrics.read() };
    const text = JSON.stringify(sent);
    try {
      await this.#running.link.services.telemetry.metrics(text);
      this.#told = text;
    } catch (error) {
      log.debug({ err: error }, 'metrics could not be handed over');
    }
  }

  #show(metrics: Metrics): void {
    const { tally, settings } = this.#running;
    const { otlp, connectionString } = settings;
    const isOn = (name: ExporterName): boolean =>
      name === 'otlp' ? otlp.traces || otlp.metrics : connectionString !== null;
    const read = (fate: Fate) =>
      exporterNames
        .filter(isOn)
        .flatMap((exporter) =>
          signals.map((signal) => ({ labels: { exporter, signal }, value: tally.get({ exporter, signal }, fate) })),
        );
    metrics.counted('tollgate_telemetry_exported_total', {
      help: 'What was taken by where telemetry goes: spans, and readings of all metrics.',
      read: () => read('exported'),
    });
    metrics.counted('tollgate_telemetry_dropped_total', {
      help: 'What was not: the other side was away, too slow, or refused it.',
      read: () => read('dropped'),
    });
    metrics.counted('tollgate_telemetry_calls_dropped_total', {
      help: 'Calls whose spans were dropped before they came so far: too many at a time.',
      read: () => [{ labels: {}, value: this.services.telemetry?.dropped ?? 0 }],
    });
  }
}
