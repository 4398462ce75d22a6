/**
 * Everything that is added up; money in 10^-9 USD (`held`: `heldOf`, less write-offs). Distinct requests are counted as
 * ledger/request-counts.ts says; `unknownUsageAttempts` are all whose input or output is unknown: retries alone are not nothing.
 */
export const measures = [
  'requests',
  'attempts',
  'unpricedRequests',
  'unknownUsageRequests',
  'deliveredOnlyRequests',
  'estimatedRequests',
  'unknownUsageAttempts',
  'input',
  'cachedInput',
  'cacheWriteInput',
  'audioInput',
  'imageInput',
  'output',
  'reasoning',
  'audioOutput',
  'seconds',
  'characters',
  'images',
  'toolCalls',
  'pricedAttempts',
  'cost',
  'listPricedAttempts',
  'listCost',
  'internalPricedAttempts',
  'internalCost',
  'held',
] as const;
export type Measure = (typeof measures)[number];
/** Exact sums over known values: unknown ones add nothing, and are counted as such. */
export type Figures = Readonly<Record<Measure, bigint>>;

/** Figures of which each measure is what the function says. */
export function figuresWith(value: (measure: Measure) => bigint): Record<Measure, bigint> {
  return {
    requests: value('requests'),
    attempts: value('attempts'),
    unpricedRequests: value('unpricedRequests'),
    unknownUsageRequests: value('unknownUsageRequests'),
    deliveredOnlyRequests: value('deliveredOnlyRequests'),
    estimatedRequests: value('estimatedRequests'),
    unknownUsageAttempts: value('unknownUsageAttempts'),
    input: value('input'),
    cachedInput: value('cachedInput'),
    cacheWriteInput: value('cacheWriteInput'),
    audioInput: value('audioInput'),
    imageInput: value('imageInput'),
    output: value('output'),
    reasoning: value('reasoning'),
    audioOutput: value('audioOutput'),
    seconds: value('seconds'),
    characters: value('characters'),
    images: value('images'),
    toolCalls: value('toolCalls'),
    pricedAttempts: value('pricedAttempts'),
    cost: value('cost'),
    listPricedAttempts: value('listPricedAttempts'),
    listCost: value('listCost'),
    internalPricedAttempts: value('internalPricedAttempts'),
    internalCost: value('internalCost'),
    held: value('held'),
  };
}

/** What sums are kept for. */
export const seriesDimensions = [
  'consumer',
  'cost-centre',
  'product',
  'subscription',
  'model',
  'endpoint',
  'deployment',
  'resource',
  'deployment-type',
  'region',
  'operation',
  'outcome',
] as const;
/** `end-user` stands on records only: spans of it read records. */
export const figureDimensions = [...seriesDimensions, 'end-user'] as const;
export type FigureDimension = (typeof figureDimensions)[number];

/** One of the values, as `FiguresRow.keys` has them. The path or the name of a cost centre means all below it, too. */
export interface FigureFilter {
  readonly dimension: FigureDimension;
  readonly values: readonly string[];
  /** A cost centre without what is below it, as a row of a report has it. */
  readonly exact?: boolean;
}

/** A period of admission, UTC ms, [from, to); null is unbounded. */
export interface Period {
  readonly from: number | null;
  readonly to: number | null;
}

/** A piece of time and where its sums are read: `quarters` and `days` begin and end on one of theirs (UTC). */
export interface FigureSpan extends Period {
  readonly source: 'records' | 'quarters' | 'days';
  /** The bucket of the answer that it belongs to. */
  readonly bucket: number;
}

/** Which figures are added up, and by what. */
export interface FiguresQuery {
  /** None: one row a bucket. */
  readonly by: readonly FigureDimension[];
  /** All of them have to fit. */
  readonly filter: readonly FigureFilter[];
  /** Disjoint. Read at one moment: nothing is shipped between them. */
  readonly spans: readonly FigureSpan[];
  /** Only what the journal with this id has shipped; its spans read records. */
  readonly instance?: string;
  /** Rows in their order, those after `after` only (null: from the first on), and not more than `limit`. */
  readonly page?: { readonly after: Pick<FiguresRow, 'bucket' | 'keys'> | null; readonly limit: number };
}

/** Rows have an order: of their buckets, then of their keys, compared as UTF-8 bytes. */
export interface FiguresRow {
  /**
   * In the order of `by`. consumer, product, subscription, endpoint, resource, region, operation and outcome by name;
   * cost-centre by path; model: the endpoint's base model; deployment: `resource/deployment`, because the name alone is
   * not unique; end-user: the keyed hash, or the empty string.
   */
  readonly keys: readonly string[];
  readonly bucket: number;
  readonly figures: Figures;
}

/** The lengths of the periods that roll-ups are kept for, ms. Every time zone in use begins its hours on a quarter. */
export const quarterHourMs = 900_000;
export const dayMs = 86_400_000;
