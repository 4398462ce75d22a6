import type { IncomingMessage, ServerResponse } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { parseJsonObject, type JsonObject } from '#kernel/json.ts';
import type { ServiceFault, ServiceFaults } from '#services/faults.ts';
import { readBytes } from '#wire/body.ts';
import { metricRequest, traceRequest } from './otlp-messages.ts';
import { decode, partialSuccess, type Message } from './protobuf.ts';
import { metricsIn, spansIn, type ReceivedMetric, type ReceivedSpan } from './received.ts';

interface Signal {
  readonly operation: 'traces' | 'metrics';
  readonly message: Message;
  take(request: JsonObject): void;
}

/** What is kept; the oldest goes. */
const mostKept = 100_000;

function keep<Item>(list: Item[], items: readonly Item[]): void {
  list.push(...items);
  if (list.length > mostKept) list.splice(0, list.length - mostKept);
}

/** A collector of OpenTelemetry: OTLP over HTTP, protobuf and JSON, at `/v1/traces` and `/v1/metrics`. */
export class Collector {
  readonly #faults: ServiceFaults;
  readonly #spans: ReceivedSpan[] = [];
  readonly #metrics: ReceivedMetric[] = [];
  /** Headers of the last request. */
  #headers: IncomingMessage['headers'] = {};
  readonly #signals: ReadonlyMap<string, Signal>;

  constructor(faults: ServiceFaults) {
    this.#faults = faults;
    this.#signals = new Map<string, Signal>([
      [
        '/v1/traces',
        { operation: 'traces', message: traceRequest, take: (request) => keep(this.#spans, spansIn(request)) },
      ],
      [
        '/v1/metrics',
        { operation: 'metrics', message: metricRequest, take: (request) => keep(this.#metrics, metricsIn(request)) },
      ],
    ]);
  }

  /** All spans, or those of a trace. */
  spans(traceId?: string): readonly ReceivedSpan[] {
    return traceId === undefined ? this.#spans : this.#spans.filter((span) => span.traceId === traceId);
  }

  metrics(): readonly ReceivedMetric[] {
    return this.#metrics;
  }

  headers(): IncomingMessage['headers'] {
    return this.#headers;
  }

  reset(): void {
    this.#spans.length = 0;
    this.#metrics.length = 0;
  }

  /** Answers a request; false where it is not for this service. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const signal = this.#signals.get((request.url ?? '').split('?', 1)[0] ?? '');
    if (signal === undefined) return false;
    const at = { service: 'otlp', operation: signal.operation } as const;
    const struck = new Set<ServiceFault['kind']>();
    if (await this.#faults.strike(at, response, struck)) return true;
    const body = await readBytes(request);
    if (request.method !== 'POST' || body === undefined) {
      response.writeHead(request.method === 'POST' ? 413 : 405).end();
      return true;
    }
    this.#headers = request.headers;
    const isJson = (request.headers['content-type'] ?? '').startsWith('application/json');
    const content = messageIn(body, { isJson, headers: request.headers, message: signal.message });
    if (content === undefined) {
      response.writeHead(400).end();
      return true;
    }
    signal.take(content);
    answer(response, { isJson, partial: this.#faults.take(at, 'partial') !== undefined, signal });
    return true;
  }
}

function messageIn(
  body: Buffer,
  as: { readonly isJson: boolean; readonly headers: IncomingMessage['headers']; readonly message: Message },
): JsonObject | undefined {
  try {
    const plain = as.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
    return as.isJson ? parseJsonObject(plain.toString()) : decode(plain, as.message);
  } catch {
    return undefined;
  }
}

/** On request it says that it did not take one of them. */
function answer(
  response: ServerResponse,
  { isJson, partial, signal }: { readonly isJson: boolean; readonly partial: boolean; readonly signal: Signal },
): void {
  const rejected = signal.operation === 'traces' ? 'rejectedSpans' : 'rejectedDataPoints';
  const message = 'On request.';
  if (isJson) {
    const text = JSON.stringify(partial ? { partialSuccess: { [rejected]: '1', errorMessage: message } } : {});
    response.writeHead(200, { 'content-type': 'application/json' }).end(text);
    return;
  }
  response
    .writeHead(200, { 'content-type': 'application/x-protobuf' })
    .end(partial ? partialSuccess(1, message) : Buffer.alloc(0));
}
