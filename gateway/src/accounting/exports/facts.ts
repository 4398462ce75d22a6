import type { Span } from './months.ts';
import type { PriceById } from './row-prices.ts';

/** What an export says that does not stand in the ledger: names, prices, the organisation, at the moment it is made. */
export interface ExportFacts {
  /** The root of the cost-centre tree. */
  readonly organisation: string;
  /** What people call it. */
  readonly organisationName: string;
  readonly billingAccountId: string;
  readonly timeZone: string;
  readonly priceById: PriceById;
  /** What the configuration calls a cost centre now; its last name where it has it no longer. */
  costCentreName(path: string): string;
  /** The id of a statement: the same for the same cost centre and month. */
  statementId(costCentrePath: string, month: Span): string;
}
