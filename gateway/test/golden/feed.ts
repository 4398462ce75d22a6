import { createTap } from '#proxy/usage/create-tap.ts';
import type { Reading } from '#proxy/usage/tap.ts';

import type { RecordedReply } from './recordings.ts';

export interface Fed {
  readonly reading: Reading;
  /** What went to the client before the settle, and what waited for it. */
  readonly forwarded: Buffer;
  readonly held: Buffer;
  readonly terminal: boolean;
}

export interface Feeding {
  readonly clientWantsUsage: boolean;
  /** Sizes of the chunks in turn, from the beginning again when used up; none: one chunk. */
  readonly sizes?: readonly number[];
}

/** Sends a reply through a tap of its own. */
export function feed(
  { bytes, operation, stream }: RecordedReply,
  { clientWantsUsage, sizes = [bytes.length] }: Feeding,
): Fed {
  const tap = createTap({ operation, stream, clientWantsUsage, keepBytes: 256 * 1024 });
  const forwarded: Buffer[] = [];
  for (let from = 0, turn = 0; from < bytes.length; turn++) {
    const to = from + (sizes[turn % sizes.length] ?? bytes.length);
    const sent = tap.push(bytes.subarray(from, to));
    if (sent !== undefined) forwarded.push(sent);
    from = to;
  }
  tap.end();
  return {
    reading: tap.reading(),
    forwarded: Buffer.concat(forwarded),
    held: tap.held() ?? Buffer.alloc(0),
    terminal: tap.terminal,
  };
}

/** Chunk sizes of 1 to `largest` bytes that are the same for the same seed (a linear congruential generator). */
export function sizesFrom(seed: number, largest: number): number[] {
  let state = seed;
  return Array.from({ length: 997 }, () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return 1 + (state % largest);
  });
}
