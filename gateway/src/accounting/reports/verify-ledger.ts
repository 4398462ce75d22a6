import { isDeepStrictEqual } from 'node:util';
import type { LedgerVerification } from '@tollgate/contract/admin-api/operations.ts';
import {
  isBefore,
  type Adjustment,
  type JournalAudit,
  type JournalItem,
  type JournalProgress,
  type LedgerStore,
  type Position,
  type RecordKey,
  type ShippedRecord,
  type Shipping,
} from '#accounting/ledger/ports.ts';
import { measures, type Figures, type Period } from '#model/figures.ts';
import { addFigures } from './figures.ts';
import { JournalCheck } from './journal-check.ts';
import { JournalSums } from './journal-sums.ts';
import { Findings } from './ledger-findings.ts';
import type { VerificationScratch } from './ports.ts';
import { figureSpans } from './spans.ts';
import { lagOf } from './lag.ts';
import { nextTurn } from '#kernel/turn.ts';

export interface VerifySources {
  readonly journal: JournalAudit;
  readonly store: LedgerStore;
  readonly progress: JournalProgress;
  readonly shipping: Shipping;
  readonly scratch: VerificationScratch;
  /** The journal's id where several journals fill the store; undefined: whatever is in the store stands in this one. */
  readonly instance?: string;
  /** How many bytes of the journal have been compared, of how many. */
  readonly onProgress?: (done: number, total: number) => void;
}

const batchRecords = 500;
const longestWaitMs = 30_000;
/** Each finds what was shipped during the one before, which is ever less. */
const passesInTraffic = 3;

const always: Period = { from: null, to: null };

interface Settle extends ShippedRecord {
  /** An admission stands before it. */
  readonly opened: boolean;
}

/** Entries of the journal that are compared together. */
interface Batch {
  readonly records: Settle[];
  readonly adjustments: Adjustment[];
}

const emptyBatch = (): Batch => ({ records: [], adjustments: [] });

/** Memory does not grow with the ledger: what has to be remembered of every record is given to `VerificationScratch`. */
class Verification {
  readonly #sources: VerifySources;
  readonly #findings = new Findings();
  readonly #check = new JournalCheck(this.#findings);
  readonly #sums: JournalSums;
  /** Where the journal had got to when the work began. */
  readonly #began: { readonly written: Position; readonly lowWater: Position };
  #inStore = 0n;
  /** Records of the store that stand in the journal behind what has been shipped. */
  #ahead = 0;
  #batch = emptyBatch();
  /** Bytes of the journal: in all, and before each segment. */
  #bytes = 0;
  readonly #before = new Map<number, number>();
  /** How far the journal has been compared. */
  #compared: Position | null = null;

  constructor(sources: VerifySources) {
    this.#sources = sources;
    this.#sums = new JournalSums(sources.scratch);
    const { progress } = sources;
    // In this order: every attempt opened before the low water was settled before what is written now.
    const lowWater = progress.lowWater();
    this.#began = { lowWater, written: progress.written() };
  }

  async checkArchives(): Promise<void> {
    await this.#check.checkArchives(this.#sources.journal);
  }

  /** Goes on comparing the journal's entries with the store's, as far as the store has followed. */
  async compare(shipped: Position): Promise<void> {
    this.#measure();
    for (const item of this.#sources.journal.items(this.#compared, shipped)) {
      this.#take(item, shipped);
      if (this.#batch.records.length + this.#batch.adjustments.length < batchRecords) continue;
      await this.#compareBatch();
      this.#tellProgress(item.at);
    }
    await this.#compareBatch();
    this.#compared = shipped;
    this.#tellProgress(shipped);
  }

  /** The rest, and the sums; while nothing is shipped. */
  async conclude(shipped: Position): Promise<LedgerVerification> {
    await this.compare(shipped);
    const { store, progress } = this.#sources;
    this.#tellTornTail();
    if (!isBefore(shipped, this.#began.written)) this.#check.tellLostSettles(this.#began.lowWater);
    const stored = await this.#total('records');
    const rolledUp = await this.#total('roll-ups');
    await this.#findMissingInJournal(stored.attempts);
    this.#findings.addMany('wrong-roll-ups', await store.wrongRollUps());
    const sums = this.#compareSums(stored, rolledUp);
    const problems = this.#findings.problems();
    return {
      ok: problems.length === 0,
      journal: this.#told(),
      store: { records: Number(stored.attempts), rollUpAttempts: Number(rolledUp.attempts) },
      sums,
      lag: lagOf(progress),
      problems,
    };
  }

  #told(): LedgerVerification['journal'] {
    const { opened, settled, open, damaged, tornTailBytes, removed } = this.#check;
    const segments = this.#sources.journal.segments();
    return {
      segments: segments.length,
      archived: segments.filter((one) => one.archived).length,
      removed:
        removed === null
          ? null
          : {
              segments: removed.segments,
              records: removed.records,
              to: removed.to === null ? null : new Date(removed.to).toISOString(),
            },
      opened,
      settled,
      open,
      damaged,
      tornTailBytes,
    };
  }

  #take(item: JournalItem, end: Position): void {
    this.#check.take(item, end);
    if (item.kind === 'settle') {
      const { record, qualifies } = item;
      this.#batch.records.push({ record, qualifies, opened: this.#check.settle(record.id) });
    } else if (item.kind === 'adjustment') this.#batch.adjustments.push(item.adjustment);
  }

  #tellTornTail(): void {
    this.#findings.addMany('torn-tail', this.#check.tornTailBytes);
  }

  async #compareBatch(): Promise<void> {
    const { records, adjustments } = this.#batch;
    this.#batch = emptyBatch();
    if (records.length > 0) await this.#compareRecords(records);
    if (adjustments.length > 0) await this.#compareAdjustments(adjustments);
    // The thread answers other calls in between.
    await nextTurn();
  }

  async #compareRecords(records: readonly Settle[]): Promise<void> {
    const { scratch, store } = this.#sources;
    const isNew = scratch.add(
      'records',
      records.map((one) => one.record.id),
    );
    const first = records.filter((_, at) => isNew[at]);
    for (const [at, { record, opened }] of records.entries())
      if (isNew[at] !== true) this.#findings.add('settled-twice', record.id);
      else if (!opened) this.#check.tellLostOpen(record.id, record.at);
    this.#sums.add(first);
    const found = await store.find(first.map((one) => one.record));
    for (const [at, { record }] of first.entries()) {
      const stored = found[at] ?? null;
      if (stored === null) this.#findings.add('missing-in-store', record.id);
      else {
        this.#inStore += 1n;
        if (!isDeepStrictEqual(stored, record)) this.#findings.add('different', record.id);
      }
    }
  }

  /** An adjustment that is booked twice is no fault: the first one counts. */
  async #compareAdjustments(adjustments: readonly Adjustment[]): Promise<void> {
    const { scratch, store } = this.#sources;
    const isNew = scratch.add(
      'adjustments',
      adjustments.map((one) => one.id),
    );
    const first = adjustments.filter((_, at) => isNew[at]);
    const found = await store.findAdjustments(first.map((one) => one.id));
    for (const [at, adjustment] of first.entries()) {
      this.#sums.adjust(adjustment);
      const stored = found[at] ?? null;
      if (stored === null) this.#findings.add('missing-in-store', adjustment.id);
      else if (!isDeepStrictEqual(stored, adjustment) && !(await this.#isBookedElsewhere(stored)))
        this.#findings.add('different', adjustment.id);
    }
    await this.#takeCorrections(first);
  }

  /**
   * Where several journals fill the store, two may hold an adjustment of the same name: one gateway took over from
   * another before that had shipped it. The store keeps the one that came first.
   */
  async #isBookedElsewhere({ at, id }: Adjustment): Promise<boolean> {
    const { instance, store } = this.#sources;
    if (instance === undefined) return false;
    const period: Period = { from: at, to: at + 1 };
    const query = { filter: [], period, limit: batchRecords, instance };
    for (let after: RecordKey | null = null; ;) {
      const own: readonly RecordKey[] = await store.pageOfAdjustments({ ...query, after });
      if (own.some((one) => one.id === id)) return false;
      const last = own.at(-1);
      if (last === undefined) return true;
      after = { at: last.at, id: last.id };
    }
  }

  /** The request of a corrected attempt stands on its record alone. */
  async #takeCorrections(adjustments: readonly Adjustment[]): Promise<void> {
    const corrections = adjustments.flatMap(({ id, of, qualifies, bookedAt }) =>
      of === null || qualifies === null ? [] : [{ of, bits: qualifies, bookedAt, correction: id }],
    );
    if (corrections.length === 0) return;
    const records = await this.#sources.store.find(corrections.map((one) => one.of));
    this.#sums.correct(
      corrections.flatMap(({ of, ...correction }, at) => {
        const requestId = records[at]?.requestId;
        return requestId === undefined ? [] : [{ ...correction, id: of.id, requestId }];
      }),
    );
  }

  /** Entries of the store that the journal lacks; those that retention has removed from it are only counted. */
  async #findMissingInJournal(stored: bigint): Promise<void> {
    const { removed } = this.#check;
    if (removed === null && stored === this.#inStore && !(await this.#hasForeignAdjustment())) return;
    await this.#learnWhatIsAhead();
    let old = 0;
    for await (const record of this.#storedOnly('records')) {
      if (record.at <= (removed?.to ?? 0)) old += 1;
      else this.#findings.add('missing-in-journal', record.id);
    }
    const expected = removed?.records ?? 0;
    this.#findings.addMany('removed-not-stored', Math.max(0, expected - old));
    this.#findings.addMany('missing-in-journal', Math.max(0, old - expected));
    await this.#findAdjustmentsMissingInJournal(removed?.adjustments ?? 0);
  }

  async #hasForeignAdjustment(): Promise<boolean> {
    const first = await this.#storedOnly('adjustments').next();
    return first.done !== true;
  }

  /** They bear the time of what they adjust, so that nobody can tell which of them were removed with an archive. */
  async #findAdjustmentsMissingInJournal(removed: number): Promise<void> {
    let unknown = 0;
    for await (const { id } of this.#storedOnly('adjustments')) {
      if (removed === 0) this.#findings.add('missing-in-journal', id);
      else unknown += 1;
    }
    this.#findings.addMany('missing-in-journal', Math.max(0, unknown - removed));
  }

  /** A journal that is shipped once more stands in the store further than it has been shipped. */
  async #learnWhatIsAhead(): Promise<void> {
    const { journal, scratch, store, progress } = this.#sources;
    let ahead: RecordKey[] = [];
    const learn = async (): Promise<void> => {
      const found = await store.find(ahead);
      this.#ahead += found.filter((one) => one !== null).length;
      scratch.add(
        'records',
        ahead.map((one) => one.id),
      );
      ahead = [];
      await nextTurn();
    };
    for (const item of journal.items(this.#compared, progress.written())) {
      if (item.kind === 'adjustment') scratch.add('adjustments', [item.adjustment.id]);
      if (item.kind === 'settle') ahead.push({ at: item.record.at, id: item.record.id });
      if (ahead.length >= batchRecords) await learn();
    }
    await learn();
  }

  async *#storedOnly(set: 'records' | 'adjustments'): AsyncGenerator<RecordKey, undefined> {
    const { store, scratch, instance } = this.#sources;
    for (let after: RecordKey | null = null; ;) {
      const query = {
        filter: [],
        period: always,
        after,
        limit: batchRecords,
        ...(instance === undefined ? {} : { instance }),
      };
      const page: readonly RecordKey[] = await (set === 'records' ? store.page(query) : store.pageOfAdjustments(query));
      const known = scratch.has(
        set,
        page.map((one) => one.id),
      );
      yield* page.filter((_, at) => known[at] !== true);
      const last = page.at(-1);
      if (last === undefined) return undefined;
      after = { at: last.at, id: last.id };
      await nextTurn();
    }
  }

  #compareSums(stored: Figures, rolledUp: Figures): LedgerVerification['sums'] {
    const counted = this.#sums.total();
    const { instance } = this.#sources;
    // What the journal no longer has, has further on, or what another journal has corrected is in the store's sums alone.
    const alone = instance === undefined;
    const comparable = this.#check.removed === null && this.#ahead === 0 && alone;
    return measures.map((meter) => {
      const sum = {
        meter,
        journal: String(counted[meter]),
        store: String(stored[meter]),
        rollUp: String(rolledUp[meter]),
      };
      // Where others write meanwhile, two sums are of two moments; `wrongRollUps` reads one.
      if ((comparable && sum.journal !== sum.store) || (alone && sum.store !== sum.rollUp))
        this.#findings.add(
          'wrong-sum',
          `${meter}: ${sum.journal} in the journal, ${sum.store} in the store, ${sum.rollUp} in the roll-ups`,
        );
      return sum;
    });
  }

  async #total(of: 'records' | 'roll-ups'): Promise<Figures> {
    const { store, instance } = this.#sources;
    const spans = of === 'roll-ups' ? figureSpans(always) : [{ ...always, source: 'records' as const, bucket: 0 }];
    const own = of === 'records' && instance !== undefined ? { instance } : {};
    const rows = await store.figures({ by: [], filter: [], spans, ...own });
    return addFigures(rows.map((row) => row.figures));
  }

  #measure(): void {
    this.#bytes = 0;
    this.#before.clear();
    for (const { segment, bytes } of this.#sources.journal.segments()) {
      this.#before.set(segment, this.#bytes);
      this.#bytes += bytes;
    }
  }

  #tellProgress(at: Position): void {
    this.#sources.onProgress?.((this.#before.get(at.segment) ?? 0) + at.offset, this.#bytes);
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
  await verification.checkArchives();
  for (let pass = 0; pass < passesInTraffic; pass += 1)
    await verification.compare(await shipping.hold(async (shipped) => await Promise.resolve(shipped)));
  return await shipping.hold(async (shipped) => await verification.conclude(shipped));
}
