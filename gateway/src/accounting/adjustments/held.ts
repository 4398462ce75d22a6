import type { LedgerStore, RecordKey, StoredRecord } from '#accounting/ledger/ports.ts';
import { dayMs, quarterHourMs, type FigureFilter, type Period } from '#model/figures.ts';
import { isUsageUnknown } from '#model/held.ts';
import type { NanoUsd } from '#model/money.ts';
import { isWord, outcomes as knownOutcomes } from '#model/words.ts';
import type { Outcome } from '#model/usage-record.ts';
import { valuationInForce } from './valuation.ts';
import { nextTurn } from '#kernel/turn.ts';

export type HeldStore = Pick<LedgerStore, 'figures' | 'extent' | 'page' | 'adjustmentsOf'>;

/** An attempt, and what of its reservation stays debited beside its cost: as recorded, and as corrected so far. */
export interface HeldRecord {
  readonly record: StoredRecord;
  /** 10^-9 USD. */
  readonly held: NanoUsd;
}

/** `known`: there is nothing to write off, because what it used is known, or is by now. */
export type Standing = HeldRecord & { readonly state: 'held' | 'written-off' | 'known' };

export interface HeldQuery {
  readonly period: Period;
  /** Null: of any. */
  readonly outcomes: readonly Outcome[] | null;
  readonly after: RecordKey | null;
  readonly limit: number;
}

export interface HeldPage {
  /** Attempts that hold something and were not written off, in the order of their admission. */
  readonly records: readonly HeldRecord[];
  /** `after` of the next page; null where there is none. */
  readonly next: RecordKey | null;
}

const daysAtOnce = 366;
const recordsAtOnce = 500;

/** How each of the attempts stands now: a correction may have changed what it holds. */
export async function standingsOf(
  store: Pick<LedgerStore, 'adjustmentsOf'>,
  records: readonly StoredRecord[],
): Promise<readonly Standing[]> {
  const adjustments = await store.adjustmentsOf(records.map(({ at, id }) => ({ at, id })));
  const byRecord = Map.groupBy(adjustments, ({ of }) => of?.id);
  return records.map((record) => {
    const own = byRecord.get(record.id) ?? [];
    const { held } = valuationInForce(record, own);
    if (own.some(({ kind }) => kind === 'write-off')) return { record, held, state: 'written-off' };
    // An attempt of unknown usage that nothing was reserved for holds nothing, and is on the list all the same.
    return { record, held, state: held > 0n || isUsageUnknown(record) ? 'held' : 'known' };
  });
}

interface Slot {
  readonly from: number;
  readonly outcomes: readonly Outcome[];
}

/** Which of the pieces of time may have attempts that hold something, and how those ended: the roll-ups know. */
async function slotsWithUnknown(
  store: HeldStore,
  times: readonly number[],
  { source, ms }: { readonly source: 'quarters' | 'days'; readonly ms: number },
): Promise<readonly Slot[]> {
  const spans = times.map((from, bucket) => ({ source, from, to: from + ms, bucket }));
  const rows = await store.figures({ by: ['outcome'], filter: [], spans });
  const found = rows.filter(({ figures }) => figures.unknownUsageAttempts > 0n || figures.held !== 0n);
  return times.flatMap((from, bucket) => {
    const outcomes = found
      .filter((row) => row.bucket === bucket)
      .map((row) => row.keys[0])
      .filter((outcome) => isWord(knownOutcomes, outcome));
    return outcomes.length === 0 ? [] : [{ from, outcomes }];
  });
}

const slotsBetween = (from: number, to: number, ms: number): readonly number[] => {
  const first = Math.floor(from / ms);
  return Array.from({ length: Math.max(0, Math.ceil(to / ms) - first) }, (_one, at) => (first + at) * ms);
};

/** The quarter-hours of a period that hold attempts of unknown usage, ascending. */
async function* quartersWithUnknown(store: HeldStore, period: Period): AsyncGenerator<Slot> {
  const extent = await store.extent();
  if (extent === null) return;
  const from = Math.max(period.from ?? extent.from, extent.from);
  const to = Math.min(period.to ?? extent.to, extent.to);
  const days = slotsBetween(from, to, dayMs);
  for (let at = 0; at < days.length; at += daysAtOnce) {
    for (const day of await slotsWithUnknown(store, days.slice(at, at + daysAtOnce), { source: 'days', ms: dayMs })) {
      const quarters = slotsBetween(Math.max(from, day.from), Math.min(to, day.from + dayMs), quarterHourMs);
      yield* await slotsWithUnknown(store, quarters, { source: 'quarters', ms: quarterHourMs });
    }
  }
}

/** The attempts of unknown usage of a quarter-hour, after a key. */
async function* unknownIn(store: HeldStore, slot: Slot, query: HeldQuery): AsyncGenerator<HeldRecord> {
  const values = slot.outcomes.filter((one) => query.outcomes?.includes(one) !== false);
  const filter: readonly FigureFilter[] = [{ dimension: 'outcome', values }];
  const period = {
    from: Math.max(slot.from, query.period.from ?? -Infinity),
    to: Math.min(slot.from + quarterHourMs, query.period.to ?? Infinity),
  };
  let { after } = query;
  for (let more = values.length > 0; more;) {
    const page: readonly StoredRecord[] = await store.page({ filter, period, after, limit: recordsAtOnce });
    yield* (await standingsOf(store, page)).filter(({ state }) => state === 'held');
    after = page.at(-1) ?? after;
    more = page.length === recordsAtOnce;
    // The thread answers other calls in between.
    await nextTurn();
  }
}

/** What is held: attempts whose usage is not known exactly stay debited at their reservation until it is written off. */
export async function heldPage(store: HeldStore, query: HeldQuery): Promise<HeldPage> {
  const records: HeldRecord[] = [];
  const { period, after } = query;
  const from = after === null ? period.from : Math.max(after.at, period.from ?? after.at);
  for await (const slot of quartersWithUnknown(store, { ...period, from })) {
    for await (const one of unknownIn(store, slot, query)) {
      const last = records.at(-1)?.record;
      if (last !== undefined && records.length === query.limit) return { records, next: { at: last.at, id: last.id } };
      records.push(one);
    }
  }
  return { records, next: null };
}
