import { sql, type Kysely } from 'kysely';
import { dayMs, measures, quarterHourMs } from '#model/figures.ts';
import { columnOf } from '../sql/figure-columns.ts';
import { freshLines, freshSums } from './fresh-roll-ups.ts';

const sums = measures.map(columnOf).join(', ');

const lineKey = 'day, series, outcome, layer, meter, price_id, standing';

const checks = [
  { table: 'usage_quarter', key: 'quarter, series, outcome', sums, fresh: freshSums(quarterHourMs) },
  { table: 'usage_day', key: 'day, series, outcome', sums, fresh: freshSums(dayMs) },
  { table: 'usage_line', key: lineKey, sums: 'units, nano_usd', fresh: freshLines },
];

/** How many roll-ups differ from the sums of what stands in the store. Reads all of it: on a connection with patience. */
export async function countWrongRollUps(database: Kysely<unknown>): Promise<number> {
  let wrong = 0;
  for (const check of checks) {
    const [key, columns] = [sql.raw(check.key), sql.raw(`${check.key}, ${check.sums}`)];
    const { rows } = await sql<{ wrong: number }>`
      with fresh (${columns}) as (${sql.raw(check.fresh)}), kept as (select ${columns} from ${sql.raw(check.table)})
      select count(*) as wrong from (
        select ${key} from (select * from fresh except select * from kept) as missing
        union select ${key} from (select * from kept except select * from fresh) as superfluous
      ) as different`.execute(database);
    wrong += rows[0]?.wrong ?? 0;
  }
  return wrong;
}
