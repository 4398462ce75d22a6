import { csvLine, type CsvCell } from '@tollgate/contract/csv.ts';
import { decimalText, usdOfNano } from '@tollgate/contract/decimal.ts';
import { meterWords } from './meters.ts';
import { lineTitle, type Statement, type StatementLine } from './statement.ts';

const usd = (nanoUsd: bigint | null): CsvCell =>
  nanoUsd === null ? null : { number: decimalText(usdOfNano(nanoUsd), 9) };

const columns: readonly (readonly [string, (line: StatementLine, statement: Statement) => CsvCell])[] = [
  ['statement', (_line, { id }) => id],
  ['month', (_line, { month }) => month],
  ['costCentre', (line) => line.costCentrePath],
  ['consumer', (line) => line.consumer],
  ['kind', (line) => line.kind],
  ['model', (line) => line.model],
  ['resource', (line) => line.resource],
  ['deployment', (line) => line.deployment],
  ['deploymentType', (line) => line.deploymentType],
  ['region', (line) => line.region],
  ['meter', (line) => line.meter],
  ['allocatedBy', (line) => line.allocatedBy],
  ['title', (line) => lineTitle(line)],
  ['price', (line) => line.priceId],
  ['units', (line) => line.units],
  ['unit', (line) => meterWords(line.meter).unit],
  ['unitPriceUsd', ({ unitPrice }) => (unitPrice === null ? null : { number: decimalText(unitPrice) })],
  ['pricingUnit', (line) => meterWords(line.meter).pricingUnit],
  ['costUsd', ({ sums }) => usd(sums.cost)],
  ['listUsd', ({ sums }) => usd(sums.list)],
  ['internalUsd', ({ sums }) => usd(sums.internal)],
  ['chargedUsd', ({ sums }) => usd(sums.charged)],
  ['deliveredOnly', (line) => line.deliveredOnly],
  ['estimated', (line) => line.estimated],
];

/** The lines of a statement, without its total: a sum of the column is the total, and nothing is added in twice. */
export function statementCsv(statement: Statement): string {
  const rows = statement.lines.map((line) => columns.map(([, cell]) => cell(line, statement)));
  return [columns.map(([name]) => name), ...rows].map(csvLine).join('');
}
