import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { MessageParser } from '#http1/message-parser.ts';

/** What one request came to. */
export type Ending =
  | { readonly kind: 'received'; readonly status: number }
  | { readonly kind: 'refused'; readonly status: number }
  | { readonly kind: 'broken-off' }
  | { readonly kind: 'failed'; readonly why: string };

export interface PreparedRequest {
  /** Head and body. */
  readonly bytes: Buffer;
  /** The last event of a stream holds it; null for a reply that is whole when its body is. */
  readonly terminal: Buffer | null;
  readonly breakOffAfterEvents: number | null;
}

export interface ExchangeHandler {
  firstByte(): void;
  /** Events that a piece of the body ended; called for streams only. */
  events(count: number): void;
  /** Once per request. The next one may be sent from within. */
  ended(ending: Ending): void;
}

/** Shared by all connections: libuv fills it and the callback has read it before the next read begins. */
const readBuffer = Buffer.allocUnsafeSlow(65_536);
const noBytes: Buffer = Buffer.alloc(0);
const eventEnd = Buffer.from('\n\n');

/**
 * One keep-alive connection with one request in flight. Reconnects by itself where the server closed. Light, not general:
 * requests are prepared bytes, bodies are looked at and dropped.
 */
export class ClientConnection {
  readonly #port: number;
  readonly #handler: ExchangeHandler;
  #socket: Socket | undefined;
  #parser: MessageParser;
  #request: PreparedRequest | undefined;
  #exchange = 0;
  #status = 0;
  #closeAfter = false;
  #sawFirstByte = false;
  #events = 0;
  /** The last bytes of the body so far: an event's end, or the terminal text, may be cut. */
  #tail = noBytes;
  #sawTerminal = false;

  constructor(port: number, handler: ExchangeHandler) {
    this.#port = port;
    this.#handler = handler;
    this.#parser = this.#newParser();
  }

  send(request: PreparedRequest): void {
    this.#request = request;
    this.#exchange += 1;
    this.#sawFirstByte = false;
    this.#sawTerminal = false;
    this.#events = 0;
    this.#tail = noBytes;
    this.#socket ??= this.#connect();
    this.#socket.write(request.bytes);
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  #connect(): Socket {
    this.#parser = this.#newParser();
    const socket = connect({
      port: this.#port,
      host: '127.0.0.1',
      noDelay: true,
      onread: {
        buffer: readBuffer,
        callback: (bytes, buffer) => {
          this.#read(socket, Buffer.from(buffer.buffer, buffer.byteOffset, bytes));
          return true;
        },
      },
    });
    let why = 'the server closed the connection before the reply was whole';
    socket.on('error', (error: NodeJS.ErrnoException) => (why = error.code ?? error.message));
    socket.on('end', () => socket.destroy());
    socket.on('close', () => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      const exchange = this.#exchange;
      this.#parser.closed();
      // A reply that runs until the close has ended its request just now, and another one may have begun.
      if (this.#request !== undefined && this.#exchange === exchange) this.#end({ kind: 'failed', why });
    });
    return socket;
  }

  #read(socket: Socket, bytes: Buffer): void {
    if (this.#socket !== socket) return; // broken off, with bytes still to come
    try {
      this.#parser.push(bytes);
    } catch (error) {
      this.close();
      this.#end({ kind: 'failed', why: `malformed reply: ${String(error)}` });
    }
  }

  #newParser(): MessageParser {
    // Bytes behind a reply that was broken off may still go through the old connection's parser: not ours any more.
    const parser: MessageParser = new MessageParser('reply', {
      head: (head) => {
        if (this.#parser !== parser) return;
        this.#status = Number(head.startLine.slice(9, 12));
        this.#closeAfter = /\r\nconnection: *close/i.test(head.text);
      },
      body: (part) => {
        if (this.#parser === parser) this.#readBody(part);
      },
      end: () => {
        if (this.#parser === parser) this.#finish();
      },
    });
    return parser;
  }

  #readBody(part: Buffer): void {
    const request = this.#request;
    if (request === undefined) return; // the rest of a reply that was broken off
    if (!this.#sawFirstByte) {
      this.#sawFirstByte = true;
      this.#handler.firstByte();
    }
    if (request.terminal === null || this.#status >= 300) return;
    this.#readStream(part, request, request.terminal);
  }

  #readStream(part: Buffer, request: PreparedRequest, terminal: Buffer): void {
    const text = this.#tail.length === 0 ? part : Buffer.concat([this.#tail, part]);
    let count = 0;
    let at = text.indexOf(eventEnd);
    while (at >= 0) {
      count += 1;
      const next = text.indexOf(eventEnd, at + 2);
      if (next < 0) break;
      at = next;
    }
    const rest = count === 0 ? 0 : at + 2;
    // What comes after the last whole event is kept; usually that is nothing.
    this.#tail = rest === text.length ? noBytes : Buffer.from(text.subarray(rest));
    if (count === 0) return;
    if (!this.#sawTerminal && text.includes(terminal)) this.#sawTerminal = true;
    this.#events += count;
    this.#handler.events(count);
    if (request.breakOffAfterEvents !== null && this.#events >= request.breakOffAfterEvents) {
      this.close();
      this.#end({ kind: 'broken-off' });
    }
  }

  #finish(): void {
    const request = this.#request;
    if (request === undefined) return;
    if (this.#closeAfter) this.close();
    if (this.#status >= 300) this.#end({ kind: 'refused', status: this.#status });
    else if (request.terminal !== null && !this.#sawTerminal) {
      this.#end({ kind: 'failed', why: 'a stream ended without its terminal event' });
    } else this.#end({ kind: 'received', status: this.#status });
  }

  #end(ending: Ending): void {
    this.#request = undefined;
    this.#handler.ended(ending);
  }
}
