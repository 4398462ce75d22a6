import { SpanKind, SpanStatusCode, type HrTime, type SpanContext } from '@opentelemetry/api';
import { TraceState, type InstrumentationScope } from '@opentelemetry/core';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import type { SentCall, SentCalls } from './messages.ts';
import {
  attemptAttributes,
  attemptErrorOf,
  attemptName,
  callAttributes,
  methodOf,
  routeOf,
  type Attributes,
  type Placed,
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

/** The spans of calls that are over: of each its own, and one for each attempt. */
export function spansOf(sent: SentCalls, resource: Resource): readonly SharedSpan[] {
  return sent.calls.flatMap((call) => new CallSpans(call, sent, resource).all());
}

class CallSpans {
  readonly #call: SentCall;
  readonly #sent: SentCalls;
  readonly #resource: Resource;
  readonly #state: { readonly traceState?: TraceState };

  constructor(call: SentCall, sent: SentCalls, resource: Resource) {
    this.#call = call;
    this.#sent = sent;
    this.#resource = resource;
    this.#state = call.state === null ? {} : { traceState: new TraceState(call.state) };
  }

  all(): readonly SharedSpan[] {
    const spans = [this.#own()];
    for (const attempt of this.#call.attempts) {
      const endpoint = this.#sent.endpoints[attempt.at];
      if (endpoint !== undefined) spans.push(this.#attempt({ call: this.#call, attempt, endpoint }));
    }
    return spans;
  }

  #own(): SharedSpan {
    const { spanId, parentSpanId, receivedAt, ms, operation, surface, status, code } = this.#call;
    const method = methodOf(this.#call.method);
    const route = operation === null || surface === null ? '' : ` ${routeOf(operation, surface)}`;
    return this.#made({
      name: `${method === '_OTHER' ? 'HTTP' : method}${route}`,
      kind: SpanKind.SERVER,
      spanId,
      parent: parentSpanId === null ? undefined : this.#context(parentSpanId, true),
      from: receivedAt,
      to: receivedAt + ms,
      attributes: callAttributes(this.#call, this.#sent.callers),
      // Of the server: what a client did wrong is not its failure. One that broke off had its status before.
      failed: status >= 500 || (status < 400 && code !== null),
    });
  }

  #attempt(placed: Placed): SharedSpan {
    const { receivedAt, spanId } = this.#call;
    const { attempt } = placed;
    return this.#made({
      name: attemptName(placed),
      kind: SpanKind.CLIENT,
      spanId: attempt.spanId,
      parent: this.#context(spanId, false),
      from: receivedAt + attempt.sentAt,
      to: receivedAt + attempt.endedAt,
      attributes: attemptAttributes(placed),
      failed: attemptErrorOf(attempt) !== undefined,
    });
  }

  #made(made: Made): SharedSpan {
    return { share: this.#call.share, span: readable(made, this.#context(made.spanId, false), this.#resource) };
  }

  #context(spanId: string, isRemote: boolean): SpanContext {
    return { traceId: this.#call.traceId, spanId, traceFlags: 1, isRemote, ...this.#state };
  }
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
