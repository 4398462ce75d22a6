import { fits } from '#accounting/reports/posting-filter.ts';
import type { Adjustment, LedgerStore, Shipping } from '#accounting/ledger/ports.ts';
import type { Figures, FigureFilter } from '#model/figures.ts';
import { isJsonObject, parseJson } from '#kernel/json.ts';
import { adjustmentsOf, charges, monthSpans } from './charges.ts';
import { factsOf, monthName, type ExportRequest } from './request.ts';
import {
  addCounts,
  noCounts,
  StatementLines,
  sumOf,
  type AdjustmentGroup,
  type Statement,
  type StatementCounts,
} from './statement.ts';

export interface StatementSources {
  readonly store: Pick<LedgerStore, 'figures' | 'lines' | 'pageOfAdjustments' | 'extent'>;
  readonly shipping: Pick<Shipping, 'hold'>;
}

/** The statement of a cost centre, and all below it, for one month. */
export async function buildStatement(
  sources: StatementSources,
  request: ExportRequest,
  unsettled: number,
): Promise<Statement> {
  const facts = factsOf(request.facts);
  const { period, filter } = request;
  const costCentrePath = request.costCentrePath ?? facts.organisation;
  const lines = new StatementLines(facts.priceById);
  for await (const day of charges(sources, { period, filter, timeZone: facts.timeZone }))
    for (const charge of day) lines.add(charge);
  const all = lines.lines();
  const countsByPlace = await countPlaces(sources, request);
  return {
    id: facts.statementId(costCentrePath, period),
    organisationName: facts.organisationName,
    costCentrePath,
    costCentreName: facts.costCentreName(costCentrePath),
    month: monthName(period, facts.timeZone),
    ...period,
    timeZone: facts.timeZone,
    madeAt: request.madeAt,
    madeBy: request.madeBy,
    keyId: request.keyId,
    unsettled,
    lines: all,
    totals: sumOf(all),
    counts: [...countsByPlace.values()].reduce(addCounts, noCounts),
    countsByPlace,
    adjustments: await adjustmentGroups(sources.store, request),
    note: request.facts.statementNote,
  };
}

async function countPlaces(
  { store }: StatementSources,
  { period, filter }: ExportRequest,
): Promise<ReadonlyMap<string, StatementCounts>> {
  const rows = await store.figures({ by: ['consumer', 'model', 'deployment'], filter, spans: monthSpans(period) });
  return new Map(rows.map(({ keys, figures }) => [JSON.stringify(keys), countsOf(figures)] as const));
}

function countsOf(figures: Figures): StatementCounts {
  return {
    requests: figures.requests,
    attempts: figures.attempts,
    unpriced: figures.unpricedRequests,
    unknownUsage: figures.unknownUsageRequests,
    deliveredOnly: figures.deliveredOnlyRequests,
    estimated: figures.estimatedRequests,
    heldNano: figures.held,
  };
}

/** What was booked beside usage, by its reason: who corrects a month books an adjustment for each call. */
async function adjustmentGroups(
  store: Pick<LedgerStore, 'pageOfAdjustments'>,
  { period, filter }: ExportRequest,
): Promise<readonly AdjustmentGroup[]> {
  const groups = new Map<string, AdjustmentGroup>();
  for await (const adjustment of adjustmentsOf(store, { period, filter })) {
    const one = groupOf(adjustment, filter);
    if (one === null) continue;
    const key = `${one.kind} ${one.reason}`;
    const found = groups.get(key);
    groups.set(key, found === undefined ? one : joined(found, one));
  }
  return [...groups.values()].toSorted((one, other) => one.bookedFrom - other.bookedFrom);
}

function groupOf(adjustment: Adjustment, filter: readonly FigureFilter[]): AdjustmentGroup | null {
  const { kind, bookedAt, detail } = adjustment;
  const postings = adjustment.postings.filter((one) => fits(one, filter));
  // The hours of provisioned deployments are lines of their own.
  if (kind === 'allocation' || postings.length === 0) return null;
  return {
    kind,
    reason: reasonOf(detail),
    bookedFrom: bookedAt,
    bookedTo: bookedAt,
    count: 1n,
    costNano: postings.reduce((sum, one) => sum + one.change.cost, 0n),
    heldNano: postings.reduce((sum, one) => sum + one.change.held, 0n),
  };
}

/** The reason that an adjustment was booked with. */
function reasonOf(detail: string): string {
  const parsed = parseJson(detail);
  const reason = isJsonObject(parsed) ? parsed['reason'] : undefined;
  return typeof reason === 'string' ? reason : '';
}

function joined(one: AdjustmentGroup, other: AdjustmentGroup): AdjustmentGroup {
  return {
    ...one,
    bookedFrom: Math.min(one.bookedFrom, other.bookedFrom),
    bookedTo: Math.max(one.bookedTo, other.bookedTo),
    count: one.count + other.count,
    costNano: one.costNano + other.costNano,
    heldNano: one.heldNano + other.heldNano,
  };
}
