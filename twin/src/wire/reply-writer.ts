import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { constants, createGzip, type Gzip } from 'node:zlib';
import type { FaultSet } from '#faults/faults.ts';
import type { Holds } from '#faults/holds.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Caller } from './caller.ts';
import type { SlowReaders } from './slow-readers.ts';

export interface ReplyWriterParts {
  readonly response: ServerResponse;
  readonly caller: Caller;
  readonly clock: Clock;
  readonly faults: FaultSet;
  readonly holds: Holds;
  readonly slowReaders: SlowReaders;
  readonly attempt: string;
  /** Called right before a fault breaks the connection. */
  readonly beforeCut: () => void;
}

/**
 * Sends one reply, waiting whenever the socket is full, and does to its bytes what the faults say.
 * Nothing is sent any more once `over` is true: the caller has gone, or a fault has cut the connection.
 */
export class ReplyWriter {
  private readonly parts: ReplyWriterParts;
  private readonly pieceSizes: readonly number[] | undefined;
  private readonly gzip: Gzip | undefined;
  /** Bytes of the body until a fault cuts or stalls the reply. */
  private untilCut: number;
  private untilStall: number;
  private pieces = 0;
  private cutOff = false;

  constructor(parts: ReplyWriterParts) {
    this.parts = parts;
    this.pieceSizes = parts.faults.get('split')?.sizes;
    this.gzip = parts.faults.has('gzip') ? createGzip() : undefined;
    this.gzip?.once('error', () => parts.response.destroy());
    this.untilCut = parts.faults.get('reset')?.afterBytes ?? Infinity;
    this.untilStall = parts.faults.get('stall')?.afterBytes ?? Infinity;
  }

  get over(): boolean {
    return this.cutOff || this.parts.caller.gone;
  }

  /** The headers; with the faults that come before the first byte of the body. */
  async begin(status: number, headers: OutgoingHttpHeaders): Promise<void> {
    const { response, faults, caller, holds, attempt } = this.parts;
    const slow = faults.get('slow-first-byte');
    if (slow?.after === 'nothing') await caller.held({ holds, attempt, ms: slow.ms });
    const reset = faults.get('reset');
    if (reset !== undefined && reset.afterBytes === undefined) return this.cut();
    if (this.over) return;
    response.writeHead(status, this.gzip === undefined ? headers : withoutLength(headers));
    if (slow?.after === 'headers') {
      response.flushHeaders();
      await caller.held({ holds, attempt, ms: slow.ms });
    }
  }

  async write(text: string): Promise<void> {
    if (this.over) return;
    if (this.plain) {
      if (!this.parts.response.write(text)) await this.drained();
      return;
    }
    await this.send(await this.encode(text, false));
  }

  /** The last of the body. `last` is called right before the last byte goes out, and not at all if that never does. */
  async end(text: string, last: () => void): Promise<void> {
    if (this.over) return;
    if (this.plain) {
      last();
      this.parts.response.end(text);
      return;
    }
    const bytes = await this.encode(text, true);
    await this.send(bytes.subarray(0, -1));
    if (this.untilCut <= 0 || this.untilStall <= 0) await this.meetFault();
    if (this.over) return;
    last();
    this.parts.response.end(bytes.subarray(-1));
  }

  private async drained(): Promise<void> {
    await this.parts.slowReaders.during(this.parts.caller.drained());
  }

  private get plain(): boolean {
    return (
      this.pieceSizes === undefined &&
      this.gzip === undefined &&
      this.untilCut === Infinity &&
      this.untilStall === Infinity
    );
  }

  private encode(text: string, final: boolean): Promise<Buffer> {
    const { gzip } = this;
    if (gzip === undefined) return Promise.resolve(Buffer.from(text));
    return new Promise((resolve) => {
      const out: Buffer[] = [];
      const collect = (bytes: Buffer): void => {
        out.push(bytes);
      };
      const done = (): void => {
        gzip.off('data', collect);
        resolve(Buffer.concat(out));
      };
      gzip.on('data', collect);
      gzip.write(text);
      if (final) gzip.end().once('end', done);
      else gzip.flush(constants.Z_SYNC_FLUSH, done);
    });
  }

  /** Sends bytes in the pieces that the faults ask for, up to where they cut or stall. */
  private async send(given: Buffer): Promise<void> {
    let bytes = given;
    while (bytes.length > 0 && !this.over) {
      const size = Math.min(bytes.length, this.untilCut, this.untilStall, this.nextPiece());
      if (size > 0) {
        const piece = bytes.subarray(0, size);
        bytes = bytes.subarray(size);
        this.untilCut -= size;
        this.untilStall -= size;
        if (!this.parts.response.write(piece)) await this.drained();
        if (this.pieceSizes !== undefined) await this.parts.clock.turn();
      }
      if (this.untilCut <= 0 || this.untilStall <= 0) await this.meetFault();
    }
  }

  private nextPiece(): number {
    if (this.pieceSizes === undefined) return Infinity;
    const size = this.pieceSizes[this.pieces % this.pieceSizes.length] ?? Infinity;
    this.pieces += 1;
    return size;
  }

  private async meetFault(): Promise<void> {
    const { faults, caller, holds, attempt, response } = this.parts;
    if (this.untilStall <= 0) {
      this.untilStall = Infinity;
      response.flushHeaders();
      await caller.held({ holds, attempt, ms: faults.get('stall')?.ms });
    }
    if (this.untilCut <= 0) await this.cut();
  }

  /** Breaks the connection after what was written has been handed to the operating system. */
  private async cut(): Promise<void> {
    const { response, faults, caller, clock, beforeCut } = this.parts;
    this.cutOff = true;
    const { socket } = response;
    if (socket === null) return;
    if (response.headersSent) {
      response.flushHeaders();
      do await clock.turn();
      while (socket.writableLength > 0 && !caller.gone);
    }
    beforeCut();
    if ((faults.get('reset')?.how ?? (response.headersSent ? 'close' : 'reset')) === 'close') socket.destroy();
    else socket.resetAndDestroy();
  }
}

function withoutLength(headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
  const { 'content-length': _length, ...rest } = headers;
  return { ...rest, 'content-encoding': 'gzip' };
}
