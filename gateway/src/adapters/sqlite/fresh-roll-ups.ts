import { dayMs, measures } from '#model/figures.ts';
import { amountOf, columnOf, type RowKind } from '../sql/figure-columns.ts';

function rowsOf(kind: Exclude<RowKind, 'rollUp'>, table: string): string {
  const amounts = measures.map((one) => `${amountOf(kind, one)} as ${columnOf(one)}`).join(', ');
  return `select at, series, outcome, ${amounts} from ${table}`;
}

/** A select of what the roll-ups of a period's length have to hold, added up anew from records and postings. */
export function freshSums(periodMs: number): string {
  const sums = measures.map((one) => `sum(${columnOf(one)})`).join(', ');
  return `select at / ${periodMs}, series, outcome, ${sums}
    from (${rowsOf('record', 'usage_record')} union all ${rowsOf('posting', 'ledger_posting')}) group by 1, 2, 3`;
}

const linesOf = (table: string): string => `
  select at / ${dayMs} as day, series, outcome, line.value ->> 0 as layer, line.value ->> 1 as meter,
    line.value ->> 3 as price_id, line.value ->> 5 as standing, line.value ->> 2 as units,
    cast(line.value ->> 4 as integer) as nano_usd
  from ${table}, json_each(${table}.lines) as line`;

/** The same for the cost lines of each day. */
export const freshLines = `select day, series, outcome, layer, meter, price_id, standing, sum(units), sum(nano_usd)
  from (${linesOf('usage_record')} union all ${linesOf('ledger_posting')}) group by 1, 2, 3, 4, 5, 6, 7`;
