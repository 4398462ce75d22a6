import { isDeepStrictEqual } from 'node:util';
import type { LedgerVerification } from '@tollgate/contract/admin-api/operations.ts';
import {
  measures,
  segmentName,
  type Figures,
  type JournalAudit,
  type JournalItem,
  type JournalProgress,
  type LedgerStore,
  type Position,
  type RecordKey,
  type Adjustment,
  type Period,
  type ShippedRecord,
  type Shipping,
} from '#accounting/ledger/ports.ts';
import { addFigures } from './figures.ts';
import { JournalSums } from './journal-sums.ts';
import { figureSpans } from './spans.ts';
import { lagOf } from './usage-report.ts';

export interface VerifySources {
  readonly journal: JournalAudit;
  readonly store: LedgerStore;
  readonly progress: JournalProgress;
  readonly shipping: Shipping;
}

const batchRecords = 500;
const longestWaitMs = 30_000;
const mostIdsTold = 100;
/** Each finds what was shipped during the one before, which is ever less. */
const passesInTraffic = 3;

const always: Period = { from: null, to: null };

const turn = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve));

/** Ids that were found, of which only the first are told. */
class Found {
  readonly ids: string[] = [];
  count = 0;
  add(id: string): void {
    this.count += 1;
    if (this.ids.length < mostIdsTold) this.ids.push(id);
  }
}

class Verification {
  readonly #sources: VerifySources;
  readonly #sums = new JournalSums();
  /** Every settle's id: the only thing that is kept for each of the journal's records. */
  readonly #settled = new Set<string>();
  readonly #open = new Set<string>();
  readonly #segments = new Set<number>();
  readonly #damaged: { segment: string; offset: number; bytes: number }[] = [];
  readonly #missingInStore = new Found();
  readonly #missingInJournal = new Found();
  readonly #different = new Found();
  readonly #settledTwice = new Found();
  readonly #problems: string[] = [];
  #opened = 0;
  #settles = 0;
  #inStore = 0;
  #tornTailBytes = 0;
  #batch: ShippedRecord[] = [];
  #adjustments: Adjustment[] = [];
  /** How far the journal has been compared. */
  #compared: Position | null = null;

  constructor(sources: VerifySources) {
    this.#sources = sources;
  }

  /** Goes on comparing the journal's records with the store's, as far as the store has followed. */
  async compare(shipped: Position): Promise<void> {
    for (const item of this.#sources.journal.items(this.#compared, shipped)) {
      this.#take(item, shipped);
      if (this.#batch.length + this.#adjustments.length >= batchRecords) await this.#compareBatch();
    }
    await this.#compareBatch();
    this.#compared = shipped;
  }

  /** The rest, and the sums; while nothing is shipped. */
  async conclude(shipped: Position): Promise<LedgerVerification> {
    await this.compare(shipped);
    const { journal, store, progress } = this.#sources;
    const stored = await this.#total('records');
    const rolledUp = await this.#total('roll-ups');
    if (stored.attempts !== BigInt(this.#inStore)) await this.#findMissingInJournal();
    this.#tellFaults(await store.wrongRollUps());
    const counted = this.#sums.total();
    const sums = measures.map((meter) => ({
      meter,
      journal: String(counted[meter]),
      store: String(stored[meter]),
      rollUp: String(rolledUp[meter]),
    }));
    for (const one of sums)
      if (one.journal !== one.store || one.store !== one.rollUp)
        this.#problems.push(
          `${one.meter}: ${one.journal} in the journal, ${one.store} in the store, ${one.rollUp} in the roll-ups.`,
        );
    return {
      ok: this.#problems.length === 0,
      journal: {
        segments: journal.segments(),
        opened: this.#opened,
        settled: this.#settles,
        open: this.#open.size,
        damaged: this.#damaged,
        tornTailBytes: this.#tornTailBytes,
      },
      store: { records: Number(stored.attempts), rollUpAttempts: Number(rolledUp.attempts) },
      sums,
      missingInStore: this.#missingInStore.ids,
      missingInJournal: this.#missingInJournal.ids,
      different: this.#different.ids,
      settledTwice: this.#settledTwice.ids,
      lag: lagOf(progress),
      problems: this.#problems,
    };
  }

  #take(item: JournalItem, end: Position): void {
    this.#segments.add(item.at.segment);
    if (item.kind === 'segment') this.#takeSegment(item);
    else if (item.kind === 'open') {
      this.#opened += 1;
      this.#open.add(item.id);
    } else if (item.kind === 'settle') this.#takeSettle(item);
    else if (item.kind === 'adjustment') this.#takeAdjustment(item.adjustment);
    else if (item.kind === 'torn' && item.at.segment === end.segment) this.#tornTailBytes = item.bytes;
    else this.#damaged.push({ segment: segmentName(item.at.segment), offset: item.at.offset, bytes: item.bytes });
  }

  #takeSegment(item: Extract<JournalItem, { kind: 'segment' }>): void {
    if (item.follows !== null && !this.#segments.has(item.follows))
      this.#problems.push(
        `${segmentName(item.at.segment)} follows ${segmentName(item.follows)}, which is missing: what stood in it is not checked.`,
      );
  }

  #takeSettle(item: ShippedRecord): void {
    const { id } = item.record;
    this.#settles += 1;
    this.#open.delete(id);
    if (this.#settled.has(id)) {
      this.#settledTwice.add(id);
      return;
    }
    this.#settled.add(id);
    this.#sums.add(item);
    this.#batch.push(item);
  }

  #takeAdjustment(adjustment: Adjustment): void {
    this.#settles += 1;
    // Booked twice is no fault: the first one counts.
    if (this.#settled.has(adjustment.id)) return;
    this.#settled.add(adjustment.id);
    this.#sums.adjust(adjustment);
    this.#adjustments.push(adjustment);
  }

  async #compareAdjustments(): Promise<void> {
    const adjustments = this.#adjustments;
    this.#adjustments = [];
    const found = await this.#sources.store.findAdjustments(adjustments.map((one) => one.id));
    for (const [at, adjustment] of adjustments.entries()) {
      const stored = found[at] ?? null;
      if (stored === null) this.#missingInStore.add(adjustment.id);
      else if (!isDeepStrictEqual(stored, adjustment)) this.#different.add(adjustment.id);
    }
  }

  async #compareBatch(): Promise<void> {
    if (this.#adjustments.length > 0) await this.#compareAdjustments();
    const records = this.#batch.map((one) => one.record);
    this.#batch = [];
    const found = await this.#sources.store.find(records);
    for (const [at, record] of records.entries()) {
      const stored = found[at] ?? null;
      if (stored === null) this.#missingInStore.add(record.id);
      else {
        this.#inStore += 1;
        if (!isDeepStrictEqual(stored, record)) this.#different.add(record.id);
      }
    }
    // The thread answers other calls in between.
    await turn();
  }

  async #findMissingInJournal(): Promise<void> {
    let after: RecordKey | null = null;
    for (;;) {
      const page: readonly RecordKey[] = await this.#sources.store.page({
        filter: [],
        period: always,
        after,
        limit: batchRecords,
      });
      for (const { id } of page) if (!this.#settled.has(id)) this.#missingInJournal.add(id);
      const last = page.at(-1);
      if (last === undefined) return;
      after = { at: last.at, id: last.id };
      await turn();
    }
  }

  async #total(source: 'records' | 'roll-ups'): Promise<Figures> {
    const spans = source === 'records' ? [{ ...always, source, bucket: 0 }] : figureSpans(always);
    const rows = await this.#sources.store.figures({ by: [], filter: [], spans });
    return addFigures(rows.map((row) => row.figures));
  }

  #tellFaults(wrongRollUps: number): void {
    const tell = (count: number, what: string): void => {
      if (count > 0) this.#problems.push(`${count} ${what}.`);
    };
    tell(this.#damaged.length, 'damaged places in the journal; what stood there is lost, what follows is not');
    tell(this.#tornTailBytes, "bytes at the journal's end are no whole record");
    tell(this.#missingInStore.count, 'records of the journal are missing in the store');
    tell(this.#missingInJournal.count, 'records of the store are missing in the journal');
    tell(this.#different.count, 'records of the store differ from the journal');
    tell(this.#settledTwice.count, 'attempts are settled more than once in the journal; the first settle counts');
    tell(wrongRollUps, 'roll-ups are not the sum of their records');
  }
}

/**
 * Compares the whole journal with the store and the store with its roll-ups, as far as the store has followed; waits
 * for it a while first. Nothing is mended here. Shipping, and with it reports, stop only for the end of it: what is in
 * the store stays as it is, so most of the journal is compared while traffic flows.
 */
export async function verifyLedger(sources: VerifySources): Promise<LedgerVerification> {
  const { shipping } = sources;
  await shipping.caughtUp(longestWaitMs);
  const verification = new Verification(sources);
  for (let pass = 0; pass < passesInTraffic; pass += 1)
    await verification.compare(await shipping.hold(async (shipped) => await Promise.resolve(shipped)));
  return await shipping.hold(async (shipped) => await verification.conclude(shipped));
}
