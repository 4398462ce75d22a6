import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { MessageParser } from '#http1/message-parser.ts';
import { readStreamMarker } from './pacer.ts';
import type { Pacer } from './pacer.ts';
import { prepareReplies } from './replies.ts';
import type { PreparedReply, ReplyUsage } from './replies.ts';

/** What the upstream has told its callers: the truth that a ledger is compared with. */
export interface UpstreamCount extends ReplyUsage {
  /** Requests answered with 2xx. */
  readonly requests: number;
  /** Those whose reply said what it used: the token sums are over these. */
  readonly reported: number;
  /** Streams whose caller went away before the end. */
  readonly brokenOff: number;
}

/**
 * A server of fixed replies on bare sockets: as light as can be, so that what is measured is the proxy in front of it.
 * Any POST is answered as a chat completion, or as a Responses reply where the path ends in `/responses`; chat is streamed
 * when the body asks for it, with usage when `stream_options.include_usage` asks for that. `GET /_upstream/usage` answers
 * with the `UpstreamCount`.
 */
export class StaticUpstream {
  readonly server: Server;
  readonly #pacer: Pacer;
  readonly #replies = prepareReplies();
  readonly #sockets = new Set<Socket>();
  #next = 0;
  #count = {
    requests: 0,
    reported: 0,
    brokenOff: 0,
    inputTokens: 0,
    cachedInputTokens: 0,
    outputTokens: 0,
    reasoningTokens: 0,
  };

  constructor(pacer: Pacer) {
    this.#pacer = pacer;
    this.server = createServer({ noDelay: true }, (socket) => this.#serve(socket));
  }

  get count(): UpstreamCount {
    return { ...this.#count };
  }

  /** Stops listening and closes every connection. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    let startLine = '';
    let parts: Buffer[] = [];
    const connection: Connection = { socket, leave: undefined };
    const parser = new MessageParser('request', {
      head: (head) => {
        startLine = head.startLine;
        parts = [];
      },
      body: (part) => parts.push(part),
      end: () => {
        const [only] = parts;
        const body = parts.length === 1 && only !== undefined ? only : Buffer.concat(parts);
        this.#answer(connection, startLine, body);
      },
    });
    socket.on('data', (chunk: Buffer) => {
      try {
        parser.push(chunk);
      } catch {
        socket.end('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
      }
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#sockets.delete(socket);
      connection.leave?.();
    });
  }

  #answer(connection: Connection, startLine: string, body: Buffer): void {
    if (!startLine.startsWith('POST ')) {
      connection.socket.write(this.#answerToGet(startLine));
      return;
    }
    const reply = this.#replies[this.#next % this.#replies.length];
    if (reply === undefined) throw new Error('no replies were prepared');
    this.#next += 1;
    this.#count.requests += 1;
    const wanted = readWishes(body);
    if (wanted.stream) this.#stream({ connection, reply, withUsage: wanted.usage, marker: readStreamMarker(body) });
    else {
      this.#report(reply.usage);
      connection.socket.write(/\/responses[ ?]/.test(startLine) ? reply.wholeResponse : reply.whole);
    }
  }

  #stream(options: StreamOptions): void {
    const { connection, reply, withUsage, marker } = options;
    const { socket } = connection;
    let sent = 0;
    let over = false;
    const sendNext = (): boolean => {
      if (over) return false;
      const event = reply.stream.events[sent];
      sent += 1;
      if (event !== undefined) {
        socket.write(event);
        return true;
      }
      over = true;
      connection.leave = undefined;
      if (withUsage) this.#report(reply.usage);
      socket.write(withUsage ? reply.stream.endWithUsage : reply.stream.endWithoutUsage);
      return false;
    };
    connection.leave = () => {
      over = true;
      connection.leave = undefined;
      this.#count.brokenOff += 1;
      if (marker !== undefined) this.#pacer.end(marker, sendNext);
    };
    if (marker !== undefined) this.#pacer.begin(marker, sendNext);
    if (sendNext() && marker === undefined) this.#runFreely(sendNext);
  }

  /** Without a load generator to pace it: one event a turn of the event loop. */
  #runFreely(sendNext: () => boolean): void {
    setImmediate(() => {
      if (sendNext()) this.#runFreely(sendNext);
    });
  }

  #report(usage: ReplyUsage): void {
    this.#count.reported += 1;
    this.#count.inputTokens += usage.inputTokens;
    this.#count.cachedInputTokens += usage.cachedInputTokens;
    this.#count.outputTokens += usage.outputTokens;
    this.#count.reasoningTokens += usage.reasoningTokens;
  }

  #answerToGet(startLine: string): string {
    const known = startLine.startsWith('GET /_upstream/usage ');
    const body = known ? JSON.stringify(this.count) : '{}';
    const status = known ? '200 OK' : '404 Not Found';
    return `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  }
}

interface Connection {
  readonly socket: Socket;
  /** Set while a stream is being sent: what to do when the caller goes away. */
  leave: (() => void) | undefined;
}

interface StreamOptions {
  readonly connection: Connection;
  readonly reply: PreparedReply;
  readonly withUsage: boolean;
  readonly marker: string | undefined;
}

const streamMember = Buffer.from('"stream"');

interface StreamWishes {
  readonly stream?: unknown;
  readonly stream_options?: { readonly include_usage?: unknown };
}

/** Parses the body only where it can be a streamed call at all: the word does not occur in the others. */
function readWishes(body: Buffer): { stream: boolean; usage: boolean } {
  if (!body.includes(streamMember)) return { stream: false, usage: false };
  const request: StreamWishes = JSON.parse(body.toString());
  return { stream: request.stream === true, usage: request.stream_options?.include_usage === true };
}
