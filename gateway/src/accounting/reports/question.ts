import { createHash } from 'node:crypto';
import {
  priceLayers,
  reportBuckets,
  reportDimensions,
  type PriceLayer,
  type ReportBucket,
  type ReportDimension,
} from '@tollgate/contract/usage.ts';
import { suggestion } from '#kernel/suggest.ts';
import { AskedReader, shown, type Asked } from './asked.ts';
import { usDollar, type Currency } from './currency.ts';
import { decodeCursor } from './cursor.ts';
import { readSubject, subjectParameters, type ReportSettings, type Subject } from './subject.ts';

/** Where a page of rows begins: behind this row. */
export interface RowPlace {
  /** The label of its bucket; null where the period is not cut. */
  readonly label: string | null;
  readonly keys: readonly string[];
}

/** A report that can be made. */
export interface Question extends Subject {
  readonly by: readonly ReportDimension[];
  readonly bucket: ReportBucket | null;
  readonly layer: PriceLayer;
  readonly currency: Currency;
  /** Null: all rows. */
  readonly top: number | null;
  readonly limit: number;
  readonly after: RowPlace | null;
  readonly waitMs: number;
  /** The same for all pages of a report. */
  readonly digest: string;
}

export const mostRows = 10_000;
const mostTop = 1000;
export const longestWaitMs = 60_000;

const parameters = ['by', 'bucket', ...subjectParameters, 'layer', 'currency', 'top', 'limit', 'after', 'waitMs'];

/** The question, and everything that is wrong with it: where there is anything, it is not to be answered. */
export function readQuestion(asked: Asked, settings: ReportSettings): { question: Question; reader: AskedReader } {
  const reader = new AskedReader(asked, parameters);
  const subject = readSubject(reader, settings);
  const { by, bucket } = readGrouping(reader);
  const layer = reader.word('layer', priceLayers) ?? 'contracted';
  const currency = readCurrency(reader, settings);
  const top = reader.whole('top', { least: 1, most: mostTop }) ?? null;
  if (top !== null && by.length === 0) reader.problem('top', 'there is nothing to choose from without `by`.');
  const limit = reader.whole('limit', { least: 1, most: mostRows }) ?? mostRows;
  const waitMs = reader.whole('waitMs', { least: 0, most: longestWaitMs }) ?? 5_000;
  const digest = digestOf(reader, settings);
  const after = readAfter(reader, digest, by.length);
  if (top !== null && after !== null) reader.problem('after', 'a report with `top` has no pages.');
  return { question: { ...subject, by, bucket, layer, currency, top, limit, after, waitMs, digest }, reader };
}

/** Of everything that makes the rows what they are. */
function digestOf(reader: AskedReader, { timeZone }: ReportSettings): string {
  const same = parameters.filter((name) => !['limit', 'after', 'waitMs'].includes(name));
  const text = JSON.stringify([timeZone, ...same.map((name) => reader.texts(name))]);
  return createHash('sha256').update(text).digest('base64url').slice(0, 8);
}

/** `by` takes the name of a bucket, too: people think of time as of one more dimension. */
function readGrouping(reader: AskedReader): Pick<Question, 'by' | 'bucket'> {
  const words = reader.texts('by').flatMap((text) => text.split(',').map((word) => word.trim()));
  const by: ReportDimension[] = [];
  const buckets: ReportBucket[] = [];
  for (const word of words.filter((one) => one !== '')) {
    const found = reader.wordOf('by', word, [...reportDimensions, ...reportBuckets]);
    const bucket = reportBuckets.find((one) => one === found);
    const dimension = reportDimensions.find((one) => one === found);
    if (bucket !== undefined) buckets.push(bucket);
    if (dimension !== undefined && by.includes(dimension)) reader.problem('by', `'${dimension}' stands there twice.`);
    else if (dimension !== undefined) by.push(dimension);
  }
  const named = reader.word('bucket', reportBuckets);
  if (named !== undefined) buckets.push(named);
  if (buckets.length > 1) reader.problem('bucket', `a period is cut in one way, not in ${buckets.join(' and ')}.`);
  const [bucket = null] = buckets;
  return { by: words.length === 0 && bucket === null ? ['consumer'] : by, bucket };
}

function readCurrency(reader: AskedReader, { currencies }: ReportSettings): Currency {
  const code = reader.text('currency') ?? 'USD';
  if (code === 'USD') return usDollar;
  const rates = Object.hasOwn(currencies, code) ? currencies[code] : undefined;
  if (rates !== undefined) return { code, rates };
  const known = ['USD', ...Object.keys(currencies)];
  reader.problem(
    'currency',
    `there is no rate for '${shown(code)}'. ${suggestion(code, known) ?? ''} \`currencies\` of the configuration adds one.`,
  );
  return usDollar;
}

function readAfter(reader: AskedReader, digest: string, width: number): RowPlace | null {
  const text = reader.text('after');
  if (text === undefined) return null;
  const [made, label, ...keys] = decodeCursor(text) ?? [];
  const isPlace = (label === null || typeof label === 'string') && keys.every((one) => typeof one === 'string');
  if (made === undefined || !isPlace || (made === digest && keys.length !== width)) {
    reader.problem('after', 'it is no `next` of a report.');
    return null;
  }
  if (made !== digest) reader.problem('after', 'it belongs to another question: ask the same as for the page before.');
  return { label, keys };
}
