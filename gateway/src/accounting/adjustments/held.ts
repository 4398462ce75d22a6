import {
  dayMs,
  quarterHourMs,
  type FigureFilter,
  type LedgerStore,
  type Period,
  type RecordKey,
  type StoredRecord,
} from '#accounting/ledger/ports.ts';
import { heldOf } from '#model/held.ts';
import { isWord, outcomes as knownOutcomes } from '#model/words.ts';
import type { Outcome } from '#model/usage-record.ts';
import { writeOffId } from './write-off.ts';

export type HeldStore = Pick<LedgerStore, 'figures' | 'extent' | 'page' | 'findAdjustments'>;

export interface HeldQuery {
  readonly period: Period;
  /** Null: of any. */
  readonly outcomes: readonly Outcome[] | null;
  readonly after: RecordKey | null;
  readonly limit: number;
}

export interface HeldPage {
  /** Attempts that hold something and were not written off, in the order of their admission. */
  readonly records: readonly StoredRecord[];
  /** `after` of the next page; null where there is none. */
  readonly next: RecordKey | null;
}

const daysAtOnce = 366;
const recordsAtOnce = 500;

const turn = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve));

/** Its usage is unknown, or only a lower bound or an estimate, and something of its reservation is left. */
export const isHeld = (record: StoredRecord): boolean =>
  record.measuredInput === 'unknown' || record.measuredOutput === 'unknown' || heldOf(record) > 0n;

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
async function* unknownIn(store: HeldStore, slot: Slot, query: HeldQuery): AsyncGenerator<StoredRecord> {
  const values = slot.outcomes.filter((one) => query.outcomes?.includes(one) !== false);
  const filter: readonly FigureFilter[] = [{ dimension: 'outcome', values }];
  const period = {
    from: Math.max(slot.from, query.period.from ?? -Infinity),
    to: Math.min(slot.from + quarterHourMs, query.period.to ?? Infinity),
  };
  let { after } = query;
  for (let more = values.length > 0; more;) {
    const page: readonly StoredRecord[] = await store.page({ filter, period, after, limit: recordsAtOnce });
    const open = page.filter(isHeld);
    const writtenOff = await store.findAdjustments(open.map(writeOffId));
    yield* open.filter((_one, at) => writtenOff[at] === null);
    after = page.at(-1) ?? after;
    more = page.length === recordsAtOnce;
    // The thread answers other calls in between.
    await turn();
  }
}

/** What is held: attempts whose usage is not known exactly stay debited at their reservation until it is written off. */
export async function heldPage(store: HeldStore, query: HeldQuery): Promise<HeldPage> {
  const records: StoredRecord[] = [];
  const { period, after } = query;
  const from = after === null ? period.from : Math.max(after.at, period.from ?? after.at);
  for await (const slot of quartersWithUnknown(store, { ...period, from })) {
    for await (const record of unknownIn(store, slot, query)) {
      const last = records.at(-1);
      if (last !== undefined && records.length === query.limit) return { records, next: { at: last.at, id: last.id } };
      records.push(record);
    }
  }
  return { records, next: null };
}
