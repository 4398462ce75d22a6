import { sql, type RawBuilder } from 'kysely';
import type { FigureSpan } from '#model/figures.ts';
import type { Part } from '../sql/figure-parts.ts';
import { allOf, type Condition } from '../sql/series-filter.ts';
import { arrayText } from './text.ts';

const least = -(2n ** 63n);
const greatest = 2n ** 63n - 1n;

/** Pieces of a part's time column, [opens, closes), each with its bucket. */
interface Pieces {
  readonly opens: readonly bigint[];
  readonly closes: readonly bigint[];
  readonly buckets: readonly number[];
}

function piecesOf({ source, unit }: Part, spans: readonly FigureSpan[]): Pieces {
  const ofPart = spans.filter((one) => one.source === source);
  const end = (time: number | null, unbounded: bigint): bigint =>
    time === null ? unbounded : BigInt(Math.ceil(time / unit));
  return {
    opens: ofPart.map(({ from }) => end(from, least)),
    closes: ofPart.map(({ to }) => end(to, greatest)),
    buckets: ofPart.map(({ bucket }) => bucket),
  };
}

/** The spans of a part as a table `span`: (opens, closes, bucket). */
export function spanTable(part: Part, spans: readonly FigureSpan[]): RawBuilder<unknown> {
  const { opens, closes, buckets } = piecesOf(part, spans);
  return sql`unnest(${arrayText(opens)}::bigint[], ${arrayText(closes)}::bigint[], ${arrayText(buckets)}::integer[])
    as span (opens, closes, bucket)`;
}

const extreme = (values: readonly bigint[], isBetter: (one: bigint, other: bigint) => boolean): bigint =>
  values.reduce((best, one) => (isBetter(one, best) ? one : best));

/**
 * What a row of the part must be, to be in the `span` it is looked up for. The bounds of all spans stand in the text:
 * the server then plans for no partition outside of them; those between the spans it leaves out as it goes.
 */
export function inSpan(part: Part, spans: readonly FigureSpan[]): Condition {
  const time = sql.raw(part.time);
  const { opens, closes } = piecesOf(part, spans);
  const first = extreme(opens, (one, other) => one < other);
  const last = extreme(closes, (one, other) => one > other);
  const conditions: Condition[] = [sql`${time} >= span.opens and ${time} < span.closes`];
  if (first !== least) conditions.push(sql`${time} >= ${sql.raw(String(first))}`);
  if (last !== greatest) conditions.push(sql`${time} < ${sql.raw(String(last))}`);
  return allOf(conditions);
}
