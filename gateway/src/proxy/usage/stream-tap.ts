import { endsWithBlankLine, EventBoundaries, formatEvent, parseEvent } from '#kernel/sse.ts';

import { DeliveredBytes } from './delivered.ts';
import { Findings } from './findings.ts';
import type { EventFinding, StreamReader } from './readers/reader.ts';
import type { Reading, Tap, TapOptions } from './tap.ts';

/** An event that is still arriving is held back up to here; then it passes if its beginning shows that it cannot matter. */
const longPartialEvent = 256 * 1024;
/**
 * And up to here whatever it may be: beyond, it passes unread and its usage is unknown. This bounds the memory of a stream
 * (with `keepBytes`); a terminal event with pictures in Base64 has a few megabytes.
 */
const longestPartialEvent = 64 * 1024 * 1024;
/** How much of an event's beginning is looked at. */
const beginningBytes = 512;
/** Events that are read in search of the model's name: Azure's first one, about the prompt, has an empty name. */
const introductoryEvents = 4;

/**
 * Meters a stream of server-sent events on bytes. Nearly every chunk is whole events without interest and goes on as it
 * came: one search in its text, nothing parsed, nothing copied.
 *
 *   chunk ─► whole events, none interesting ──────────────────────────► client
 *      └───► event by event ─► not interesting ──────────────────────► client
 *                          ├─► read: usage, model, ending ───────────► client (without what it has not asked for)
 *                          ├─► terminal, and everything after it ────► held
 *                          └─► the last one, not whole ──────────────► waits for its blank line
 */
export class StreamTap implements Tap {
  readonly #reader: StreamReader;
  readonly #clientWantsUsage: boolean;
  readonly #findings = new Findings();
  readonly #delivered: DeliveredBytes;
  readonly #boundaries = new EventBoundaries();
  #introductions = introductoryEvents;
  /** The beginning of an event whose end has not arrived. */
  #partial: Buffer[] = [];
  #partialBytes = 0;
  /** The rest of a long event goes on unread. */
  #passing = false;
  #held: Buffer[] | undefined;
  #terminal = false;
  /** An error has been seen: what follows it may still tell the usage. */
  #failing = false;

  constructor(reader: StreamReader, options: TapOptions) {
    this.#reader = reader;
    this.#clientWantsUsage = options.clientWantsUsage;
    this.#delivered = new DeliveredBytes(options);
  }

  get terminal(): boolean {
    return this.#terminal;
  }

  push(chunk: Buffer): Buffer | undefined {
    if (this.#terminal) {
      this.#held?.push(chunk);
      return undefined;
    }
    const startsEvent = this.#partialBytes === 0 && !this.#passing && this.#held === undefined;
    if (startsEvent && endsWithBlankLine(chunk) && !this.#isInteresting(chunk)) {
      this.#delivered.add(chunk);
      return chunk;
    }
    return this.#pushByEvent(chunk);
  }

  end(): void {
    // Clients read a last event without its blank line, if it is whole; so does the tap.
    const rest = this.#takePartial();
    if (rest.length > 0) {
      const sent = this.#meter(rest, 'cut');
      if (sent !== undefined) this.#hold(sent);
    }
    // An error that nothing followed was the end.
    if (this.#failing) this.#terminal = true;
  }

  held(): Buffer | undefined {
    return this.#held === undefined || this.#held.length === 0 ? undefined : Buffer.concat(this.#held);
  }

  reading(): Reading {
    return this.#findings.reading();
  }

  get ownFault(): boolean {
    return this.#findings.ownFault;
  }

  delivered(): readonly Buffer[] {
    return this.#delivered.list();
  }

  #isInteresting(events: Buffer): boolean {
    if (this.#introductions > 0 && !this.#findings.modelKnown) return true;
    return this.#reader.interesting.test(events.toString('latin1'));
  }

  #pushByEvent(chunk: Buffer): Buffer | undefined {
    const output = new Output(chunk);
    let from = 0;
    for (let end = this.#boundaries.next(chunk, from); end !== -1; end = this.#boundaries.next(chunk, from)) {
      if (this.#terminal) break;
      this.#pushEvent(output, from, end);
      from = end;
    }
    if (from < chunk.length) this.#keepRest(output, chunk.subarray(from));
    return output.take();
  }

  /** The event that ends at `end`; what came of it in earlier chunks stands before `from`. */
  #pushEvent(output: Output, from: number, end: number): void {
    if (this.#passing) {
      this.#passing = false;
      output.pass(from, end);
      return;
    }
    const isWhole = this.#partialBytes === 0;
    const arrived = output.chunk.subarray(from, end);
    const event = isWhole ? arrived : Buffer.concat([this.#takePartial(), arrived]);
    const sent = this.#isInteresting(event) ? this.#meter(event, 'whole') : event;
    if (sent === undefined) return;
    if (this.#held !== undefined) {
      this.#hold(sent);
      return;
    }
    this.#delivered.add(sent);
    if (isWhole && sent === event) output.pass(from, end);
    else output.add(sent);
  }

  /** Reads an event; returns what of it goes to the client. */
  #meter(event: Buffer, arrived: 'whole' | 'cut'): Buffer | undefined {
    const parsed = parseEvent(event);
    if (parsed.data !== '') this.#introductions -= 1;
    const finding = this.#reader.read(parsed);
    this.#findings.add(finding);
    if (this.#findings.usageKnown) this.#delivered.free();
    if (finding.role !== undefined) this.#held ??= [];
    if (finding.role === 'error') this.#failing = true;
    if (finding.role === 'terminal' && (arrived === 'whole' || !finding.malformed)) this.#terminal = true;
    return this.#clientWantsUsage ? event : withoutUsage(event, finding);
  }

  #keepRest(output: Output, rest: Buffer): void {
    if (this.#terminal) {
      this.#hold(rest);
      return;
    }
    if (this.#passing) {
      output.add(rest);
      return;
    }
    this.#partial.push(rest);
    this.#partialBytes += rest.length;
    if (this.#partialBytes > longPartialEvent && this.#held === undefined && this.#mayPass()) {
      this.#passing = true;
      output.add(this.#takePartial());
    }
  }

  #mayPass(): boolean {
    if (this.#partialBytes > longestPartialEvent) return true;
    return this.#reader.passable(Buffer.concat(this.#partial, beginningBytes).toString('latin1'));
  }

  #takePartial(): Buffer {
    const [first] = this.#partial;
    const taken = first !== undefined && this.#partial.length === 1 ? first : Buffer.concat(this.#partial);
    this.#partial = [];
    this.#partialBytes = 0;
    return taken;
  }

  #hold(bytes: Buffer): void {
    this.#held ??= [];
    this.#held.push(bytes);
  }
}

function withoutUsage(event: Buffer, finding: EventFinding): Buffer | undefined {
  if (finding.withoutUsage === undefined) return event;
  const replacement = finding.withoutUsage();
  return replacement && formatEvent(replacement);
}

/** What goes on of one chunk: neighbouring pieces of it as one piece, uncopied. */
class Output {
  readonly chunk: Buffer;
  readonly #pieces: Buffer[] = [];
  #from = 0;
  #to = 0;

  constructor(chunk: Buffer) {
    this.chunk = chunk;
  }

  pass(from: number, to: number): void {
    if (from !== this.#to) {
      this.#flush();
      this.#from = from;
    }
    this.#to = to;
  }

  add(piece: Buffer): void {
    this.#flush();
    this.#pieces.push(piece);
  }

  take(): Buffer | undefined {
    this.#flush();
    if (this.#pieces.length > 1) return Buffer.concat(this.#pieces);
    return this.#pieces[0];
  }

  #flush(): void {
    if (this.#to > this.#from) this.#pieces.push(this.chunk.subarray(this.#from, this.#to));
    this.#from = this.#to;
  }
}
