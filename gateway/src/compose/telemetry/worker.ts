import type { MessagePort } from 'node:worker_threads';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { tokenProvider } from '../identity.ts';
import { openAzureMetrics, openAzureSpans } from '#adapters/telemetry/azure-monitor.ts';
import { createExporter, type Destination, type TelemetryServices } from '#adapters/telemetry/exporter.ts';
import { listenToLibraries, openOtlpMetrics, openOtlpSpans } from '#adapters/telemetry/otlp.ts';
import type { TelemetrySettings } from '#adapters/telemetry/settings.ts';
import { Tally } from '#adapters/telemetry/tally.ts';
import { logTo, serve } from '#adapters/worker-thread/serve.ts';
import { systemClock, type Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';

/** What the telemetry worker is started with. */
export interface TelemetryWorkerData {
  readonly settings: Pick<TelemetrySettings, 'wanted' | 'otlp' | 'connectionString' | 'resource'>;
  /** Whose token Application Insights is shown. */
  readonly identity: 'none' | 'managed-identity' | 'workload-identity' | 'default';
  readonly clientId: string | undefined;
  /** The memory of a `Tally`. */
  readonly tally: SharedArrayBuffer;
}

interface Around {
  readonly clock: Clock;
  readonly log: Log;
}

function destinationsOf({ settings, identity, clientId }: TelemetryWorkerData, around: Around): readonly Destination[] {
  const { wanted, otlp, connectionString } = settings;
  const destinations: Destination[] = [];
  if (otlp.traces || otlp.metrics) {
    destinations.push({
      name: 'otlp',
      spans: otlp.traces ? openOtlpShared : undefined,
      metrics: otlp.metrics ? openOtlpMetrics : undefined,
    });
  }
  if (connectionString !== null) {
    const tokens = identity === 'none' ? undefined : tokenProvider(identity, clientId, around);
    const target = { connectionString, tokens };
    destinations.push({
      name: 'azure-monitor',
      spans: wanted.traces ? async () => await openAzureSpans(target) : undefined,
      metrics: wanted.metrics ? async () => await openAzureMetrics(target) : undefined,
    });
  }
  return destinations;
}

/** How much a span stands for is for whoever counts requests by spans. */
async function openOtlpShared() {
  const sender = await openOtlpSpans();
  return {
    send: async (spans: Parameters<Awaited<ReturnType<typeof openAzureSpans>>['send']>[0]) =>
      await sender.send(spans.map(({ span }) => span)),
    close: async () => await sender.close(),
  };
}

/** Serves until the worker is ended. */
export function runTelemetryWorker(port: MessagePort, data: TelemetryWorkerData): void {
  const log = logTo(port);
  const around = { clock: systemClock, log };
  listenToLibraries(log);
  const telemetry = createExporter({
    destinations: destinationsOf(data, around),
    resource: resourceFromAttributes(data.settings.resource),
    tally: new Tally(data.tally),
    ...around,
  });
  const services: TelemetryServices = { telemetry };
  serve(port, services);
}
