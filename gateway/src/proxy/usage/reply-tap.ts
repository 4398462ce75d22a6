import { parseJsonObject, type JsonObject } from '#kernel/json.ts';

import { DeliveredBytes } from './delivered.ts';
import { Findings } from './findings.ts';
import { JsonPruner } from './pruned-json.ts';
import type { ReplyReader } from './readers/reader.ts';
import type { Reading, Tap, TapOptions } from './tap.ts';

/** A reply up to here is kept by reference and parsed as a whole; of a larger one, only what is wanted is kept. */
const smallReplyBytes = 256 * 1024;

/**
 * Meters an unstreamed reply: passes its chunks on as they come, but for the last one, which tells the client that the reply
 * is whole. Memory is bounded by `smallReplyBytes` and `keepBytes` (which share the same buffers) however large the reply is.
 */
export class ReplyTap implements Tap {
  readonly #reader: ReplyReader;
  readonly #findings = new Findings();
  readonly #delivered: DeliveredBytes;
  #last: Buffer | undefined;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #pruner: JsonPruner | undefined;
  #terminal = false;

  constructor(reader: ReplyReader, options: TapOptions) {
    this.#reader = reader;
    this.#delivered = new DeliveredBytes(options);
  }

  get terminal(): boolean {
    return this.#terminal;
  }

  push(chunk: Buffer): Buffer | undefined {
    if (chunk.length === 0) return undefined;
    this.#collect(chunk);
    const previous = this.#last;
    this.#last = chunk;
    if (previous !== undefined) this.#delivered.add(previous);
    return previous;
  }

  end(): void {
    const reply = this.#parse();
    this.#chunks = [];
    this.#pruner = undefined;
    if (reply !== undefined) this.#findings.add(this.#reader.read(reply));
    // The last chunk will be handed out too: where the usage is missing, it is counted with the rest.
    if (this.#findings.usageKnown) this.#delivered.free();
    else if (this.#last !== undefined) this.#delivered.add(this.#last);
    this.#terminal = true;
  }

  held(): Buffer | undefined {
    return this.#last;
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

  #collect(chunk: Buffer): void {
    if (this.#pruner !== undefined) {
      this.#pruner.feed(chunk);
      return;
    }
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes <= smallReplyBytes) return;
    this.#pruner = new JsonPruner(this.#reader.wanted);
    for (const one of this.#chunks) this.#pruner.feed(one);
    this.#chunks = [];
  }

  #parse(): JsonObject | undefined {
    if (this.#pruner !== undefined) return this.#pruner.end();
    const [first] = this.#chunks;
    const whole = first !== undefined && this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks);
    return parseJsonObject(whole.toString('utf8'));
  }
}
