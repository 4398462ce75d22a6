import type { RunningTwin } from '../../../twin/src/server.ts';
import type { ReceivedMetric, ReceivedPoint, ReceivedSpan } from '../../../twin/src/telemetry/received.ts';

/** What makes a gateway export to the twin's collector. */
export function toCollector(twinUrl: string): Readonly<Record<string, string>> {
  return { OTEL_EXPORTER_OTLP_ENDPOINT: twinUrl, OTEL_SERVICE_NAME: 'tollgate-under-test' };
}

/** The spans of a trace, the first to begin first. */
export function spansOf(twin: RunningTwin, traceId?: string): readonly ReceivedSpan[] {
  return twin.azure.collector
    .spans(traceId)
    .toSorted((one, other) => Number(BigInt(one.startedAt) - BigInt(other.startedAt)));
}

/** The points of a metric, as the last request told them. */
export function pointsOf(twin: RunningTwin, name: string): readonly ReceivedPoint[] {
  return twin.azure.collector.metrics().findLast((metric: ReceivedMetric) => metric.name === name)?.points ?? [];
}
