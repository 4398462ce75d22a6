import { createServer } from 'node:http';
import type { IncomingHttpHeaders, OutgoingHttpHeaders, Server, ServerResponse } from 'node:http';
import { Pool } from 'undici';
import type { Dispatcher } from 'undici';
import { listenLocally } from '#processes/listen.ts';

/** Headers that belong to one connection, or that undici and node:http write themselves. */
const notPassedOn = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'content-length',
  'host',
  'expect',
  'te',
]);
const notReturned = new Set(['connection', 'keep-alive', 'transfer-encoding']);

/**
 * The smallest honest proxy, which the gateway is compared with: node:http in front, an undici pool behind. The request
 * body is read whole first, the reply is passed on chunk by chunk with back-pressure, a client that leaves cancels the
 * call. It knows no keys, counts nothing and writes nothing.
 */
export function createBareProxy(upstream: string): { server: Server; pool: Pool } {
  const pool = new Pool(upstream);
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = chunks.length > 1 ? Buffer.concat(chunks) : (chunks[0] ?? null);
      const { method = 'GET', url: path = '/' } = request;
      pool.dispatch({ path, method, headers: requestHeaders(request.rawHeaders), body }, relayTo(response));
    });
  });
  return { server, pool };
}

function relayTo(response: ServerResponse): Dispatcher.DispatchHandler {
  return {
    onRequestStart(controller) {
      response.on('close', () => {
        if (!response.writableFinished) controller.abort(new Error('the client left'));
      });
    },
    onResponseStart(_controller, status, headers) {
      response.writeHead(status, replyHeaders(headers));
    },
    onResponseData(controller, chunk) {
      if (response.write(chunk)) return;
      controller.pause();
      response.once('drain', () => controller.resume());
    },
    onResponseEnd() {
      response.end();
    },
    onResponseError() {
      if (response.headersSent) response.destroy();
      else response.writeHead(502).end();
    },
  };
}

function requestHeaders(rawHeaders: readonly string[]): string[] {
  const kept: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase();
    if (!notPassedOn.has(name)) kept.push(name, rawHeaders[index + 1] ?? '');
  }
  return kept;
}

function replyHeaders(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  const kept: OutgoingHttpHeaders = {};
  for (const name in headers) if (!notReturned.has(name)) kept[name] = headers[name];
  return kept;
}

/** Runs it as a process of the benchmark: tells its parent the port, ends with it. */
export async function runBareProxy(upstream: string): Promise<void> {
  const { server } = createBareProxy(upstream);
  const port = await listenLocally(server);
  process.on('disconnect', () => process.exit(0));
  process.send?.({ kind: 'ready', port });
}
