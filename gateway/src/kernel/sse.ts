// Server-sent events as bytes: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const twoLineFeeds = Buffer.from('\n\n');

/** One event of a stream. */
export interface ServerSentEvent {
  /** The `event` field; undefined where the event has none. */
  readonly type: string | undefined;
  /** The `data` fields, joined by line feeds; empty where the event has none (a comment, a lone blank line). */
  readonly data: string;
}

/** True where a chunk ends with a blank line, in any of the spellings `\n\n`, `\r\n\r\n`, `\r\r` and their mixtures. */
export function endsWithBlankLine(chunk: Buffer): boolean {
  const length = chunk.length;
  const last = chunk[length - 1];
  const before = chunk[length - 2];
  if (last === lineFeed) {
    if (before === lineFeed) return true;
    if (before !== carriageReturn) return false;
    const third = chunk[length - 3];
    return third === lineFeed || third === carriageReturn;
  }
  return last === carriageReturn && (before === lineFeed || before === carriageReturn);
}

type LineState = 'line-start' | 'in-line' | 'after-carriage-return';

/**
 * Finds the ends of events over any number of chunks, on bytes: none of the bytes looked for occurs inside a UTF-8
 * character, so no character is ever cut by what is found.
 */
export class EventBoundaries {
  #state: LineState = 'line-start';
  #inspected: Buffer | undefined;
  #hasCarriageReturns = false;

  /**
   * Returns the index just after the blank line that ends the event which `from` is in, or -1 where the event goes on in
   * the next chunk. Each byte must be shown once and in order; chunks made of whole events may be left out between events.
   * A `\r\n` whose line feed only comes with the next chunk leaves that line feed to be an event of its own, of one byte:
   * harmless, a blank line more.
   */
  next(chunk: Buffer, from: number): number {
    if (from >= chunk.length) return -1;
    if (chunk !== this.#inspected) {
      this.#inspected = chunk;
      this.#hasCarriageReturns = chunk.includes(carriageReturn);
    }
    const simple = !this.#hasCarriageReturns && this.#state !== 'after-carriage-return';
    return simple ? this.#nextByLineFeeds(chunk, from) : this.#nextByBytes(chunk, from);
  }

  #nextByLineFeeds(chunk: Buffer, from: number): number {
    if (this.#state === 'line-start' && chunk[from] === lineFeed) return from + 1;
    const found = chunk.indexOf(twoLineFeeds, from);
    this.#state = found !== -1 || chunk[chunk.length - 1] === lineFeed ? 'line-start' : 'in-line';
    return found === -1 ? -1 : found + 2;
  }

  #nextByBytes(chunk: Buffer, from: number): number {
    for (let index = from; index < chunk.length; index++) {
      const byte = chunk[index];
      if (byte === lineFeed) {
        if (this.#state === 'line-start') return index + 1;
        this.#state = 'line-start';
      } else if (byte === carriageReturn) {
        if (this.#state !== 'in-line') {
          this.#state = 'line-start';
          return chunk[index + 1] === lineFeed ? index + 2 : index + 1;
        }
        this.#state = 'after-carriage-return';
      } else {
        this.#state = 'in-line';
      }
    }
    return -1;
  }
}

/** Reads the fields of one event, with or without its blank line. */
export function parseEvent(event: Buffer): ServerSentEvent {
  const text = event.toString('utf8');
  let type: string | undefined;
  let data: string | undefined;
  for (const line of text.split(/\r\n|\n|\r/u)) {
    const name = fieldName(line);
    if (name === 'data') data = data === undefined ? fieldValue(line) : `${data}\n${fieldValue(line)}`;
    else if (name === 'event') type = fieldValue(line);
  }
  return { type, data: data ?? '' };
}

/** Writes an event as OpenAI does: `event` only where there is one, the data on one line. */
export function formatEvent(event: ServerSentEvent): Buffer {
  const type = event.type === undefined ? '' : `event: ${event.type}\n`;
  return Buffer.from(`${type}data: ${event.data}\n\n`);
}

function fieldName(line: string): string {
  const colon = line.indexOf(':');
  const name = colon === -1 ? line : line.slice(0, colon);
  // A byte order mark may stand before the first field of a stream.
  return name.startsWith('\uFEFF') ? name.slice(1) : name;
}

function fieldValue(line: string): string {
  const colon = line.indexOf(':');
  if (colon === -1) return '';
  return line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
}
