import { csvLine } from '@tollgate/contract/csv.ts';
import type { JournalProgress, LedgerStore, Shipping } from '#accounting/ledger/ports.ts';
import { chargeCsvCells, chargeCsvHeader, chargeJson } from './charge-files.ts';
import type { Priced } from './charge-rows.ts';
import { charges } from './charges.ts';
import type { ExportFacts } from './facts.ts';
import { focusHeaderCells, focusRow, type Charge } from './focus-rows.ts';
import { factsOf, totalsJson, type ExportRequest, type ExportSummary, type ExportTotals } from './request.ts';
import { buildStatement } from './build-statement.ts';
import { statementCsv } from './statement-csv.ts';
import { statementHtml } from './statement-html.ts';

export interface ExportSources {
  readonly store: Pick<LedgerStore, 'figures' | 'lines' | 'pageOfAdjustments' | 'extent'>;
  readonly shipping: Shipping;
  readonly progress: JournalProgress;
}

/** The text of an export, piece by piece; what is known of it when it is done. */
export type ExportText = AsyncGenerator<string, ExportSummary>;

/** How many settled attempts stand in the journal alone, after waiting for the store. */
async function unsettledAfter(sources: ExportSources, waitMs: number): Promise<number> {
  const { shipping, progress } = sources;
  await shipping.caughtUp(waitMs);
  return Math.max(0, progress.settles() - progress.shipped());
}

/** Unknown stays unknown until there is something to add. */
const plus = (sum: bigint | null, priced: Priced | null): bigint | null =>
  priced?.counts === true ? (sum ?? 0n) + priced.nanoUsd : sum;

class Totals {
  rows = 0;
  #cost: bigint | null = null;
  #list: bigint | null = null;
  #internal: bigint | null = null;

  add({ row }: Charge): void {
    this.rows += 1;
    this.#cost = plus(this.#cost, row.charged);
    this.#list = plus(this.#list, row.list);
    this.#internal = plus(this.#internal, row.internal);
  }

  sums(): ExportTotals {
    return { cost: this.#cost, list: this.#list, internal: this.#internal };
  }
}

/** How a file of charges begins, tells one, and ends. */
interface ChargeFile {
  readonly head: string;
  charge(charge: Charge, index: number): string;
  tail(totals: ExportTotals): string;
}

function chargeFile(request: ExportRequest, facts: ExportFacts): ChargeFile {
  const { profile } = request;
  if (request.kind === 'focus')
    return {
      head: csvLine(focusHeaderCells),
      charge: (charge) => csvLine(focusRow(charge, { facts, profile })),
      tail: () => '',
    };
  if (request.kind === 'csv')
    return {
      head: csvLine(chargeCsvHeader),
      charge: (charge) => csvLine(chargeCsvCells(charge)),
      tail: () => '',
    };
  return {
    head: `${jsonHead(request)}"charges":[`,
    charge: (charge, index) => `${index === 0 ? '' : ','}\n${chargeJson(charge)}`,
    tail: (totals) => `\n],"totals":${JSON.stringify(totalsJson(totals))}}\n`,
  };
}

function jsonHead({ period, filterTexts, facts, madeAt, madeBy }: ExportRequest): string {
  const { organisation, timeZone } = facts;
  const [from, to, at] = [period.from, period.to, madeAt].map((one) => new Date(one).toISOString());
  const head = {
    format: 'tollgate-charges-1',
    organisation,
    from,
    to,
    timeZone,
    filter: filterTexts,
    madeAt: at,
    madeBy,
  };
  return `${JSON.stringify(head).slice(0, -1)},`;
}

async function* chargeText(sources: ExportSources, request: ExportRequest): ExportText {
  const facts = factsOf(request.facts);
  const unsettled = await unsettledAfter(sources, request.waitMs);
  const file = chargeFile(request, facts);
  const totals = new Totals();
  yield file.head;
  const query = { period: request.period, timeZone: facts.timeZone, filter: request.filter };
  for await (const day of charges(sources, query)) {
    let text = '';
    for (const charge of day) {
      text += file.charge(charge, totals.rows);
      totals.add(charge);
      if (text.length > longestPiece) {
        yield text;
        text = '';
      }
    }
    if (text !== '') yield text;
  }
  const tail = file.tail(totals.sums());
  if (tail !== '') yield tail;
  return { rows: totals.rows, totals: totals.sums(), unsettled };
}

/** Characters; a piece is handed on when it has grown so long. */
const longestPiece = 65_536;

async function* statementText(sources: ExportSources, request: ExportRequest): ExportText {
  const unsettled = await unsettledAfter(sources, request.waitMs);
  const statement = await buildStatement(sources, request, unsettled);
  yield request.kind === 'statement-csv' ? statementCsv(statement) : statementHtml(statement);
  return { rows: statement.lines.length, totals: statement.totals, unsettled };
}

/**
 * The file that was asked for. A period without anything is a file without rows. Memory holds one day of charges, and of
 * a statement its lines.
 */
export function exportText(sources: ExportSources, request: ExportRequest): ExportText {
  const isStatement = request.kind === 'statement-csv' || request.kind === 'statement-html';
  return isStatement ? statementText(sources, request) : chargeText(sources, request);
}
