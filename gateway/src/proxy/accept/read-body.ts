import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { Failure } from '#kernel/errors.ts';
import { isJsonObject, parseJsonObject, type JsonObject } from '#kernel/json.ts';
import type { Arrival } from '#model/arrival.ts';
import type { Exchange } from '#model/exchange.ts';
import { isMetered, type MeteredOperation } from '#model/operation.ts';
import type { Presence } from '#model/presence.ts';
import { RequestBody, type BodyContent } from '#model/request-body.ts';
import { topLevelMembers } from './json-members.ts';

const jsonType = /^application\/json\s*(?:;\s*charset="?utf-?8"?\s*)?;?\s*$/i;

function refuseMediaType(request: IncomingMessage): void {
  const type = request.headers['content-type'];
  if (type !== 'application/json' && (type === undefined || !jsonType.test(type))) {
    throw new Failure('unsupported_media_type', 'The body must be application/json in UTF-8.', {
      param: 'content-type',
    });
  }
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw new Failure('unsupported_media_type', 'A compressed request body is not accepted.', {
      param: 'content-encoding',
    });
  }
}

function tooLarge(limit: number): Failure {
  return new Failure('request_too_large', `The body is larger than ${limit} bytes.`);
}

export interface BodySource {
  readonly request: IncomingMessage;
  readonly presence: Presence;
}

const emptyBody = Buffer.alloc(0);

/**
 * The whole body. Governed bodies are read whole before they are sent on, whatever their size: model, stream and the
 * caps must be known first (docs/adr/0004). Rejects when the client goes away in the middle.
 */
function readBytes({ request, presence }: BodySource, limit: number): Promise<Buffer> {
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > limit) return Promise.reject(tooLarge(limit));
  return new Promise((resolve, reject) => {
    let first: Buffer | undefined;
    let chunks: Buffer[] | undefined;
    let size = 0;
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > limit) {
        request.off('data', onData);
        request.pause();
        reject(tooLarge(limit));
      } else if (first === undefined) first = chunk;
      else (chunks ??= [first]).push(chunk);
    };
    request.on('data', onData);
    request.on('end', () => {
      presence.unwatch();
      resolve(chunks === undefined ? (first ?? emptyBody) : Buffer.concat(chunks, size));
      // The listeners live as long as the request, which is as long as its reply.
      first = undefined;
      chunks = undefined;
    });
    presence.watch({
      clientLeft: () =>
        reject(new Failure('malformed_request', 'The connection was closed before the body was complete.')),
    });
  });
}

function wrong(param: string, message: string): Failure {
  return new Failure('invalid_request_body', message, { param });
}

function optionalBoolean(json: JsonObject, name: string): boolean {
  const value = json[name];
  if (value === undefined || value === null) return false;
  if (typeof value !== 'boolean') throw wrong(name, `'${name}' must be true or false.`);
  return value;
}

function wantsStreamUsage({ json, bytes, spans }: BodyContent): boolean {
  const options = json['stream_options'];
  if (options === undefined || options === null) return false;
  if (!isJsonObject(options)) throw wrong('stream_options', "'stream_options' must be an object.");
  const span = spans.get('stream_options');
  // Goes on as it came where it asks for usage: so it must mean the same to every parser.
  if (span !== undefined && topLevelMembers(bytes.subarray(span.start, span.end)).duplicate !== undefined)
    throw wrong('stream_options', "A member of 'stream_options' stands twice.");
  return options['include_usage'] === true;
}

function requestedModel(arrival: Arrival, json: JsonObject): string {
  if (arrival.pathModel !== null) return arrival.pathModel;
  const model = json['model'];
  if (typeof model !== 'string' || model === '' || model.length > 256) {
    throw wrong('model', "'model' must name the deployment to call.");
  }
  return model;
}

/** A request of a metered operation by its head and its body; throws the Failure to tell. */
export function understand(arrival: Arrival, operation: MeteredOperation, bytes: Buffer): Exchange {
  if (!isUtf8(bytes)) throw new Failure('invalid_json', 'The body is not valid UTF-8.');
  const json = parseJsonObject(bytes.toString('utf8'));
  if (json === undefined) throw new Failure('invalid_json', 'The body is not one well-formed JSON object.');
  const { spans, duplicate } = topLevelMembers(bytes);
  if (duplicate !== undefined) throw wrong(duplicate.slice(0, 64), 'A member of the body stands twice.');
  const streams = operation !== 'embeddings';
  return {
    requestId: arrival.requestId,
    receivedAt: arrival.receivedAt,
    startedAt: arrival.startedAt,
    surface: arrival.surface,
    operation,
    pathModel: arrival.pathModel,
    stored: null,
    query: arrival.query,
    presentedKey: arrival.presentedKey,
    presentedToken: arrival.presentedToken,
    headers: arrival.headers,
    traceContext: arrival.traceContext,
    trace: arrival.trace,
    clientRequestId: arrival.clientRequestId,
    snapshot: arrival.snapshot,
    requestedModel: requestedModel(arrival, json),
    stream: optionalBoolean(json, 'stream') && streams,
    wantsStreamUsage: wantsStreamUsage({ bytes, json, spans }),
    body: new RequestBody({ bytes, json, spans }),
  };
}

/** Step 3 of a request: its body, read, parsed once and understood as far as the gateway must. */
export async function readBody(source: BodySource, arrival: Arrival): Promise<Exchange> {
  const { operation } = arrival;
  if (!isMetered(operation)) throw new Error('This operation has no body.');
  refuseMediaType(source.request);
  const bytes = await readBytes(source, arrival.snapshot.limits.maxBodyBytes);
  return understand(arrival, operation, bytes);
}

/** The body of an operation that is not metered: JSON, and otherwise none of the gateway's business. */
export async function readPlainBody(source: BodySource, arrival: Arrival): Promise<Buffer> {
  const declared = Number(source.request.headers['content-length'] ?? 0);
  if (declared === 0 && source.request.headers['transfer-encoding'] === undefined) {
    source.request.resume();
    return Buffer.from('{}');
  }
  refuseMediaType(source.request);
  const bytes = await readBytes(source, arrival.snapshot.limits.maxBodyBytes);
  if (!isUtf8(bytes) || parseJsonObject(bytes.toString('utf8')) === undefined)
    throw new Failure('invalid_json', 'The body is not one well-formed JSON object.');
  return bytes;
}
