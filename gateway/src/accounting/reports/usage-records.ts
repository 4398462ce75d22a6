import type { LedgerRecord, UsageRecords, UsageRequest } from '@tollgate/contract/admin-api/usage.ts';
import type {
  Adjustment,
  JournalProgress,
  LedgerStore,
  PageQuery,
  RecordKey,
  Shipping,
  StoredRecord,
} from '#accounting/ledger/ports.ts';
import type { FigureFilter } from '#model/figures.ts';
import { AskedReader, type Asked } from './asked.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { lagOf } from './lag.ts';
import { fits } from './posting-filter.ts';
import { longestWaitMs } from './question.ts';
import { refused } from './refused.ts';
import { shownAdjustment, shownRecord } from './shown-entries.ts';
import { checkValues, readSubject, subjectParameters, type ReportSettings } from './subject.ts';

export interface RecordSources {
  readonly store: Pick<LedgerStore, 'page' | 'pageOfAdjustments' | 'adjustmentsOf' | 'attemptsOf' | 'values'>;
  readonly progress: JournalProgress;
  readonly shipping: Shipping;
}

const parameters = [...subjectParameters, 'limit', 'after', 'waitMs'];
const mostEntries = 1000;

/**
 * What stands behind a cell of a report: its records and the adjustments that count there, page by page in the order of
 * admission. Their costs add up to the cell.
 */
export async function usageRecords(
  sources: RecordSources,
  asked: Asked,
  settings: ReportSettings,
): Promise<UsageRecords> {
  const { store, shipping, progress } = sources;
  const reader = new AskedReader(asked, parameters);
  const { filter, period } = readSubject(reader, settings);
  const limit = reader.whole('limit', { least: 1, most: mostEntries }) ?? 100;
  const waitMs = reader.whole('waitMs', { least: 0, most: longestWaitMs }) ?? 5_000;
  const after = readPlace(reader);
  await checkValues(reader, filter, { store, configured: settings.configured });
  if (reader.problems.length > 0) throw refused(reader.problems);
  await shipping.caughtUp(waitMs);
  // One more than a page of each: so it is known whether there is more.
  const query: PageQuery = { filter, period, after, limit: limit + 1 };
  const [records, adjustments] = await shipping.hold(
    async () => [await store.page(query), await store.pageOfAdjustments(query)] as const,
  );
  const found = [...records, ...adjustments].toSorted(byKey);
  const page = found.slice(0, limit);
  const last = page.at(-1);
  const shown = new Map((await withAdjustments(store, page.filter(isRecord))).map((one) => [one.id, one]));
  return {
    entries: page.map((one) => {
      const record = shown.get(one.id);
      if (!isRecord(one)) return { kind: 'adjustment', adjustment: shownAdjustment(thatFits(one, filter)) };
      return { kind: 'record', record: record ?? shownRecord(one, []) };
    }),
    next: found.length <= limit || last === undefined ? null : encodeCursor([last.at, last.id]),
    lag: lagOf(progress),
  };
}

/** All attempts of a request, also one that has just ended; none where the store does not know it. */
export async function usageRequest(sources: RecordSources, requestId: string): Promise<UsageRequest> {
  const { store, shipping } = sources;
  await shipping.caughtUp(requestWaitMs);
  return { requestId, attempts: [...(await withAdjustments(store, await store.attemptsOf(requestId)))] };
}

/** Whoever looks for a call has often just made it. */
const requestWaitMs = 5_000;

const isRecord = (entry: StoredRecord | Adjustment): entry is StoredRecord => 'requestId' in entry;

async function withAdjustments(
  store: RecordSources['store'],
  records: readonly StoredRecord[],
): Promise<readonly LedgerRecord[]> {
  const adjustments = await store.adjustmentsOf(records.map(({ at, id }) => ({ at, id })));
  const byRecord = Map.groupBy(adjustments, ({ of }) => of?.id);
  return records.map((record) => shownRecord(record, byRecord.get(record.id) ?? []));
}

function byKey(one: RecordKey, other: RecordKey): number {
  if (one.at !== other.at) return one.at - other.at;
  return one.id < other.id ? -1 : 1;
}

function readPlace(reader: AskedReader): RecordKey | null {
  const text = reader.text('after');
  if (text === undefined) return null;
  const [at, id] = decodeCursor(text) ?? [];
  if (typeof at === 'number' && Number.isSafeInteger(at) && typeof id === 'string') return { at, id };
  reader.problem('after', 'it is no `next` of a page of records.');
  return null;
}

/** An adjustment with those of its postings that count where the filter looks; its end user is that of its record. */
function thatFits(adjustment: Adjustment, filter: readonly FigureFilter[]): Adjustment {
  return { ...adjustment, postings: adjustment.postings.filter((posting) => fits(posting, filter)) };
}
