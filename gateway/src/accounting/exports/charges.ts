import type { RollUpOutcome } from '#accounting/ledger/ports.ts';
import type { Adjustment, LedgerStore, Posting, RecordKey, Shipping } from '#accounting/ledger/ports.ts';
import {
  dayMs,
  seriesDimensions,
  type Figures,
  type FigureFilter,
  type FiguresRow,
  type FigureSpan,
  type Period,
} from '#model/figures.ts';
import { fits } from '#accounting/reports/posting-filter.ts';
import { isJsonObject, parseJson } from '#kernel/json.ts';
import { isWord, rollUpOutcomes, seriesOperations } from '#model/words.ts';
import { chargeRows, type ChargeSeries, type ChargeLine } from './charge-rows.ts';
import type { Charge } from './focus-rows.ts';
import { unknownUsageMeter } from './meters.ts';
import { dayPieces, monthsOf, type DayPiece, type Month, type Span } from './months.ts';
import { nextTurn } from '#kernel/turn.ts';

export interface ChargeSources {
  readonly store: Pick<LedgerStore, 'figures' | 'lines' | 'pageOfAdjustments' | 'extent'>;
  readonly shipping: Pick<Shipping, 'hold'>;
}

export interface ChargesQuery {
  readonly period: Span;
  readonly timeZone: string;
  readonly filter: readonly FigureFilter[];
}

const adjustmentsAPage = 500;

/**
 * Everything that was charged in a period, month by month and day by day: memory holds one day. Whole UTC days are read
 * from what is kept for days, the edges of months from records. Lines, marks and corrections of a day are read while
 * nothing is shipped, so that they belong together.
 */
export async function* charges(sources: ChargeSources, query: ChargesQuery): AsyncGenerator<readonly Charge[]> {
  const period = await stored(sources.store, query.period);
  if (period === null) return;
  for (const month of monthsOf(period, query.timeZone))
    for (const piece of dayPieces(month)) {
      // Days without anything follow each other: what else is asked of the thread is answered in between.
      await nextTurn();
      yield await chargesOfPiece(sources, { ...query, month, piece });
    }
}

/** The part of a period in which the store holds something, in whole UTC days: a period may be millennia long. */
async function stored(store: ChargeSources['store'], period: Span): Promise<Span | null> {
  const extent = await store.extent();
  if (extent === null) return null;
  const from = Math.max(period.from, Math.floor(extent.from / dayMs) * dayMs);
  const to = Math.min(period.to, Math.ceil(extent.to / dayMs) * dayMs);
  return from < to ? { from, to } : null;
}

interface PieceQuery extends ChargesQuery {
  readonly month: Month;
  readonly piece: DayPiece;
}

async function chargesOfPiece(sources: ChargeSources, query: PieceQuery): Promise<readonly Charge[]> {
  const { store, shipping } = sources;
  const { filter, month, piece } = query;
  const spans: readonly FigureSpan[] = [{ ...piece, source: piece.isWhole ? 'days' : 'records', bucket: 0 }];
  const { lines, rows, booked } = await shipping.hold(async () => ({
    lines: await store.lines({ filter, spans }),
    rows: await store.figures({ by: seriesDimensions, filter, spans }),
    booked: await bookedBeside(store, query),
  }));
  const { late, rules } = booked;
  const marks = marksOf(rows);
  const ofMonth = [...lines, ...late.map((line) => ({ ...line, units: -line.units, nanoUsd: -line.nanoUsd }))];
  const billing = { ...month.whole, name: month.name };
  const shared = { period: { from: piece.from, to: piece.to }, billing };
  const bare = { ...shared, deliveredOnly: false, estimated: false, heldNano: 0n, allocatedBy: null };
  const charged = chargeRows(ofMonth).map((row): Keyed => {
    const key = keyOf(row);
    const allocatedBy = isAllocated(row) ? (rules.get(row.series.servedBy.endpoint) ?? null) : null;
    return [key, { ...bare, row, correction: false, ...remarksOf(marks.get(key)?.figures), allocatedBy }];
  });
  const known = new Set(charged.map(([key]) => key));
  const unknown = [...marks]
    .filter(([key, { figures }]) => figures.unknownUsageAttempts !== 0n || (figures.held !== 0n && !known.has(key)))
    .map(([key, row]): Keyed => [key, { ...bare, row: unknownUsage(row), correction: false }]);
  return [
    ...withHeld({ charged, unknown }, marks),
    ...chargeRows(late).map((row): Charge => ({ ...bare, row, correction: true })),
  ];
}

/** A charge and the key of its series and outcome. */
type Keyed = readonly [key: string, charge: Charge];

const keyOf = ({ series, outcome }: Charge['row']): string => JSON.stringify(keysOf(series, outcome));

function remarksOf(figures: Figures | undefined): Pick<Charge, 'deliveredOnly' | 'estimated'> {
  return {
    deliveredOnly: (figures?.deliveredOnlyRequests ?? 0n) > 0n,
    estimated: (figures?.estimatedRequests ?? 0n) > 0n,
  };
}

/**
 * What budgets hold for the calls of a series stands once: with those of unknown usage, else in the first row of the
 * series.
 */
function withHeld(
  { charged, unknown }: { readonly charged: readonly Keyed[]; readonly unknown: readonly Keyed[] },
  marks: ReadonlyMap<string, FiguresRow>,
): readonly Charge[] {
  const told = new Set(unknown.map(([key]) => key));
  return [...charged, ...unknown].map(([key, charge]) => {
    const isFirst = charge.row.meter === unknownUsageMeter || !told.has(key);
    told.add(key);
    const held = isFirst ? (marks.get(key)?.figures.held ?? 0n) : 0n;
    return held === 0n ? charge : { ...charge, heldNano: held };
  });
}

/** By their keys, in their order. */
function marksOf(figures: readonly FiguresRow[]): ReadonlyMap<string, FiguresRow> {
  const keyed = figures.map((row) => [JSON.stringify(row.keys), row] as const);
  return new Map(keyed.toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

/** In the order of `seriesDimensions`. */
function keysOf({ caller, servedBy, operation }: ChargeSeries, outcome: RollUpOutcome): readonly string[] {
  return [
    caller.consumer,
    caller.costCentrePath,
    caller.product,
    caller.subscription,
    servedBy.model,
    servedBy.endpoint,
    `${servedBy.resource}/${servedBy.deployment}`,
    servedBy.resource,
    servedBy.deploymentType,
    servedBy.region,
    operation,
    outcome,
  ];
}

/** The calls of which nobody knows what they used: no lines tell of them. */
function unknownUsage({ keys, figures }: FiguresRow): Charge['row'] {
  const prices = { list: null, charged: null, internal: null, unpriced: false, inside: false };
  return { ...seriesOfKeys(keys), meter: unknownUsageMeter, units: figures.unknownUsageAttempts, ...prices };
}

function seriesOfKeys(keys: readonly string[]): { readonly series: ChargeSeries; readonly outcome: RollUpOutcome } {
  const key = (dimension: (typeof seriesDimensions)[number]): string => keys[seriesDimensions.indexOf(dimension)] ?? '';
  const [operation, outcome, resource] = [key('operation'), key('outcome'), key('resource')];
  if (!isWord(rollUpOutcomes, outcome) || !isWord(seriesOperations, operation))
    throw new TypeError('The store answers with an outcome or an operation that was never written to it.');
  const caller = {
    consumer: key('consumer'),
    costCentrePath: key('cost-centre'),
    product: key('product'),
    subscription: key('subscription'),
  };
  const servedBy = {
    endpoint: key('endpoint'),
    resource,
    region: key('region'),
    deployment: key('deployment').slice(resource.length + 1),
    deploymentType: key('deployment-type'),
    model: key('model'),
    modelVersion: null,
  };
  return { series: { caller, servedBy, operation, priceBook: '' }, outcome };
}

const isAllocated = ({ outcome }: Charge['row']): boolean => outcome === 'allocated' || outcome === 'idle';

/** What adjustments say beyond the lines of the day, among which theirs stand too. */
interface Booked {
  /** The lines of corrections of calls before this month: what an invoice calls a credit note. */
  readonly late: readonly ChargeLine[];
  /** How the hours of a provisioned deployment were shared out, by its endpoint. */
  readonly rules: ReadonlyMap<string, string>;
}

async function bookedBeside(store: ChargeSources['store'], { filter, month, piece }: PieceQuery): Promise<Booked> {
  const late: ChargeLine[] = [];
  const rules = new Map<string, Set<string>>();
  for await (const adjustment of adjustmentsOf(store, { period: piece, filter })) {
    const { of, kind, detail } = adjustment;
    const postings = adjustment.postings.filter((one) => fits(one, filter));
    const rule = kind === 'allocation' ? ruleOf(detail) : undefined;
    if (rule !== undefined)
      for (const { series } of postings)
        rules.set(series.servedBy.endpoint, (rules.get(series.servedBy.endpoint) ?? new Set()).add(rule));
    if (of !== null && of.at < month.whole.from) late.push(...postings.flatMap(linesOf));
  }
  // It seldom changes, and then with a day.
  return { late, rules: new Map([...rules].map(([endpoint, all]) => [endpoint, [...all].toSorted().join(', ')])) };
}

/** The rule that an allocation was booked by. */
function ruleOf(detail: string): string | undefined {
  const parsed = parseJson(detail);
  const basis = isJsonObject(parsed) ? parsed['basis'] : undefined;
  const rule = isJsonObject(basis) ? basis['rule'] : undefined;
  return typeof rule === 'string' ? rule : undefined;
}

function linesOf({ series, outcome, lines }: Posting): readonly ChargeLine[] {
  return lines.map((line) => ({ ...line, series, outcome, units: BigInt(line.units) }));
}

/** Every adjustment that counts in a period and fits a filter, in the order of its time. */
export async function* adjustmentsOf(
  store: Pick<LedgerStore, 'pageOfAdjustments'>,
  query: { readonly period: Period; readonly filter: readonly FigureFilter[] },
): AsyncGenerator<Adjustment> {
  let after: RecordKey | null = null;
  for (;;) {
    const page: readonly Adjustment[] = await store.pageOfAdjustments({ ...query, after, limit: adjustmentsAPage });
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < adjustmentsAPage) return;
    after = { at: last.at, id: last.id };
  }
}

/** The figures of a month as a whole, whatever its edges. */
export function monthSpans(month: Span): readonly FigureSpan[] {
  return dayPieces(month).map((piece) => ({
    from: piece.from,
    to: piece.to,
    source: piece.isWhole ? 'days' : 'records',
    bucket: 0,
  }));
}
