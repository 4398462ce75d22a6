import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import type { UpstreamConnections } from './connections.ts';
import { decoderFor, type Decoder } from './decode.ts';
import { PassingBody } from './passing-body.ts';
import type { ReplySink } from './reply-sink.ts';
import type { UpstreamRequest } from './request.ts';

/** Why no reply came. `written` is false only where certainly nothing reached the upstream. */
export class NoReply extends Error {
  override readonly name = 'NoReply';
  readonly written: boolean;

  constructor(written: boolean, cause: Error) {
    super(cause.message, { cause });
    this.written = written;
  }
}

/** A reply whose head and first body bytes (or end) have arrived. */
export interface UpstreamReply {
  readonly status: number;
  /** Lower-case names; a header that stands several times is joined with `, `. */
  readonly headers: Readonly<Record<string, string>>;
  /** Hands over what has arrived and everything that will. Call once. */
  start(sink: ReplySink): void;
  pause(): void;
  resume(): void;
  /** Closes the connection: the upstream stops generating. Nothing is called afterwards. */
  abort(): void;
}

/** Something of an upstream that can be given up. */
export interface UnderWay {
  /** Gives up, whatever has happened so far. */
  abort(reason: Error): void;
}

export interface Sending extends UnderWay {
  /**
   * Resolves with the first byte of the body, not with the head alone: until then the attempt can be made elsewhere.
   * Rejects with NoReply.
   */
  readonly reply: Promise<UpstreamReply>;
}

function singleValued(headers: IncomingHttpHeaders): Record<string, string> {
  const single: Record<string, string> = {};
  for (const name in headers) {
    const value = headers[name];
    if (typeof value === 'string') single[name] = value;
    else if (Array.isArray(value)) single[name] = value.join(', ');
  }
  return single;
}

/** One exchange with an upstream, from dispatch to the end of its body. */
class Exchange implements Dispatcher.DispatchHandler, UpstreamReply, Sending {
  status = 0;
  headers: Readonly<Record<string, string>> = {};
  readonly reply: Promise<UpstreamReply>;
  private settleReply:
    | { readonly resolve: (reply: UpstreamReply) => void; readonly reject: (error: NoReply) => void }
    | undefined;
  private controller: Dispatcher.DispatchController | undefined;
  private decoder: Decoder | undefined;
  private sink: ReplySink | undefined;
  private waiting: Buffer[] = [];
  private ended = false;
  private failure: Error | undefined;
  private abortReason: Error | undefined;
  private silent = false;

  constructor() {
    this.reply = new Promise((resolve, reject) => {
      this.settleReply = { resolve, reject };
    });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.abortReason !== undefined) controller.abort(this.abortReason);
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return;
    this.status = status;
    this.headers = singleValued(headers);
    const encoding = this.headers['content-encoding'];
    if (encoding === undefined) return;
    this.decoder = decoderFor(encoding, {
      data: (chunk) => this.arrived(chunk),
      end: () => this.finished(),
      error: (error) => {
        this.broke(error);
        // The connection itself is well, and would go on to bring what nobody can read.
        this.controller?.abort(error);
      },
    });
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.decoder === undefined) this.arrived(chunk);
    else this.decoder.write(chunk);
  }

  onResponseEnd(): void {
    if (this.decoder === undefined) this.finished();
    else this.decoder.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.broke(error);
  }

  private resolveReply(): void {
    this.settleReply?.resolve(this);
    this.settleReply = undefined;
  }

  private arrived(chunk: Buffer): void {
    if (this.silent) return;
    if (this.sink !== undefined) this.sink.data(chunk);
    else this.waiting.push(chunk);
    this.resolveReply();
  }

  private finished(): void {
    if (this.silent || this.ended) return;
    this.ended = true;
    this.sink?.end();
    this.resolveReply();
  }

  private broke(error: Error): void {
    if (this.settleReply !== undefined) {
      this.settleReply.reject(new NoReply(this.controller !== undefined, error));
      this.settleReply = undefined;
      this.silent = true;
      return;
    }
    if (this.silent || this.ended) return;
    this.failure = error;
    this.silent = true;
    this.sink?.error(error);
  }

  start(sink: ReplySink): void {
    this.sink = sink;
    const { waiting } = this;
    this.waiting = [];
    for (const chunk of waiting) sink.data(chunk);
    if (this.failure !== undefined) sink.error(this.failure);
    else if (this.ended) sink.end();
  }

  pause(): void {
    this.controller?.pause();
  }

  resume(): void {
    this.controller?.resume();
  }

  abort(reason: Error = new Error('given up')): void {
    if (this.settleReply === undefined) this.silent = true;
    this.abortReason = reason;
    if (this.controller === undefined) this.broke(reason);
    else if (!this.ended) this.controller.abort(reason);
  }
}

/** Step 5 of a request: sends it and waits for the first byte of the answer. */
export function send(connections: UpstreamConnections, request: UpstreamRequest): Sending {
  const exchange = new Exchange();
  const { origin, path, method, body: bytes, arriving } = request;
  const large = bytes.length > PassingBody.pieceBytes;
  const headers = large ? [...request.headers, 'content-length', String(bytes.length)] : [...request.headers];
  const whole = bytes.length === 0 ? null : bytes;
  connections
    .to(origin)
    .dispatch({ origin, path, method, headers, body: arriving ?? (large ? new PassingBody(bytes) : whole) }, exchange);
  return exchange;
}
