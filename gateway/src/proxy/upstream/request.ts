import type { Readable } from 'node:stream';
import { isJsonObject } from '#kernel/json.ts';
import type { Admission, BodyEdits } from '#model/admission.ts';
import type { StoredTarget } from '#model/arrival.ts';
import type { AttemptTrace } from '#model/call-trace.ts';
import type { Endpoint } from '#model/endpoint.ts';
import type { Exchange } from '#model/exchange.ts';
import type { MeteredOperation, StoredOperation } from '#model/operation.ts';
import type { BodyContent, MemberSpan } from '#model/request-body.ts';
import { storedCalls } from '#model/stored-calls.ts';
import type { Credentials } from './credentials.ts';

/** What goes out: everything that `send` needs. */
export interface UpstreamRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly origin: string;
  readonly path: string;
  /** Name, value, name, value … */
  readonly headers: readonly string[];
  /** Empty where there is none. */
  readonly body: Buffer;
  /** A body that is still arriving, in the place of `body`: it can be sent once only. */
  readonly arriving?: Readable | undefined;
}

const operationPaths: Readonly<Record<MeteredOperation, string>> = {
  'chat.completions': 'chat/completions',
  completions: 'completions',
  embeddings: 'embeddings',
  responses: 'responses',
};

/** From here on the classic surface knows `stream_options`. Source: Azure OpenAI API version reference, 2024-09-01-preview. */
const streamOptionsSince = '2024-09-01';

interface Address {
  readonly origin: string;
  readonly basePath: string;
}
const addresses = new WeakMap<Endpoint, Address>();

function addressOf(endpoint: Endpoint): Address {
  let address = addresses.get(endpoint);
  if (address === undefined) {
    const url = new URL(endpoint.resource);
    address = { origin: url.origin, basePath: url.pathname.replace(/\/+$/, '') };
    addresses.set(endpoint, address);
  }
  return address;
}

function pathOf(endpoint: Endpoint, operation: MeteredOperation): string {
  const { basePath } = addressOf(endpoint);
  const { surface } = endpoint;
  if (surface.kind === 'v1') return `${basePath}/openai/v1/${operationPaths[operation]}`;
  const version = `?api-version=${encodeURIComponent(surface.apiVersion)}`;
  if (operation === 'responses') return `${basePath}/openai/responses${version}`;
  return `${basePath}/openai/deployments/${encodeURIComponent(endpoint.deployment)}/${operationPaths[operation]}${version}`;
}

/** Whether usage can be asked for in the stream of this endpoint. */
function canAskForUsage(endpoint: Endpoint): boolean {
  return endpoint.surface.kind === 'v1' || endpoint.surface.apiVersion.slice(0, 10) >= streamOptionsSince;
}

/** The members that this endpoint needs otherwise than the client wrote them. */
function editsFor(admission: Admission, endpoint: Endpoint): BodyEdits {
  const { exchange } = admission;
  const { json } = exchange.body;
  const edits: BodyEdits = new Map(admission.edits);
  const namedInBody = endpoint.surface.kind === 'v1' || exchange.operation === 'responses';
  if (namedInBody && json['model'] !== endpoint.deployment) edits.set('model', JSON.stringify(endpoint.deployment));
  const { binding } = admission;
  if (binding !== null) for (const [name, text] of binding.edits) edits.set(name, text);
  const asksForUsage = exchange.stream && exchange.operation !== 'responses' && !exchange.wantsStreamUsage;
  if (asksForUsage && canAskForUsage(endpoint)) {
    const options = isJsonObject(json['stream_options']) ? json['stream_options'] : {};
    edits.set('stream_options', JSON.stringify({ ...options, include_usage: true }));
  }
  return edits;
}

/**
 * The body with some top-level members set and some bytes cut out, spliced into the bytes that the client sent: nothing else
 * is written anew, so numbers beyond a double, key order and spelling arrive as they came. A cut lies in no member that is set.
 */
export function applyEdits(body: BodyContent, edits: BodyEdits, cuts: readonly MemberSpan[] = []): Buffer {
  if (edits.size === 0 && cuts.length === 0) return body.bytes;
  const splices: { readonly start: number; readonly end: number; readonly text: string }[] = cuts.map((cut) => ({
    ...cut,
    text: '',
  }));
  let added = '';
  for (const [name, text] of edits) {
    const span = body.spans.get(name);
    if (span === undefined) added += `${added === '' ? '' : ','}${JSON.stringify(name)}:${text}`;
    else splices.push({ ...span, text });
  }
  if (added !== '') {
    const brace = body.bytes.indexOf('{') + 1;
    splices.push({ start: brace, end: brace, text: body.spans.size === 0 ? added : `${added},` });
  }
  splices.sort((left, right) => left.start - right.start);
  const parts: Buffer[] = [];
  let at = 0;
  for (const splice of splices) {
    parts.push(body.bytes.subarray(at, splice.start), Buffer.from(splice.text));
    at = splice.end;
  }
  parts.push(body.bytes.subarray(at));
  return Buffer.concat(parts);
}

export interface Identity {
  readonly attemptId: string;
  /** The headers that sign in to the resource: name, value. */
  readonly credential: readonly [string, string];
  /** The span of this call; without one the caller's trace context goes on as it came. */
  readonly trace: AttemptTrace | undefined;
}

/**
 * Headers are made here, not copied: the client's key, its cookies, `Ocp-Apim-*`, `x-ms-spillover-deployment` and
 * hop-by-hop headers have no way upstream.
 */
function headersFor(exchange: Exchange, identity: Identity): readonly string[] {
  const headers = [
    'content-type',
    'application/json',
    'accept',
    exchange.stream ? 'text/event-stream' : 'application/json',
    // A compressed stream could not be metered event by event without being delayed.
    'accept-encoding',
    'identity',
    'x-ms-client-request-id',
    identity.attemptId,
    ...identity.credential,
  ];
  if (identity.trace !== undefined) headers.push(...identity.trace.headers);
  else headers.push(...exchange.traceContext);
  return headers;
}

export function upstreamRequest(admission: Admission, endpoint: Endpoint, identity: Identity): UpstreamRequest {
  const { exchange } = admission;
  return {
    method: 'POST',
    origin: addressOf(endpoint).origin,
    path: pathOf(endpoint, exchange.operation),
    headers: headersFor(exchange, identity),
    body: applyEdits(exchange.body, editsFor(admission, endpoint), admission.binding?.cuts),
  };
}

const tokenHeader = 'authorization';

/** The access token that a request signs in with; undefined where that is a key. */
function tokenOf({ headers }: UpstreamRequest): string | undefined {
  for (let at = 0; at < headers.length; at += 2)
    if (headers[at] === tokenHeader) return headers[at + 1]?.slice('Bearer '.length);
  return undefined;
}

function withToken(request: UpstreamRequest, token: string): UpstreamRequest {
  const headers = request.headers.map((text, at) =>
    at % 2 === 1 && request.headers[at - 1] === tokenHeader ? `Bearer ${token}` : text,
  );
  return { ...request, headers };
}

/** The same request for a resource that does not take its token, with another one; undefined where there is none. */
export async function withAnotherToken(
  request: UpstreamRequest,
  endpoint: Endpoint,
  credentials: Pick<Credentials, 'insteadOf'>,
): Promise<UpstreamRequest | undefined> {
  const shown = tokenOf(request);
  const token = shown === undefined ? undefined : await credentials.insteadOf(endpoint, shown);
  return token === undefined ? undefined : withToken(request, token);
}

export interface StoredRequest {
  readonly operation: StoredOperation;
  /** The upstream's own ids. */
  readonly ids: StoredTarget;
  /** What of the query goes on, encoded, without question mark. */
  readonly query: string;
  /** Of the caller: header names and values. */
  readonly traceContext: readonly string[];
  /** Empty where there is none. */
  readonly body: Buffer;
  /** A file that is still arriving, as the form with this content-type. */
  readonly form?: { readonly contentType: string; readonly body: Readable } | undefined;
}

/** A request about something that is stored at the resource of an endpoint. */
export function storedRequest(stored: StoredRequest, endpoint: Endpoint, identity: Identity): UpstreamRequest {
  const { origin, basePath } = addressOf(endpoint);
  const { surface } = endpoint;
  const { method, collection, steps, body } = storedCalls[stored.operation];
  const named = steps.map((step) =>
    step === 'id' || step === 'item' ? encodeURIComponent(stored.ids[step] ?? '') : step,
  );
  const path = [collection, ...named].join('/');
  const version = surface.kind === 'v1' ? '' : `api-version=${encodeURIComponent(surface.apiVersion)}`;
  const query = [version, stored.query].filter((part) => part !== '').join('&');
  const trace = identity.trace?.headers ?? stored.traceContext;
  return {
    method,
    origin,
    path: `${basePath}/openai/${surface.kind === 'v1' ? 'v1/' : ''}${path}${query === '' ? '' : `?${query}`}`,
    headers: [
      ...(body ? ['content-type', stored.form?.contentType ?? 'application/json'] : []),
      'accept',
      stored.operation === 'files.content' ? '*/*' : 'application/json',
      'accept-encoding',
      'identity',
      'x-ms-client-request-id',
      identity.attemptId,
      ...identity.credential,
      ...trace,
    ],
    body: stored.body,
    arriving: stored.form?.body,
  };
}
