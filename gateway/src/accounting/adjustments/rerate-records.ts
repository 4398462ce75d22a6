import type { RerateReply, RerateRequest } from '@tollgate/contract/admin-api/adjustments.ts';
import type { Adjustment, LedgerStore, StoredRecord } from '#accounting/ledger/ports.ts';
import { Failure } from '#kernel/errors.ts';
import { isUsageUnknown } from '#model/held.ts';
import { cursorOf, keyOfCursor, periodOf } from './cursor.ts';
import { parseFilter } from './filter.ts';
import { addChange, noChange } from './postings.ts';
import { RerateRows } from './rerate-rows.ts';
import { rerate, type Rerated, type RerateOptions } from './rerate.ts';
import { changeBetween } from './valuation.ts';

/** So many records are priced anew at a time. */
const recordsAtOnce = 1000;

export interface RerateStep {
  readonly reply: RerateReply;
  /** Empty for a dry run. */
  readonly adjustments: readonly Adjustment[];
}

type Store = Pick<LedgerStore, 'page' | 'adjustmentsOf'>;

/** A re-rating goes by one price book from its first page to its last: the cursor says which. */
function placeOf({ after }: RerateRequest, priceBook: string): ReturnType<typeof keyOfCursor> {
  if (after === undefined) return null;
  const [, book, cursor] = /^([0-9a-z]+)-(.+)$/.exec(after) ?? [];
  if (book === undefined || cursor === undefined)
    throw new Failure('admin_invalid', '`after` is no cursor of a re-rating.');
  if (book !== priceBook)
    throw new Failure(
      'admin_conflict',
      'The prices have changed since this re-rating began. What was booked stands; begin again, without `after`.',
    );
  return keyOfCursor(cursor);
}

async function reratedOf(
  store: Store,
  records: readonly StoredRecord[],
  options: RerateOptions,
): Promise<readonly Rerated[]> {
  const adjustments = await store.adjustmentsOf(records.map(({ at, id }) => ({ at, id })));
  const byRecord = Map.groupBy(adjustments, (one) => one.of?.id ?? '');
  return records.flatMap((record) => rerate(record, byRecord.get(record.id) ?? [], options) ?? []);
}

/** Prices the next records of a period anew, and says what changes. It counts once the adjustments are booked. */
export async function rerateRecords(store: Store, request: RerateRequest, options: RerateOptions): Promise<RerateStep> {
  const { book } = options;
  const after = placeOf(request, book.id);
  const records = await store.page({
    filter: parseFilter(request.filter),
    period: periodOf(request),
    after,
    limit: recordsAtOnce,
  });
  const rerated = await reratedOf(store, records, options);
  const rows = new RerateRows();
  let delta = noChange;
  for (const one of rerated) {
    rows.add(one);
    delta = addChange(delta, changeBetween(one.before, one.after));
  }
  const last = records.at(-1);
  const more = last !== undefined && records.length === recordsAtOnce;
  return {
    reply: {
      dryRun: request.dryRun,
      priceBook: book.id,
      looked: records.length,
      changed: rerated.length,
      newlyPriced: rerated.filter((one) => one.before.cost === null && one.after.cost !== null).length,
      newlyUnpriced: rerated.filter((one) => one.before.cost !== null && one.after.cost === null).length,
      unknown: records.filter(isUsageUnknown).length,
      delta: {
        cost: String(delta.cost),
        listCost: String(delta.listCost),
        internalCost: String(delta.internalCost),
      },
      rows: rows.rows(),
      reached: last === undefined ? null : new Date(last.at).toISOString(),
      next: more ? `${book.id}-${cursorOf(last) ?? ''}` : null,
    },
    adjustments: request.dryRun ? [] : rerated.map((one) => one.adjustment),
  };
}
