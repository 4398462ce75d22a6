import { requestBits, type RecordKey } from '#accounting/ledger/ports.ts';
import { arraysOf, unnested, type Column } from './columns.ts';
import type { Transaction } from './open.ts';
import { arrayText, fromStored, toStored } from './text.ts';

/** An attempt as far as the counts of its request go; stored, or about to be. */
export interface Attempt {
  readonly at: number;
  readonly id: string;
  readonly requestId: string;
  readonly attempt: number;
  readonly series: number;
  readonly outcome: string;
  /** `requestBits` that it qualifies for. */
  readonly qualifies: number;
  /** `requestBits` that it carries. */
  readonly counts: number;
}

export const nameOf = ({ at, id }: RecordKey): string => `${at} ${id}`;

const isEarlier = (one: Attempt, other: Attempt): number => one.attempt - other.attempt || (one.id < other.id ? -1 : 1);

/**
 * Gives the counts of requests to the attempts that have to carry them: each to the lowest-numbered one that qualifies.
 * The attempts are all of those requests that qualify for anything; the result is the same ones.
 */
export function assignCounts(attempts: Iterable<Attempt>): readonly Attempt[] {
  const byRequest = Map.groupBy(attempts, ({ requestId }) => requestId);
  return [...byRequest.values()].flatMap((ofRequest) => {
    let taken = 0;
    return ofRequest.toSorted(isEarlier).map((one) => {
      const flags = one.qualifies & ~requestBits.request & ~taken;
      taken |= flags;
      return { ...one, counts: flags | (one.qualifies & requestBits.request) };
    });
  });
}

interface AttemptRow {
  readonly at: number;
  readonly id: string;
  readonly request_id: string;
  readonly attempt: number;
  readonly series: number;
  readonly outcome: string;
  readonly qualifies: number;
  readonly counts: number;
}

const attemptColumns = 'record.at, record.id, request_id, attempt, series, outcome, qualifies, counts';
const keyColumns: readonly Column<RecordKey>[] = [
  { name: 'at', type: 'bigint', value: ({ at }) => at },
  { name: 'id', type: 'text', value: ({ id }) => toStored(id) },
];

const byKey = {
  name: 'attempts-by-key',
  text: `select ${attemptColumns} from ${unnested(keyColumns)}
    join usage_record as record on record.at = batch.at and record.id = batch.id`,
};
const flaggedByRequest = {
  name: 'attempts-by-request',
  text: `select ${attemptColumns} from usage_record as record
    where request_id = any($1::text[]) and qualifies > 1`,
};
const corrections = {
  name: 'latest-corrections',
  text: `select distinct on (of_at, of_id) of_at as at, of_id as id, ledger_adjustment.qualifies
    from ${unnested(keyColumns)} join ledger_adjustment on of_at = batch.at and of_id = batch.id
    where ledger_adjustment.qualifies is not null
    order by of_at, of_id, booked_at desc, ledger_adjustment.id desc`,
};

const changeColumns: readonly Column<Attempt>[] = [
  ...keyColumns,
  { name: 'qualifies', type: 'smallint', value: ({ qualifies }) => qualifies },
  { name: 'counts', type: 'smallint', value: ({ counts }) => counts },
];
const update = {
  name: 'set-counts',
  text: `update usage_record as record set qualifies = batch.qualifies, counts = batch.counts
    from ${unnested(changeColumns)} where record.at = batch.at and record.id = batch.id`,
};

function attemptOf({ request_id, ...row }: AttemptRow): Attempt {
  return { ...row, id: fromStored(row.id), requestId: fromStored(request_id) };
}

/** The stored attempts with these keys. */
export async function attemptsByKey(transaction: Transaction, keys: readonly RecordKey[]): Promise<readonly Attempt[]> {
  if (keys.length === 0) return [];
  const { rows } = await transaction.run<AttemptRow>(byKey, arraysOf(keyColumns, keys));
  return rows.map(attemptOf);
}

/** The stored attempts of these requests that qualify for more than the plain count. */
export async function flaggedAttempts(
  transaction: Transaction,
  requestIds: readonly string[],
): Promise<readonly Attempt[]> {
  if (requestIds.length === 0) return [];
  const { rows } = await transaction.run<AttemptRow>(flaggedByRequest, [arrayText(requestIds.map(toStored))]);
  return rows.map(attemptOf);
}

/** What records qualify for by their latest corrections, by `nameOf`; those without one are missing. */
export async function correctedBits(
  transaction: Transaction,
  keys: readonly RecordKey[],
): Promise<ReadonlyMap<string, number>> {
  if (keys.length === 0) return new Map();
  const { rows } = await transaction.run<RecordKey & { qualifies: number }>(corrections, arraysOf(keyColumns, keys));
  return new Map(rows.map((row) => [nameOf({ at: row.at, id: fromStored(row.id) }), row.qualifies]));
}

export async function setCounts(transaction: Transaction, attempts: readonly Attempt[]): Promise<void> {
  if (attempts.length > 0) await transaction.run(update, arraysOf(changeColumns, attempts));
}
