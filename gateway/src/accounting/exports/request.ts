import { createHash } from 'node:crypto';
import type { ExportStatement } from '@tollgate/contract/export-signature.ts';
import type { ExportFacts } from './facts.ts';
import type { Span } from './months.ts';
import type { ReadExport } from './read-query.ts';
import type { KnownPrice } from './row-prices.ts';

/** What an export says that does not stand in the ledger, as data: it crosses from the gateway to the ledger's worker. */
export interface ExportFactsData {
  readonly organisation: string;
  readonly organisationName: string;
  readonly billingAccountId: string;
  readonly timeZone: string;
  readonly prices: readonly (readonly [priceId: string, price: KnownPrice])[];
  /** Path, and what people call it. */
  readonly costCentres: readonly (readonly [path: string, name: string])[];
  /** What stands under every statement, in the organisation's own words; null for nothing. */
  readonly statementNote: string | null;
}

/** What an export says of its making. */
export interface ExportMaking {
  readonly facts: ExportFactsData;
  /** UTC ms. */
  readonly madeAt: number;
  /** `Tollgate 0.1.0`. */
  readonly madeBy: string;
  /** The id of the key that may sign it. */
  readonly keyId: string;
}

/** Everything that an export is made from, but the ledger. */
export type ExportRequest = ReadExport & ExportMaking;

/** 10^-9 USD; null: no row has an amount on that layer. */
export interface ExportTotals {
  readonly cost: bigint | null;
  readonly list: bigint | null;
  readonly internal: bigint | null;
}

const amountText = (amount: bigint | null): string | null => (amount === null ? null : String(amount));

/** Totals as JSON: decimal strings, or null. */
export function totalsJson({ cost, list, internal }: ExportTotals): ExportStatement['totals'] {
  return { costNanoUsd: amountText(cost), listNanoUsd: amountText(list), internalNanoUsd: amountText(internal) };
}

/** What is known of an export once it is written. */
export interface ExportSummary {
  readonly rows: number;
  readonly totals: ExportTotals;
  /** Settled attempts that the store did not hold yet. */
  readonly unsettled: number;
}

export function factsOf(data: ExportFactsData): ExportFacts {
  const prices = new Map(data.prices);
  const names = new Map(data.costCentres);
  return {
    organisation: data.organisation,
    organisationName: data.organisationName,
    billingAccountId: data.billingAccountId,
    timeZone: data.timeZone,
    priceById: (priceId) => prices.get(priceId),
    costCentreName: (path) =>
      names.get(path) ?? (path === data.organisation ? data.organisationName : (path.split('/').at(-1) ?? path)),
    statementId: (path, month) => statementId(path, monthName(month, data.timeZone)),
  };
}

/** `2026-11` of a month in its time zone. */
export function monthName(month: Span, timeZone: string): string {
  const day = Temporal.Instant.fromEpochMilliseconds(month.from).toZonedDateTimeISO(timeZone).toPlainDate();
  return day.toPlainYearMonth().toString();
}

/** `2026-11-marketing-3f9a2c`: the same for the same cost centre and month, whenever and wherever it is made. */
export function statementId(path: string, month: string): string {
  const digest = createHash('sha256').update(`${path} ${month}`).digest('hex').slice(0, 6);
  return `${month}-${path.split('/').at(-1) ?? path}-${digest}`;
}
