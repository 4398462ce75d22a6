/** What the first lines of a message said, as far as the benchmark needs to know. */
interface MessageHead {
  /** `POST /path HTTP/1.1` of a request, `HTTP/1.1 200 OK` of a reply. */
  readonly startLine: string;
  /** Start line and header lines, without the blank line that ends them. */
  readonly text: string;
  readonly framing: Framing;
}

export type Framing =
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'until-close' };

/**
 * Called during `push`. A body part is a view into the pushed chunk: valid until the callback returns, because the caller
 * may read the next bytes into the same memory.
 */
export interface MessageHandler {
  head(head: MessageHead): void;
  body(part: Buffer): void;
  end(): void;
}

const blankLine = Buffer.from('\r\n\r\n', 'latin1');
const carriageReturn = 13;
const lineFeed = 10;

type State = 'head' | 'length' | 'chunk-size' | 'chunk-data' | 'chunk-end' | 'trailer' | 'until-close';

/**
 * Reads HTTP/1.1 messages one after the other from bytes that are cut anywhere. Only what the benchmark's own peers send:
 * no upgrades, no 1xx replies, no replies to HEAD. Anything malformed throws.
 */
export class MessageParser {
  readonly #handler: MessageHandler;
  /** How a message without length and without chunking is read: a request has no body, a reply runs until the close. */
  readonly #unframed: Framing;
  #state: State = 'head';
  #pendingHead: Buffer | undefined;
  #remaining = 0;
  #line = '';

  constructor(kind: 'request' | 'reply', handler: MessageHandler) {
    this.#handler = handler;
    this.#unframed = kind === 'request' ? { kind: 'length', bytes: 0 } : { kind: 'until-close' };
  }

  /** True between messages: nothing of the next one has arrived. */
  get idle(): boolean {
    return this.#state === 'head' && this.#pendingHead === undefined;
  }

  /** The peer closed. Ends a message that runs until the close; false where a message was cut off. */
  closed(): boolean {
    if (this.#state === 'until-close') this.#finish();
    return this.idle;
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#state === 'head') at = this.#readHead(chunk, at);
      else if (this.#state === 'chunk-size' || this.#state === 'trailer' || this.#state === 'chunk-end') {
        at = this.#readLine(chunk, at);
      } else at = this.#readBody(chunk, at);
    }
  }

  #readHead(chunk: Buffer, from: number): number {
    const before = this.#pendingHead?.length ?? 0;
    const rest = from === 0 ? chunk : chunk.subarray(from);
    const bytes = this.#pendingHead === undefined ? rest : Buffer.concat([this.#pendingHead, rest]);
    const end = bytes.indexOf(blankLine);
    if (end < 0) {
      if (bytes.length > 65_536) throw new Error('a head of more than 64 KiB');
      this.#pendingHead = before === 0 ? Buffer.from(bytes) : bytes;
      return chunk.length;
    }
    this.#pendingHead = undefined;
    const text = bytes.toString('latin1', 0, end);
    const framing = framingOf(text) ?? this.#unframed;
    this.#handler.head({ startLine: text.slice(0, startLineEnd(text)), text, framing });
    this.#enter(framing);
    return from + end + blankLine.length - before;
  }

  #enter(framing: Framing): void {
    if (framing.kind === 'chunked') this.#state = 'chunk-size';
    else if (framing.kind === 'until-close') this.#state = 'until-close';
    else if (framing.bytes === 0) this.#finish();
    else {
      this.#remaining = framing.bytes;
      this.#state = 'length';
    }
  }

  #readBody(chunk: Buffer, from: number): number {
    if (this.#state === 'until-close') {
      this.#handler.body(chunk.subarray(from));
      return chunk.length;
    }
    const to = Math.min(chunk.length, from + this.#remaining);
    this.#remaining -= to - from;
    this.#handler.body(chunk.subarray(from, to));
    if (this.#remaining === 0) {
      if (this.#state === 'length') this.#finish();
      else this.#state = 'chunk-end';
    }
    return to;
  }

  /** Reads to the end of a short line (a chunk's size, the line end behind a chunk, a trailer) and acts on it. */
  #readLine(chunk: Buffer, from: number): number {
    let at = from;
    while (at < chunk.length) {
      const byte = chunk[at] ?? 0;
      at += 1;
      if (byte === lineFeed) {
        const line = this.#line;
        this.#line = '';
        this.#actOn(line);
        return at;
      }
      if (byte !== carriageReturn) this.#line += String.fromCharCode(byte);
      if (this.#line.length > 8_192) throw new Error('a line of more than 8 KiB in a chunked body');
    }
    return at;
  }

  #actOn(line: string): void {
    if (this.#state === 'chunk-end') {
      if (line !== '') throw new Error('a chunk is longer than its size says');
      this.#state = 'chunk-size';
    } else if (this.#state === 'trailer') {
      if (line === '') this.#finish();
    } else {
      if (!/^[0-9a-f]+ *(?:;|$)/i.test(line)) throw new Error('a chunk without a size');
      this.#remaining = Number.parseInt(line, 16);
      this.#state = this.#remaining === 0 ? 'trailer' : 'chunk-data';
    }
  }

  #finish(): void {
    this.#state = 'head';
    this.#handler.end();
  }
}

function startLineEnd(text: string): number {
  const end = text.indexOf('\r\n');
  return end < 0 ? text.length : end;
}

function framingOf(text: string): Framing | undefined {
  if (/\r\ntransfer-encoding:[^\r]*chunked/i.test(text)) return { kind: 'chunked' };
  const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1];
  return length === undefined ? undefined : { kind: 'length', bytes: Number(length) };
}
