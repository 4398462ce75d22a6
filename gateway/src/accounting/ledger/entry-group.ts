import { FrameBuffer } from './framing.ts';
import type { Place } from './open-attempts.ts';

/** The entries of one turn of the event loop. Opens come first, so that none stands behind its own settle. */
export class EntryGroup {
  readonly opens = new FrameBuffer(64 * 1024);
  readonly settles = new FrameBuffer(64 * 1024);
  readonly openIds: string[] = [];
  readonly settledIds: string[] = [];
  /** Adjustments among the settles. */
  booked = 0;
  /** Where the group stands, once it counts; shared with the attempts that it opens. */
  place: Place = { at: undefined };
  opened: PromiseWithResolvers<void> | undefined;
  settled: PromiseWithResolvers<void> | undefined;

  get empty(): boolean {
    return this.opens.length === 0 && this.settles.length === 0;
  }

  /** Everything in one piece; the opens are then followed by the settles in `opens`. */
  get bytes(): Buffer {
    if (this.opens.length === 0) return this.settles.bytes;
    this.opens.addAll(this.settles);
    return this.opens.bytes;
  }

  clearOpens(): void {
    this.opens.clear();
    this.openIds.length = 0;
    this.opened = undefined;
  }

  clear(): void {
    this.clearOpens();
    this.settles.clear();
    this.settledIds.length = 0;
    this.booked = 0;
    this.settled = undefined;
    this.place = { at: undefined };
  }
}
