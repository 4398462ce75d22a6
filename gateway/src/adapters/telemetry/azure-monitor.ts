import type { AccessToken, TokenCredential } from '@azure/core-auth';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import type { TokenProvider } from '#proxy/upstream/ports.ts';
import { IngestionClient, type BatchFate } from './ingestion-client.ts';
import { resultOf, type MetricSender } from './otlp.ts';
import type { SharedSpan } from './spans.ts';

export interface AzureMonitorTarget {
  readonly connectionString: string;
  /** Undefined where the key in the connection string is enough. */
  readonly tokens: TokenProvider | undefined;
}

export interface SharedSpanSender {
  send(spans: readonly SharedSpan[]): Promise<number>;
  close(): Promise<void>;
}

/** Which requests are kept is decided at the gateway; one that is kept counts for all like it. */
function weighted({ span, share }: SharedSpan): ReadableSpan {
  if (share === 1) return span;
  const attributes = { ...span.attributes, 'microsoft.sample_rate': share * 100 };
  return { ...span, attributes };
}

function optionsFor({ connectionString, tokens }: AzureMonitorTarget, client: IngestionClient) {
  return {
    connectionString,
    // Nothing is written beside the journal: what cannot be sent is dropped and counted.
    disableOfflineStorage: true,
    httpClient: client,
    retryOptions: { maxRetries: 0 },
    ...(tokens === undefined ? {} : { credential: credentialOf(tokens) }),
  };
}

/** Held by us until shortly before its end; the library is told to ask every time. */
function credentialOf(tokens: TokenProvider): TokenCredential {
  return {
    async getToken(scopes): Promise<AccessToken> {
      const scope = typeof scopes === 'string' ? scopes : (scopes[0] ?? '');
      return { token: await tokens.token(scope), expiresOnTimestamp: 0 };
    },
  };
}

export async function openAzureSpans(target: AzureMonitorTarget): Promise<SharedSpanSender> {
  const { AzureMonitorTraceExporter } = await import('@azure/monitor-opentelemetry-exporter');
  const client = new IngestionClient();
  const exporter = new AzureMonitorTraceExporter(optionsFor(target, client));
  return {
    async send(spans) {
      const fate = client.begin();
      await outcomeOf(fate, (done) => void exporter.export(spans.map(weighted), done).catch(failed(done)));
      // What it sends beside spans (what it knows of the resource) is no span of ours.
      return Math.max(0, spans.length - fate.lost);
    },
    async close() {
      client.end();
      await exporter.shutdown();
    },
  };
}

/** Rejects where nothing was taken; what the library says of a batch that was refused is not to be relied upon. */
async function outcomeOf(fate: BatchFate, begin: Parameters<typeof resultOf>[0]): Promise<void> {
  let failure: unknown;
  try {
    await resultOf(begin);
  } catch (error) {
    failure = error;
  }
  if (fate.taken > 0) return;
  if (failure === undefined && fate.lost === 0) return;
  throw failure instanceof Error ? failure : new Error('Application Insights took nothing.');
}

const failed = (done: (result: { code: 1; error: Error }) => void) => (error: unknown) =>
  done({ code: 1, error: error instanceof Error ? error : new Error(String(error)) });

export async function openAzureMetrics(target: AzureMonitorTarget): Promise<MetricSender> {
  const { AzureMonitorMetricExporter } = await import('@azure/monitor-opentelemetry-exporter');
  const client = new IngestionClient();
  const exporter = new AzureMonitorMetricExporter(optionsFor(target, client));
  return {
    temporalityOf: (instrument) => exporter.selectAggregationTemporality(instrument),
    async send(metrics) {
      const fate = client.begin();
      await outcomeOf(fate, (done) => void exporter.export(metrics, done).catch(failed(done)));
      if (fate.lost > 0) throw new Error(`${fate.lost} metrics were refused`);
    },
    async close() {
      client.end();
      await exporter.shutdown();
    },
  };
}
