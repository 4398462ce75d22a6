import { arrayAt, isJsonArray, isJsonObject, objectAt, textAt, type Json, type JsonObject } from '#kernel/json.ts';

type Attributes = Readonly<Record<string, string | number | boolean>>;

/** A span as a collector got it. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Null for a root. */
  readonly parentSpanId: string | null;
  readonly traceState: string | null;
  readonly name: string;
  readonly kind: 'internal' | 'server' | 'client' | 'producer' | 'consumer' | 'unspecified';
  /** Nanoseconds since the epoch, decimal. */
  readonly startedAt: string;
  readonly endedAt: string;
  readonly failed: boolean;
  readonly attributes: Attributes;
  readonly resource: Attributes;
}

export interface ReceivedPoint {
  readonly attributes: Attributes;
  readonly value?: number;
  readonly count?: number;
  readonly sum?: number;
  readonly counts?: readonly number[];
  readonly bounds?: readonly number[];
}

export interface ReceivedMetric {
  readonly name: string;
  readonly unit: string;
  readonly type: 'gauge' | 'sum' | 'histogram' | 'unknown';
  readonly temporality: 'delta' | 'cumulative' | 'unspecified';
  readonly points: readonly ReceivedPoint[];
  readonly resource: Attributes;
}

const kinds = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'] as const;
const temporalities = ['unspecified', 'delta', 'cumulative'] as const;

const objects = (values: readonly Json[] | undefined): readonly JsonObject[] => (values ?? []).filter(isJsonObject);

function attributeValue(value: JsonObject | undefined): string | number | boolean {
  if (value === undefined) return '';
  const { stringValue, boolValue, intValue, doubleValue } = value;
  if (typeof stringValue === 'string') return stringValue;
  if (typeof boolValue === 'boolean') return boolValue;
  return Number(intValue ?? doubleValue ?? Number.NaN);
}

function attributesIn(value: JsonObject | undefined): Attributes {
  return Object.fromEntries(
    objects(arrayAt(value, 'attributes')).map((one) => [
      textAt(one, 'key') ?? '',
      attributeValue(objectAt(one, 'value')),
    ]),
  );
}

const orNull = (text: string | undefined): string | null => (text === undefined || text === '' ? null : text);

/** 64-bit numbers are texts in OTLP's JSON, but some write numbers. */
function nanosAt(span: JsonObject, name: string): string {
  const value = span[name];
  return typeof value === 'number' ? String(value) : (textAt(span, name) ?? '');
}

function spanOf(span: JsonObject, resource: Attributes): ReceivedSpan {
  return {
    traceId: textAt(span, 'traceId') ?? '',
    spanId: textAt(span, 'spanId') ?? '',
    parentSpanId: orNull(textAt(span, 'parentSpanId')),
    traceState: orNull(textAt(span, 'traceState')),
    name: textAt(span, 'name') ?? '',
    kind: kinds[Number(span['kind'] ?? 0)] ?? 'unspecified',
    startedAt: nanosAt(span, 'startTimeUnixNano'),
    endedAt: nanosAt(span, 'endTimeUnixNano'),
    failed: Number(objectAt(span, 'status')?.['code'] ?? 0) === 2,
    attributes: attributesIn(span),
    resource,
  };
}

/** The spans of a request to `/v1/traces`, in the JSON that OTLP has. */
export function spansIn(request: JsonObject): readonly ReceivedSpan[] {
  return objects(arrayAt(request, 'resourceSpans')).flatMap((of) => {
    const resource = attributesIn(objectAt(of, 'resource'));
    return objects(arrayAt(of, 'scopeSpans')).flatMap((scope) =>
      objects(arrayAt(scope, 'spans')).map((span) => spanOf(span, resource)),
    );
  });
}

const numbers = (value: Json | undefined): readonly number[] => (isJsonArray(value) ? value.map(Number) : []);

function pointOf(point: JsonObject): ReceivedPoint {
  const attributes = attributesIn(point);
  const value = point['asDouble'] ?? point['asInt'];
  if (value !== undefined) return { attributes, value: Number(value) };
  return {
    attributes,
    count: Number(point['count'] ?? 0),
    sum: Number(point['sum'] ?? 0),
    counts: numbers(point['bucketCounts']),
    bounds: numbers(point['explicitBounds']),
  };
}

function metricOf(metric: JsonObject, resource: Attributes): ReceivedMetric {
  const type = (['gauge', 'sum', 'histogram'] as const).find((one) => metric[one] !== undefined) ?? 'unknown';
  const data = objectAt(metric, type);
  return {
    name: textAt(metric, 'name') ?? '',
    unit: textAt(metric, 'unit') ?? '',
    type,
    temporality: temporalities[Number(data?.['aggregationTemporality'] ?? 0)] ?? 'unspecified',
    points: objects(arrayAt(data, 'dataPoints')).map(pointOf),
    resource,
  };
}

/** The metrics of a request to `/v1/metrics`, likewise. */
export function metricsIn(request: JsonObject): readonly ReceivedMetric[] {
  return objects(arrayAt(request, 'resourceMetrics')).flatMap((of) => {
    const resource = attributesIn(objectAt(of, 'resource'));
    return objects(arrayAt(of, 'scopeMetrics')).flatMap((scope) =>
      objects(arrayAt(scope, 'metrics')).map((metric) => metricOf(metric, resource)),
    );
  });
}
