import type { Field, Message } from './protobuf.ts';

// Source: opentelemetry-proto 1.x, trace/v1, metrics/v1, common/v1 and collector/*/v1: the fields that are read here.

const list = (name: string, type: Field['type']): Field => ({ name, type, repeated: true });
const one = (name: string, type: Field['type']): Field => ({ name, type });

const anyValue: Message = () => ({
  1: one('stringValue', 'string'),
  2: one('boolValue', 'bool'),
  3: one('intValue', 'int'),
  4: one('doubleValue', 'double'),
});
const keyValue: Message = () => ({ 1: one('key', 'string'), 2: one('value', anyValue) });
const resource: Message = () => ({ 1: list('attributes', keyValue) });
const scope: Message = () => ({ 1: one('name', 'string'), 2: one('version', 'string') });

const status: Message = () => ({ 2: one('message', 'string'), 3: one('code', 'int') });
const span: Message = () => ({
  1: one('traceId', 'hex'),
  2: one('spanId', 'hex'),
  3: one('traceState', 'string'),
  4: one('parentSpanId', 'hex'),
  5: one('name', 'string'),
  6: one('kind', 'int'),
  7: one('startTimeUnixNano', 'fixed64'),
  8: one('endTimeUnixNano', 'fixed64'),
  9: list('attributes', keyValue),
  15: one('status', status),
});
const scopeSpans: Message = () => ({ 1: one('scope', scope), 2: list('spans', span) });
const resourceSpans: Message = () => ({ 1: one('resource', resource), 2: list('scopeSpans', scopeSpans) });
export const traceRequest: Message = () => ({ 1: list('resourceSpans', resourceSpans) });

const times = { 2: one('startTimeUnixNano', 'fixed64'), 3: one('timeUnixNano', 'fixed64') } as const;
const numberPoint: Message = () => ({
  ...times,
  4: one('asDouble', 'double'),
  6: one('asInt', 'fixed64'),
  7: list('attributes', keyValue),
});
const histogramPoint: Message = () => ({
  ...times,
  4: one('count', 'fixed64'),
  5: one('sum', 'double'),
  6: one('bucketCounts', 'packed-fixed64'),
  7: one('explicitBounds', 'packed-double'),
  9: list('attributes', keyValue),
});
const gauge: Message = () => ({ 1: list('dataPoints', numberPoint) });
const sum: Message = () => ({
  1: list('dataPoints', numberPoint),
  2: one('aggregationTemporality', 'int'),
  3: one('isMonotonic', 'bool'),
});
const histogram: Message = () => ({
  1: list('dataPoints', histogramPoint),
  2: one('aggregationTemporality', 'int'),
});
const metric: Message = () => ({
  1: one('name', 'string'),
  2: one('description', 'string'),
  3: one('unit', 'string'),
  5: one('gauge', gauge),
  7: one('sum', sum),
  9: one('histogram', histogram),
});
const scopeMetrics: Message = () => ({ 1: one('scope', scope), 2: list('metrics', metric) });
const resourceMetrics: Message = () => ({ 1: one('resource', resource), 2: list('scopeMetrics', scopeMetrics) });
export const metricRequest: Message = () => ({ 1: list('resourceMetrics', resourceMetrics) });
