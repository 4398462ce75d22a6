import type { JournalProgress, Position } from './ports.ts';

const cells = { written: 0, settles: 1, openAttempts: 2, shipped: 3, nudged: 4 } as const;
/** Segments are smaller than 8 GiB. */
const offsetBits = 33n;

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
    const value = Atomics.load(this.#cells, cells.written);
    return { segment: Number(value >> offsetBits), offset: Number(BigInt.asUintN(Number(offsetBits), value)) };
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

  /** The journal's side only. The position comes last: who sees it sees the counts that belong to it. */
  publish(written: Position, counts: { readonly settles: number; readonly openAttempts: number }): void {
    Atomics.store(this.#cells, cells.settles, BigInt(counts.settles));
    Atomics.store(this.#cells, cells.openAttempts, BigInt(counts.openAttempts));
    Atomics.store(this.#cells, cells.written, (BigInt(written.segment) << offsetBits) | BigInt(written.offset));
  }

  /** The store's side only. */
  ship(settles: number): void {
    Atomics.store(this.#cells, cells.shipped, BigInt(settles));
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
