import type { IncomingMessage } from 'node:http';
import type { Clock } from '#kernel/clock.ts';
import { Failure } from '#kernel/errors.ts';
import type { IdSource } from '#kernel/ids.ts';
import { passedOnContext } from '#kernel/trace-context.ts';
import type { Arrival } from '#model/arrival.ts';
import type { CallTrace } from '#model/call-trace.ts';
import type { Surface } from '#model/operation.ts';
import type { Snapshot } from '#model/snapshot.ts';
import { hasTokenForm } from '#model/token-terms.ts';
import { methodsOf, targetOf } from './operations.ts';

/** Headers that decide something here: standing twice, one reader might take the first and another the last. */
const onceOnly: ReadonlyMap<string, number> = new Map(
  [
    'api-key',
    'authorization',
    'content-encoding',
    'content-length',
    'content-type',
    'ocp-apim-subscription-key',
    'transfer-encoding',
    'x-ms-client-request-id',
  ].map((name, index) => [name, 1 << index]),
);
const datedVersion = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?:-preview|-alpha|-beta)?$/;
const clientId = /^[\x21-\x7e]{1,128}$/;

function refuseDuplicates(rawHeaders: readonly string[]): void {
  let seen = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase();
    const bit = onceOnly.get(name);
    if (bit === undefined) continue;
    if ((seen & bit) !== 0) {
      throw new Failure('duplicate_header', `The header '${name}' stands more than once.`, { param: name });
    }
    seen |= bit;
  }
}

function bearerOf({ authorization }: IncomingMessage['headers']): string | null {
  if (authorization === undefined || !/^bearer /i.test(authorization)) return null;
  const text = authorization.slice('bearer '.length).trim();
  return text === '' ? null : text;
}

function presentedKey(
  { headers }: IncomingMessage,
  bearer: string | null,
  query: URLSearchParams | undefined,
): string | null {
  const direct = headers['api-key'] ?? headers['ocp-apim-subscription-key'];
  if (typeof direct === 'string' && direct !== '') return direct;
  return (tokenIn(bearer) === null ? bearer : null) ?? query?.get('subscription-key') ?? null;
}

const tokenIn = (bearer: string | null): string | null => (bearer !== null && hasTokenForm(bearer) ? bearer : null);

function checkApiVersion(surface: Surface, query: URLSearchParams | undefined): void {
  const versions = query?.getAll('api-version') ?? [];
  const version = versions[0] ?? '';
  if (versions.length > 1)
    throw new Failure('invalid_api_version', 'api-version stands more than once.', { param: 'api-version' });
  if (surface === 'v1') {
    if (version === '' || version === 'v1' || version === 'preview') return;
    throw new Failure('invalid_api_version', "The v1 surface takes no api-version, or 'v1' or 'preview'.", {
      param: 'api-version',
    });
  }
  if (version === '') {
    throw new Failure('missing_api_version', 'The classic surface needs ?api-version=, for example 2024-10-21.', {
      param: 'api-version',
    });
  }
  if (!datedVersion.test(version)) {
    throw new Failure('invalid_api_version', 'api-version must be a date: YYYY-MM-DD or YYYY-MM-DD-preview.', {
      param: 'api-version',
    });
  }
}

function matching(value: string | string[] | undefined, pattern: RegExp): string | null {
  return typeof value === 'string' && pattern.test(value) ? value : null;
}

export interface HeadContext {
  readonly requestId: string;
  readonly receivedAt: number;
  readonly startedAt: number;
  readonly trace: CallTrace | undefined;
}

export function newHeadContext(clock: Clock, ids: IdSource): Omit<HeadContext, 'trace'> {
  const receivedAt = clock.now();
  return { requestId: ids(receivedAt), receivedAt, startedAt: clock.monotonic() };
}

/** Step 1 of a request: what is asked, by which key. Throws in the caller's dialect; reads nothing of the body. */
export function readHead(request: IncomingMessage, context: HeadContext, snapshot: Snapshot): Arrival {
  refuseDuplicates(request.rawHeaders);
  const url = request.url ?? '/';
  const mark = url.indexOf('?');
  const path = mark === -1 ? url : url.slice(0, mark);
  const query = mark === -1 ? undefined : new URLSearchParams(url.slice(mark + 1));
  const target = targetOf(path, request.method);
  const allowed = methodsOf(target.operation);
  if (request.method === undefined || !allowed.includes(request.method)) {
    throw new Failure('method_not_allowed', `This operation is called with ${allowed.join(' or ')}.`, {
      allow: allowed.join(', '),
    });
  }
  // Any other protocol is an offer that may be left unanswered (RFC 9110 §7.8): Java's client offers h2c with every call.
  if (request.headers.upgrade !== undefined && /websocket/i.test(request.headers.upgrade)) {
    throw new Failure('operation_not_metered', 'WebSocket connections are not served: Tollgate cannot meter them yet.');
  }
  checkApiVersion(target.surface, query);
  const bearer = bearerOf(request.headers);
  return {
    requestId: context.requestId,
    receivedAt: context.receivedAt,
    startedAt: context.startedAt,
    surface: target.surface,
    operation: target.operation,
    pathModel: target.pathModel,
    stored: target.stored ?? null,
    query: mark === -1 ? '' : url.slice(mark + 1),
    presentedKey: presentedKey(request, bearer, query),
    presentedToken: tokenIn(bearer),
    headers: request.headers,
    traceContext: passedOnContext(request.headers),
    trace: context.trace,
    clientRequestId: matching(request.headers['x-ms-client-request-id'], clientId),
    snapshot,
  };
}
