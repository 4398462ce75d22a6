import { ValueType, type HrTime } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  DataPointType,
  InstrumentType,
  type DataPoint,
  type Histogram,
  type MetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import type { HistogramPoint, MetricPoint, MetricReading } from '#kernel/metrics.ts';
import type { SentMetrics } from './messages.ts';
import { hrTime, scope } from './spans.ts';

export type TemporalityOf = (instrument: InstrumentType) => AggregationTemporality;

/** What was told last, for those who want to hear only what has come since. */
interface Told {
  readonly at: number;
  readonly values: ReadonlyMap<string, MetricPoint | HistogramPoint>;
}

const keyOf = ({ name }: MetricReading, { labels }: MetricPoint | HistogramPoint): string =>
  `${name} ${JSON.stringify(labels)}`;

function toldOf({ at, metrics }: SentMetrics): Told {
  const values = metrics.flatMap((reading) => reading.points.map((point) => [keyOf(reading, point), point] as const));
  return { at, values: new Map(values) };
}

/** What is no number has become null on its way. */
const isKnown = ({ value }: MetricPoint): boolean => Number.isFinite(value);

const isHistogram = (point: MetricPoint | HistogramPoint | undefined): point is HistogramPoint =>
  point !== undefined && 'counts' in point;

/** A registry read as a whole, as one exporter wants to be told of it. */
export class MetricTranslation {
  readonly #resource: Resource;
  readonly #temporalityOf: TemporalityOf;
  #told: Told | undefined;

  constructor(resource: Resource, temporalityOf: TemporalityOf) {
    this.#resource = resource;
    this.#temporalityOf = temporalityOf;
  }

  /** Somebody before has told all of this: what comes next is told from there. */
  begin(sent: SentMetrics): void {
    this.#told = toldOf(sent);
  }

  /** `told` is called once the exporter has it: what it has not is told again, as a part of what comes next. */
  translate(sent: SentMetrics): { readonly metrics: ResourceMetrics; readonly told: () => void } {
    const metrics = sent.metrics
      .filter(({ points }) => points.length > 0)
      .map((reading) => this.#metricOf(reading, sent));
    return {
      metrics: { resource: this.#resource, scopeMetrics: [{ scope, metrics }] },
      told: () => this.begin(sent),
    };
  }

  #metricOf(reading: MetricReading, sent: SentMetrics): MetricData {
    const { name, help: description, unit } = reading;
    const descriptor = { name, description, unit, valueType: ValueType.DOUBLE };
    const endTime = hrTime(sent.at);
    if (reading.type === 'gauge') {
      const points = reading.points
        .filter(isKnown)
        .map((point) => pointOf(point.labels, point.value, { startTime: endTime, endTime }));
      const aggregationTemporality = AggregationTemporality.CUMULATIVE;
      return { descriptor, aggregationTemporality, dataPointType: DataPointType.GAUGE, dataPoints: points };
    }
    const instrument = reading.type === 'histogram' ? InstrumentType.HISTOGRAM : InstrumentType.COUNTER;
    const aggregationTemporality = this.#temporalityOf(instrument);
    const since = aggregationTemporality === AggregationTemporality.DELTA ? this.#told : undefined;
    const times = { startTime: hrTime(since?.at ?? sent.since), endTime };
    const before = (point: MetricPoint | HistogramPoint) => since?.values.get(keyOf(reading, point));
    if (reading.type === 'histogram') {
      const dataPoints = reading.points
        .map((point) => histogramSince(point, before(point)))
        .filter(({ count }) => count > 0)
        .map((point) => pointOf(point.labels, histogramOf(point, reading.bounds), times));
      return { descriptor, aggregationTemporality, dataPointType: DataPointType.HISTOGRAM, dataPoints };
    }
    const known = reading.points.filter(isKnown);
    const dataPoints = known.map((point) => pointOf(point.labels, sumSince(point, before(point)), times));
    return { descriptor, aggregationTemporality, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints };
  }
}

/** Labels are texts; of the attributes that the conventions have as numbers there is one. */
function attributesOf(labels: Readonly<Record<string, string>>): Readonly<Record<string, string | number>> {
  const port = labels['server.port'];
  return port === undefined ? labels : { ...labels, 'server.port': Number(port) };
}

function pointOf<T>(
  labels: Readonly<Record<string, string>>,
  value: T,
  times: { readonly startTime: HrTime; readonly endTime: HrTime },
): DataPoint<T> {
  return { attributes: attributesOf(labels), value, ...times };
}

function sumSince(point: MetricPoint, before: MetricPoint | HistogramPoint | undefined): number {
  return before === undefined || isHistogram(before) ? point.value : point.value - before.value;
}

function histogramSince(point: HistogramPoint, before: MetricPoint | HistogramPoint | undefined): HistogramPoint {
  if (!isHistogram(before)) return point;
  return {
    labels: point.labels,
    counts: point.counts.map((count, at) => count - (before.counts[at] ?? 0)),
    sum: point.sum - before.sum,
    count: point.count - before.count,
  };
}

function histogramOf({ counts, sum, count }: HistogramPoint, bounds: readonly number[]): Histogram {
  return { buckets: { boundaries: [...bounds], counts: [...counts] }, sum, count };
}
