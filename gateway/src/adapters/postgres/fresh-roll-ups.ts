import { dayMs, measures } from '#model/figures.ts';
import { amountOf, columnOf } from '../sql/figure-columns.ts';

/** The lines inside a table's JSON, as rows. */
export const lineRows = (table: string): string => `
  select floor(at::numeric / ${dayMs})::bigint as day, series, outcome, line ->> 0 as layer, line ->> 1 as meter,
    line ->> 3 as price_id, (line ->> 5)::smallint as standing, (line ->> 2)::bigint as units,
    (line ->> 4)::numeric as nano_usd
  from ${table} cross join lateral json_array_elements(lines::json) as line`;

function rowsOf(kind: 'record' | 'posting', table: string): string {
  const amounts = measures.map((one) => `${amountOf(kind, one)} as ${columnOf(one)}`).join(', ');
  return `select at, series, outcome, ${amounts} from ${table}`;
}

/** A select of what the roll-ups of a period's length have to hold, added up anew from records and postings. */
export const freshSums = (periodMs: number): string => `
  select floor(at::numeric / ${periodMs})::bigint, series, outcome, ${measures.map((one) => `sum(${columnOf(one)})`).join(', ')}
  from (${rowsOf('record', 'usage_record')} union all ${rowsOf('posting', 'ledger_posting')}) as row group by 1, 2, 3`;

/** The same for the cost lines of each day. */
export const freshLines = `
  select day, series, outcome, layer, meter, price_id, standing, sum(units), sum(nano_usd)
  from (${lineRows('usage_record')} union all ${lineRows('ledger_posting')}) as line group by 1, 2, 3, 4, 5, 6, 7`;
