import { SpanKind, SpanStatusCode, type HrTime, type SpanContext } from '@opentelemetry/api';
import { TraceState, type InstrumentationScope } from '@opentelemetry/core';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import type { SentCall } from './messages.ts';
import {
  attemptAttributes,
  attemptErrorOf,
  attemptName,
  callAttributes,
  methodOf,
  routeOf,
  type Attributes,
} from './span-parts.ts';

/** A span, and of how many like it it stands for one. */
export interface SharedSpan {
  readonly span: ReadableSpan;
  readonly share: number;
}

export const scope: InstrumentationScope = { name: 'tollgate' };

/** UTC ms, with a fraction -> seconds and nanoseconds. */
export function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}

interface Made {
  readonly name: string;
  readonly kind: SpanKind;
  readonly spanId: string;
  readonly parent: SpanContext | undefined;
  /** UTC ms. */
  readonly from: number;
  readonly to: number;
  readonly attributes: Attributes['values'];
  readonly failed: boolean;
}

/** The spans of a call that is over: its own, and one for each attempt. */
export function spansOf(call: SentCall, resource: Resource): readonly SharedSpan[] {
  const { traceId, share } = call;
  const state = call.state === null ? {} : { traceState: new TraceState(call.state) };
  const context = (spanId: string, isRemote = false): SpanContext => ({
    traceId,
    spanId,
    traceFlags: 1,
    isRemote,
    ...state,
  });
  const make = (made: Made): SharedSpan => ({ share, span: readable(made, context(made.spanId), resource) });
  const { receivedAt, operation, surface } = call;
  const method = methodOf(call.method);
  const route = operation === null || surface === null ? '' : ` ${routeOf(operation, surface)}`;
  return [
    make({
      name: `${method === '_OTHER' ? 'HTTP' : method}${route}`,
      kind: SpanKind.SERVER,
      spanId: call.spanId,
      parent: call.parentSpanId === null ? undefined : context(call.parentSpanId, true),
      from: receivedAt,
      to: receivedAt + call.ms,
      attributes: callAttributes(call),
      // Of the server: what a client did wrong is not its failure.
      failed: call.status >= 500,
    }),
    ...call.attempts.map((attempt) =>
      make({
        name: attemptName(call, attempt),
        kind: SpanKind.CLIENT,
        spanId: attempt.spanId,
        parent: context(call.spanId),
        from: receivedAt + attempt.sentAt,
        to: receivedAt + attempt.endedAt,
        attributes: attemptAttributes(call, attempt),
        failed: attemptErrorOf(attempt) !== undefined,
      }),
    ),
  ];
}

function readable(made: Made, context: SpanContext, resource: Resource): ReadableSpan {
  const { name, kind, parent, from, to, attributes, failed } = made;
  return {
    name,
    kind,
    spanContext: () => context,
    ...(parent === undefined ? {} : { parentSpanContext: parent }),
    startTime: hrTime(from),
    endTime: hrTime(to),
    duration: hrTime(to - from),
    status: { code: failed ? SpanStatusCode.ERROR : SpanStatusCode.UNSET },
    attributes,
    links: [],
    events: [],
    ended: true,
    resource,
    instrumentationScope: scope,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}
