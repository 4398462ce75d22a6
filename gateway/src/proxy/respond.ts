import type { IncomingMessage, ServerResponse } from 'node:http';
import { dialectError, type ErrorCode, type Failure } from '#kernel/errors.ts';
import type { MeteredOperation } from '#model/operation.ts';
import { isReadInOwnTime } from '#proxy/accept/patience.ts';

/** The ids that every answer carries, by the names that OpenAI's and Azure's SDKs look for. */
export function idHeaders(requestId: string, clientRequestId: string | null): string[] {
  const headers = ['x-request-id', requestId, 'apim-request-id', requestId];
  if (clientRequestId !== null) headers.push('x-ms-client-request-id', clientRequestId);
  return headers;
}

export interface Asked {
  readonly requestId: string;
  readonly clientRequestId: string | null;
  /** More headers: name, value, name, value … */
  readonly extraHeaders?: readonly string[];
}

/** Nobody waits for more of what did not come in time. */
const closing: ReadonlySet<ErrorCode> = new Set(['shutting_down', 'request_timeout']);
/** A body that nobody will read: a short one is let run out, so that the connection can be kept. */
const longestDiscarded = 1024 * 1024;

function isLong(request: IncomingMessage): boolean {
  // Whoever reads it in its own time lets the rest of it run out, too.
  if (request.complete || isReadInOwnTime(request)) return false;
  return (
    request.headers['transfer-encoding'] !== undefined ||
    Number(request.headers['content-length'] ?? 0) > longestDiscarded
  );
}

/** Answers with a failure in the dialect's shape; breaks off an answer that has begun. Does nothing where the client is gone. */
export function respondWithFailure(response: ServerResponse, failure: Failure, asked: Asked): void {
  if (response.destroyed) return;
  if (response.headersSent) {
    if (!response.writableEnded) response.destroy();
    return;
  }
  const body = Buffer.from(JSON.stringify(dialectError(failure, asked.requestId)));
  const headers = [
    ...idHeaders(asked.requestId, asked.clientRequestId),
    'content-type',
    'application/json',
    'content-length',
    String(body.length),
    ...(asked.extraHeaders ?? []),
  ];
  const { allow, retryAfterSeconds, retriesSpent } = failure.options;
  if (allow !== undefined) headers.push('allow', allow);
  if (retryAfterSeconds !== undefined) headers.push('retry-after', String(retryAfterSeconds));
  if (retriesSpent === true) headers.push('x-should-retry', 'false');
  if (failure.code === 'missing_api_key' || failure.code === 'invalid_api_key')
    headers.push('www-authenticate', 'Bearer');
  if (isLong(response.req) || closing.has(failure.code)) headers.push('connection', 'close');
  response.writeHead(failure.status, headers);
  response.end(body);
}

export function respondWithJson(response: ServerResponse, value: unknown, asked: Asked): void {
  const body = Buffer.from(JSON.stringify(value));
  response.writeHead(200, [
    ...idHeaders(asked.requestId, asked.clientRequestId),
    'content-type',
    'application/json',
    'content-length',
    String(body.length),
  ]);
  response.end(body);
}

/**
 * A failure inside a stream, as the dialect's clients understand it: an `error` event of Responses, an error object as
 * the data of chat and completions (the `openai` client throws for either).
 */
export function streamFailure(operation: MeteredOperation, failure: Failure, requestId: string): Buffer {
  const { error } = dialectError(failure, requestId);
  if (operation !== 'responses') return Buffer.from(`data: ${JSON.stringify({ error })}\n\n`);
  const { code, message, param } = error;
  return Buffer.from(`event: error\ndata: ${JSON.stringify({ type: 'error', code, message, param, error })}\n\n`);
}
