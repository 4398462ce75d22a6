import { parseTraceParent } from '#kernel/trace-context.ts';
import type { Journey } from './journey.ts';

/** What of a journey its line tells. */
type Told = Pick<Journey, 'requestId' | 'trace' | 'arrival' | 'exchange' | 'caller' | 'failure'> & {
  readonly forwarding: Pick<Journey['forwarding'], 'trail' | 'waitedMs'>;
};

/** How it ended. */
export interface RequestEnd {
  readonly status: number;
  readonly ms: number;
}

/** A name in a path may be as long as a client likes. */
const longestModelName = 256;

/** Of words of ours: nothing in them needs to be escaped. */
const word = (name: string, value: string | undefined): string => (value === undefined ? '' : `,"${name}":"${value}"`);

/** Of anybody's. */
function text(name: string, value: string | null | undefined): string {
  return value === null || value === undefined ? '' : `,"${name}":${JSON.stringify(value)}`;
}

/** What was asked; by the names that OpenTelemetry has for logs. Without a span of ours, the trace that the caller named. */
function askedText({ arrival, exchange, trace }: Told): string {
  if (arrival === undefined) return '';
  const model = exchange === undefined ? arrival.pathModel : exchange.requestedModel;
  const traceId = trace?.traceId ?? parseTraceParent(arrival.traceContext[1])?.traceId;
  return (
    `${word('operation', arrival.operation)}${word('surface', arrival.surface)}` +
    text('model', model?.slice(0, longestModelName)) +
    (exchange === undefined ? '' : `,"stream":${exchange.stream}`) +
    `${word('trace_id', traceId)}${word('span_id', trace?.spanId)}${text('clientRequestId', arrival.clientRequestId)}`
  );
}

/**
 * The line of a request, as the members of a JSON object without its braces. Put together by hand, as the journal's entries
 * are: that is a quarter of what a logger takes that does not know the fields.
 */
export function requestMembers(journey: Told, { status, ms }: RequestEnd): string {
  const { requestId, caller, failure, forwarding } = journey;
  const { trail, waitedMs } = forwarding;
  return (
    `"requestId":"${requestId}"${askedText(journey)}${text('subscription', caller?.subscription.name)}` +
    `,"status":${status}${word('code', failure?.code)},"attempts":${JSON.stringify(trail)}` +
    `${waitedMs === 0 ? '' : `,"waitedMs":${Math.round(waitedMs)}`},"ms":${Math.round(ms * 10) / 10}`
  );
}
