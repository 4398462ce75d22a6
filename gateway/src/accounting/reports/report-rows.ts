import type { UsageBucket, UsageReport, UsageRow } from '@tollgate/contract/usage.ts';
import type { LedgerStore } from '#accounting/ledger/ports.ts';
import type { FiguresRow } from '#model/figures.ts';
import { decimalOfNano } from './currency.ts';
import { encodeCursor } from './cursor.ts';
import { RunningFigures } from './figures.ts';
import { spansOf, type Piece } from './pieces.ts';
import type { Question, RowPlace } from './question.ts';
import { readRows, sourceOf } from './read-rows.ts';
import { refused } from './refused.ts';

export interface RowsQuery {
  readonly store: Pick<LedgerStore, 'figures'>;
  readonly question: Question;
  /** The whole period, cut only where rates begin. */
  readonly whole: readonly Piece[];
  /** The same, cut into buckets too. */
  readonly pieces: readonly Piece[];
}

export type ReportedRows = Pick<UsageReport, 'rows' | 'rest' | 'restGroups' | 'next' | 'total' | 'roundingDifference'>;

/** A row in the making. */
export interface RunningRow {
  readonly piece: Piece;
  readonly keys: readonly string[];
  readonly running: RunningFigures;
}

function bucketOf({ bucket }: Piece): UsageBucket | null {
  if (bucket === null) return null;
  const { label, from, to } = bucket;
  return { label, from: new Date(from).toISOString(), to: new Date(to).toISOString() };
}

function rowOf({ by }: Question, { piece, keys, running }: RunningRow): UsageRow {
  return {
    key: keys[0] ?? piece.bucket?.label ?? '',
    bucket: bucketOf(piece),
    keys: Object.fromEntries(by.map((dimension, at) => [dimension, keys[at] ?? ''])),
    ...running.reported(),
  };
}

/** Rows that are all there is, and their total. */
export function addedUp(
  question: Question,
  rows: readonly RunningRow[],
  rest: readonly RunningRow[] = [],
): Omit<ReportedRows, 'restGroups' | 'next'> {
  const parts = [...rows, ...rest].map((one) => one.running);
  const total = new RunningFigures(question.layer);
  for (const one of parts) total.merge(one);
  const difference = parts.reduce((left, one) => left - (one.amount() ?? 0n), total.amount() ?? 0n);
  return {
    rows: rows.map((row) => rowOf(question, row)),
    rest: rest.map(({ piece, running }) => ({ bucket: bucketOf(piece), ...running.reported() })),
    total: total.reported(),
    // The total is converted by itself, and so is each row: rounding tells them apart.
    roundingDifference: decimalOfNano(difference),
  };
}

/** A page of rows and the total of all pages. */
export async function reportRows(query: RowsQuery): Promise<ReportedRows> {
  const { pieces } = query;
  const isMerged = pieces.some((one, at) => at > 0 && one.bucket?.label === pieces[at - 1]?.bucket?.label);
  return isMerged ? await mergedRows(query) : await pageOfRows(query);
}

async function pageOfRows(query: RowsQuery): Promise<ReportedRows> {
  const { question, pieces, store } = query;
  const { by, filter, limit, layer } = question;
  const after = question.after === null ? null : placeOf(question.after, pieces);
  const found: FiguresRow[] = [];
  for await (const rows of readRows({ store, by, filter, pieces, after, atOnce: limit + 1 })) {
    found.push(...rows);
    if (found.length > limit) break;
  }
  const shown = found.slice(0, limit).map((row) => runningRow(row, pieces, layer));
  const last = shown.at(-1);
  if (found.length <= limit && after === null) return { ...addedUp(question, shown), restGroups: 0, next: null };
  const next =
    found.length <= limit || last === undefined
      ? null
      : encodeCursor([question.digest, last.piece.bucket?.label ?? null, ...last.keys]);
  return {
    rows: shown.map((row) => rowOf(question, row)),
    rest: [],
    restGroups: 0,
    next,
    total: (await totalOf(query)).reported(),
    roundingDifference: null,
  };
}

function runningRow(row: FiguresRow, pieces: readonly Piece[], layer: Question['layer']): RunningRow {
  const piece = pieces[row.bucket];
  if (piece === undefined) throw new RangeError('The store answered for a piece of time that was not asked for.');
  return { piece, keys: row.keys, running: new RunningFigures(layer).add(row.figures, piece.rate) };
}

function placeOf({ label, keys }: RowPlace, pieces: readonly Piece[]): Pick<FiguresRow, 'bucket' | 'keys'> {
  const bucket = pieces.findIndex((one) => (one.bucket?.label ?? null) === label);
  if (bucket < 0) throw refused(['after: it names a piece of time that the report does not have.']);
  return { bucket, keys };
}

/** Everything that fits, added up at once. */
async function totalOf({ store, question, whole }: RowsQuery): Promise<RunningFigures> {
  const { filter, by, layer } = question;
  const spans = spansOf(whole, { first: 0, source: sourceOf({ by, filter }) });
  const total = new RunningFigures(layer);
  for (const { bucket, figures } of await store.figures({ by: [], filter, spans }))
    total.add(figures, whole[bucket]?.rate);
  return total;
}

/** Rows whose buckets have more than one rate: they are added up here, so that all of them have to fit an answer. */
async function mergedRows({ store, question, pieces }: RowsQuery): Promise<ReportedRows> {
  const { by, filter, layer, limit } = question;
  const merged = new Map<string, RunningRow>();
  for await (const rows of readRows({ store, by, filter, pieces, after: null, atOnce: limit })) {
    for (const found of rows) {
      const row = runningRow(found, pieces, layer);
      const name = JSON.stringify([row.piece.bucket?.from, ...row.keys]);
      const known = merged.get(name);
      if (known === undefined) merged.set(name, row);
      else known.running.merge(row.running);
    }
    if (merged.size > limit)
      throw refused([
        `limit: there are more than ${limit} rows, and pages need buckets of one rate each. Ask for \`top\`, or by \`bucket\` month.`,
      ]);
  }
  return { ...addedUp(question, [...merged.values()].toSorted(byPlace)), restGroups: 0, next: null };
}

/** As stores order rows: by bucket, then by keys as UTF-8 bytes. */
function byPlace(one: RunningRow, other: RunningRow): number {
  const buckets = (one.piece.bucket?.from ?? 0) - (other.piece.bucket?.from ?? 0);
  return one.keys.reduce(
    (order, key, at) => order || Buffer.compare(Buffer.from(key), Buffer.from(other.keys[at] ?? '')),
    buckets,
  );
}
