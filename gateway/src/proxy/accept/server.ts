import { createServer, ServerResponse, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { dialectError, Failure } from '#kernel/errors.ts';
import type { Clock } from '#kernel/clock.ts';
import type { IdSource } from '#kernel/ids.ts';
import { Presence } from '#model/presence.ts';
import { isReadInOwnTime } from './patience.ts';

interface ListenOptions {
  readonly address: string;
  readonly port: number;
  readonly maxHeaderBytes: number;
  /** From the first byte of a request until its headers are complete, ms. */
  readonly headersTimeoutMs: number;
  /** From the first byte of a request until its body is complete, ms. */
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
}

export interface DataPlaneOptions {
  readonly listen: ListenOptions;
  readonly clock: Clock;
  readonly ids: IdSource;
  /** Resolves when the request is over for the gateway, which may be after its client has gone. Never rejects. */
  handle(request: IncomingMessage, response: ServerResponse, presence: Presence): Promise<void>;
  /** Answers while draining: on a connection kept alive from before. */
  refuse(response: ServerResponse, failure: Failure): void;
  /** Why requests are not served now; undefined when they are. */
  unready(): string | undefined;
}

export interface DataPlane {
  readonly address: AddressInfo;
  /** Requests being answered now. */
  inFlight(): number;
  /**
   * Stops accepting, lets what is in flight finish and closes every connection. What is still running after `limitMs` is
   * cut. Resolves when all is closed.
   */
  drain(limitMs: number): Promise<void>;
}

/** How the HTTP parser's refusals are told; everything else is `malformed_request`. */
const parserFailures: ReadonlyMap<string, () => Failure> = new Map([
  ['HPE_HEADER_OVERFLOW', () => new Failure('headers_too_large', 'The request line and headers are too large.')],
  [
    'ERR_HTTP_REQUEST_TIMEOUT',
    () => new Failure('request_timeout', 'The request was not received completely in time.'),
  ],
]);

/** The answer that is due on a connection. Node's own handler of its errors looks at the same. */
function answerOn(socket: Duplex): ServerResponse | undefined {
  const answer: unknown = Reflect.get(socket, '_httpMessage');
  return answer instanceof ServerResponse ? answer : undefined;
}

/** Bytes of ours would land inside the answer to an earlier request. */
const hasBegunToAnswer = (socket: Duplex): boolean => answerOn(socket)?.headersSent === true;

/** Node tells it once of a request, and lets it go on where nobody ends it. */
function isOfPatientReader(code: string | undefined, socket: Duplex): boolean {
  if (code !== 'ERR_HTTP_REQUEST_TIMEOUT') return false;
  const answer = answerOn(socket);
  return answer !== undefined && isReadInOwnTime(answer.req);
}

/** Answers what is no request: there is no response object yet, so the bytes are written here. */
function refuseConnection(
  socket: Duplex,
  options: { readonly code: string | undefined; readonly requestId: string },
): void {
  if (socket.destroyed || !socket.writable || hasBegunToAnswer(socket)) {
    socket.destroy();
    return;
  }
  const failure =
    parserFailures.get(options.code ?? '')?.() ??
    new Failure('malformed_request', 'The request is not well-formed HTTP.');
  const body = JSON.stringify(dialectError(failure, options.requestId));
  const head = [
    `HTTP/1.1 ${failure.status} Refused`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${options.requestId}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  socket.once('finish', () => socket.destroy());
}

function answerProbe(response: ServerResponse, why: string | undefined): void {
  const body = Buffer.from(JSON.stringify(why === undefined ? { status: 'ok' } : { status: 'unready', why }));
  response.writeHead(why === undefined ? 200 : 503, [
    'content-type',
    'application/json',
    'content-length',
    String(body.length),
    'cache-control',
    'no-store',
  ]);
  response.end(body);
}

/** How long a drain waits for the records of what it has cut, ms: loading an encoding and counting with it takes one. */
const longestRecordingMs = 3_000;

/** Counts what is being answered, so that a drain can wait for it. */
class InFlight {
  draining = false;
  private count = 0;
  private idle: (() => void) | undefined;

  get now(): number {
    return this.count;
  }

  begin(): void {
    this.count += 1;
  }

  end(): void {
    this.count -= 1;
    if (this.count === 0) this.idle?.();
  }

  untilIdle(): Promise<void> {
    return this.count === 0
      ? Promise.resolve()
      : new Promise((resolve) => {
          this.idle = resolve;
        });
  }
}

function createDataPlaneServer(options: DataPlaneOptions, inFlight: InFlight): Server {
  const { listen } = options;
  const server = createServer(
    {
      noDelay: true,
      keepAlive: true,
      insecureHTTPParser: false,
      maxHeaderSize: listen.maxHeaderBytes,
      headersTimeout: listen.headersTimeoutMs,
      requestTimeout: listen.requestTimeoutMs,
      keepAliveTimeout: listen.keepAliveTimeoutMs,
      connectionsCheckingInterval: Math.max(250, Math.min(5_000, listen.headersTimeoutMs / 2)),
    },
    (request, response) => {
      if (request.url === '/healthz') {
        answerProbe(response, undefined);
        return;
      }
      if (request.url === '/readyz') {
        answerProbe(response, options.unready());
        return;
      }
      if (inFlight.draining) {
        options.refuse(response, new Failure('shutting_down', 'This gateway is going down.'));
        return;
      }
      inFlight.begin();
      // Over when both are: the last byte handed to the system, and the attempt settled (a drained one outlives its client).
      let open = 2;
      const part = (): void => {
        open -= 1;
        if (open === 0) inFlight.end();
      };
      const presence = new Presence();
      response.on('close', () => {
        presence.leave();
        part();
      });
      void options.handle(request, response, presence).then(part);
    },
  );
  server.on('clientError', (error: Error & { code?: string }, socket) => {
    if (isOfPatientReader(error.code, socket)) return;
    refuseConnection(socket, { code: error.code, requestId: options.ids(options.clock.now()) });
  });
  return server;
}

function boundAddress(server: Server): AddressInfo {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The data plane is not listening on a port.');
  return address;
}

/** Listens on the data plane. Rejects where the port cannot be had. */
export async function listenDataPlane(options: DataPlaneOptions): Promise<DataPlane> {
  const inFlight = new InFlight();
  const server = createDataPlaneServer(options, inFlight);
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: options.listen.address, port: options.listen.port, backlog: 4096 }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return {
    address: boundAddress(server),
    inFlight: () => inFlight.now,
    async drain(limitMs) {
      inFlight.draining = true;
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      server.closeIdleConnections();
      const limit = new Promise<void>((resolve) => {
        options.clock.after(limitMs, resolve);
      });
      await Promise.race([inFlight.untilIdle(), limit]);
      for (const socket of sockets) socket.destroy();
      await closed;
      // What was cut is counted and recorded now; who closes the upstreams next would make it unknown.
      const recorded = new Promise<void>((resolve) => {
        options.clock.after(longestRecordingMs, resolve);
      });
      await Promise.race([inFlight.untilIdle(), recorded]);
    },
  };
}
