import { createHash, type Hash } from 'node:crypto';
import type { Clock, Timer } from '#kernel/clock.ts';
import { exportText, type ExportSources, type ExportText } from './export.ts';
import type { ExportRequest, ExportSummary } from './request.ts';

/** A piece of an export; or its end, with what is known of the whole. */
export type ExportPiece =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | {
      readonly kind: 'end';
      readonly summary: ExportSummary;
      readonly bytes: number;
      /** Lower-case hex, of all bytes. */
      readonly sha256: string;
    };

/** What the ledger's worker does for exports: whoever reads asks for the next piece, so that nothing piles up. */
export interface ExportService {
  /** Begins an export and names it. */
  open(request: ExportRequest): string;
  /** The next piece. After the end, or a failure, the export is gone. */
  read(id: string): Promise<ExportPiece>;
  /** Nobody wants the rest; whatever it is called with. */
  close(id: string): void;
}

/** Whoever does not read on for so long is gone, ms. */
const patienceMs = 60_000;

/** A piece may be long in the making, because nothing was charged for years: that ends when nobody wants it. */
class Wanted {
  closed = false;

  /** The same sources, as long as the export is wanted. */
  of({ store, progress, shipping }: ExportSources): ExportSources {
    return {
      store,
      progress,
      shipping: {
        caughtUp: async (timeoutMs) => await shipping.caughtUp(timeoutMs),
        hold: async (work) => {
          if (this.closed) throw new Error('The export is over, or was not read for a minute.');
          return await shipping.hold(work);
        },
      },
    };
  }
}

interface Open {
  readonly text: ExportText;
  readonly wanted: Wanted;
  readonly hash: Hash;
  bytes: number;
  patience: Timer | undefined;
}

export function createExportService(sources: ExportSources, clock: Clock): ExportService {
  const open = new Map<string, Open>();
  let opened = 0;
  const close = (id: string): void => {
    const found = open.get(id);
    open.delete(id);
    found?.patience?.cancel();
    if (found !== undefined) found.wanted.closed = true;
    // Where a piece is being made, it ends behind that.
    void found?.text.return({ rows: 0, totals: { cost: null, list: null, internal: null }, unsettled: 0 });
  };
  const wait = (id: string): Timer => clock.after(patienceMs, () => close(id));
  return {
    open(request) {
      opened += 1;
      const id = String(opened);
      const wanted = new Wanted();
      const text = exportText(wanted.of(sources), request);
      open.set(id, { text, wanted, hash: createHash('sha256'), bytes: 0, patience: wait(id) });
      return id;
    },
    async read(id) {
      const one = open.get(id);
      if (one === undefined) throw new Error('The export is over, or was not read for a minute.');
      one.patience?.cancel();
      try {
        const step = await one.text.next();
        if (step.done === true) {
          open.delete(id);
          return { kind: 'end', summary: step.value, bytes: one.bytes, sha256: one.hash.digest('hex') };
        }
        const bytes = Buffer.from(step.value);
        one.hash.update(bytes);
        one.bytes += bytes.length;
        if (open.has(id)) one.patience = wait(id);
        return { kind: 'bytes', bytes };
      } catch (thrown) {
        close(id);
        throw thrown;
      }
    },
    close,
  };
}
