import type { UsageReport } from '@tollgate/contract/usage.ts';
import type { JournalProgress, LedgerStore, Shipping } from '#accounting/ledger/ports.ts';
import type { Period } from '#model/figures.ts';
import type { Asked } from './asked.ts';
import { perUsdText } from './currency.ts';
import { lagOf } from './lag.ts';
import { piecesOf, ratedSpans, type Piece } from './pieces.ts';
import { mostRows, readQuestion, type Question } from './question.ts';
import { piecesAtOnce } from './read-rows.ts';
import { refused } from './refused.ts';
import { reportRows, type ReportedRows } from './report-rows.ts';
import { reportTop } from './report-top.ts';
import { checkValues, type ReportSettings } from './subject.ts';
import { timeBuckets, type Span, type TimeBucket } from './time-buckets.ts';

export interface ReportSources {
  readonly store: Pick<LedgerStore, 'figures' | 'extent' | 'values'>;
  readonly progress: JournalProgress;
  readonly shipping: Shipping;
}

/** A year of quarter-hours, and some. */
const mostBuckets = 40_000;

/**
 * The one way from the store to a bill: CLI, admin API and exports all ask here. Waits up to `waitMs` for the store to
 * have everything that was journalled before the call, and says what it lacks if it has not. Rejects with a Failure that
 * names everything that is wrong with the question.
 */
export async function usageReport(
  sources: ReportSources,
  asked: Asked,
  settings: ReportSettings,
): Promise<UsageReport> {
  const { store, shipping, progress } = sources;
  const { question, reader } = readQuestion(asked, settings);
  await checkValues(reader, question.filter, { store, configured: settings.configured });
  if (reader.problems.length > 0) throw refused(reader.problems);
  await shipping.caughtUp(question.waitMs);
  const { whole, pieces } = await cut(question, store);
  const make = async (): Promise<ReportedRows> =>
    question.top === null
      ? await reportRows({ store, question, whole, pieces })
      : await reportTop({ store, question, whole, pieces }, question.top);
  // Several statements: nothing may be shipped between them.
  const rows = pieces.length > piecesAtOnce || question.top !== null ? await shipping.hold(make) : await make();
  return { ...headOf(question, whole), ...rows, lag: lagOf(progress) };
}

interface Cut {
  /** The whole period, cut where rates begin only. */
  readonly whole: readonly Piece[];
  readonly pieces: readonly Piece[];
}

/** The period in pieces. Its open ends are where the ledger's are, wherever it matters where they are. */
async function cut(question: Question, store: Pick<LedgerStore, 'extent'>): Promise<Cut> {
  const { bucket: length, timeZone, currency, period } = question;
  if (length === null && currency.rates.length === 0) {
    const whole: readonly Piece[] = [{ ...period, bucket: null, rate: undefined }];
    return { whole, pieces: whole };
  }
  const extent = await store.extent();
  const span = extent === null ? undefined : clippedTo(extent, period);
  if (span === undefined || span.from >= span.to) return { whole: [], pieces: [] };
  checkRates(question, span);
  const buckets = length === null ? [] : bucketsOf(question, timeBuckets(span, { length, timeZone }));
  const [first, last] = [buckets[0] ?? span, buckets.at(-1) ?? span];
  const whole = ratedSpans({ from: first.from, to: last.to }, currency).map((one) => ({ ...one, bucket: null }));
  return { whole, pieces: length === null ? whole : piecesOf(buckets, currency) };
}

/** Whole buckets, cut off where the period begins or ends inside of them. */
function bucketsOf({ bucket, top, period }: Question, found: Iterable<TimeBucket>): readonly TimeBucket[] {
  const buckets: TimeBucket[] = [];
  for (const one of found) {
    if (buckets.length === mostBuckets)
      throw refused([
        `bucket: the period has more than ${mostBuckets} pieces of a ${bucket}. Ask for a shorter period, or for longer pieces.`,
      ]);
    buckets.push(clippedTo(one, period));
  }
  if (top !== null && top * buckets.length > mostRows)
    throw refused([
      `top: ${top} rows in each of ${buckets.length} buckets are more than ${mostRows}. Ask for fewer, for longer buckets or for a shorter period.`,
    ]);
  return buckets;
}

function clippedTo<Clipped extends Span>(span: Clipped, { from, to }: Period): Clipped {
  return { ...span, from: Math.max(from ?? span.from, span.from), to: Math.min(to ?? span.to, span.to) };
}

function checkRates({ currency: { code, rates } }: Question, span: Span): void {
  const [first] = rates;
  if (first === undefined || span.from >= first.from) return;
  throw refused([
    `currency: the first rate of ${code} is that of ${first.firstDay}, and the report begins at ${new Date(span.from).toISOString()}. ` +
      'Begin later, or add a rate to `currencies` of the configuration.',
  ]);
}

const instantText = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());

type Head = Omit<UsageReport, keyof ReportedRows | 'lag'>;

function headOf(question: Question, whole: readonly Piece[]): Head {
  const { by, bucket, timeZone, period, filter, layer, currency } = question;
  const rates = whole.flatMap(({ rate, from }) =>
    rate === undefined
      ? []
      : [{ from: instantText(rate.from > (from ?? -Infinity) ? rate.from : from), perUsd: perUsdText(rate) }],
  );
  return {
    by: [...by],
    bucketLength: bucket,
    timeZone,
    from: instantText(period.from),
    to: instantText(period.to),
    filter: filter.map(({ dimension, values, exact = false }) => ({ dimension, values: [...values], exact })),
    layer,
    currency: { code: currency.code, rates: currency.code === 'USD' ? [{ from: null, perUsd: '1' }] : rates },
  };
}
