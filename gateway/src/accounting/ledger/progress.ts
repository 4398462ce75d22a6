import type { JournalProgress, Position } from './ports.ts';

const cells = { written: 0, lowWater: 1, settles: 2, openAttempts: 3, shipped: 4, nudged: 5, shippedTo: 6 } as const;
/** Segments are smaller than 8 GiB. */
const offsetBits = 33n;

function pack(position: Position): bigint {
  return (BigInt(position.segment) << offsetBits) | BigInt(position.offset);
}

function unpack(value: bigint): Position {
  return { segment: Number(value >> offsetBits), offset: Number(BigInt.asUintN(Number(offsetBits), value)) };
}

export interface PublishedState {
  readonly written: Position;
  readonly lowWater: Position;
  readonly settles: number;
  readonly openAttempts: number;
}

/**
 * What journal and store know of each other, in memory that both threads see: the request path tells how far it has
 * got with a few stores, and nobody sends a message to ask.
 */
export class SharedProgress implements JournalProgress {
  /** Given to the other thread, which makes its own SharedProgress of it. */
  readonly buffer: SharedArrayBuffer;
  readonly #cells: BigInt64Array;

  constructor(buffer = new SharedArrayBuffer(Object.keys(cells).length * 8)) {
    this.buffer = buffer;
    this.#cells = new BigInt64Array(buffer);
  }

  written(): Position {
    return unpack(Atomics.load(this.#cells, cells.written));
  }

  lowWater(): Position {
    return unpack(Atomics.load(this.#cells, cells.lowWater));
  }

  settles(): number {
    return Number(Atomics.load(this.#cells, cells.settles));
  }

  openAttempts(): number {
    return Number(Atomics.load(this.#cells, cells.openAttempts));
  }

  shipped(): number {
    return Number(Atomics.load(this.#cells, cells.shipped));
  }

  /** Everything before it stands in the store; segment 0 as long as the store's side has not begun. */
  shippedTo(): Position {
    return unpack(Atomics.load(this.#cells, cells.shippedTo));
  }

  /** The journal's side only. The position comes last: who sees it sees the counts that belong to it. */
  publish(state: PublishedState): void {
    Atomics.store(this.#cells, cells.settles, BigInt(state.settles));
    Atomics.store(this.#cells, cells.openAttempts, BigInt(state.openAttempts));
    Atomics.store(this.#cells, cells.lowWater, pack(state.lowWater));
    Atomics.store(this.#cells, cells.written, pack(state.written));
  }

  /** The store's side only. */
  ship(settles: number, to: Position): void {
    Atomics.store(this.#cells, cells.shipped, BigInt(settles));
    Atomics.store(this.#cells, cells.shippedTo, pack(to));
  }

  /** True where the store's side has to be told: it has not been since it last began to look. */
  nudge(): boolean {
    return Atomics.exchange(this.#cells, cells.nudged, 1n) === 0n;
  }

  /** The store's side begins to look: what is written from now on is worth a nudge again. */
  look(): void {
    Atomics.store(this.#cells, cells.nudged, 0n);
  }
}
