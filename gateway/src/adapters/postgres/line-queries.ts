import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { LineRow, LinesQuery } from '#accounting/ledger/ports.ts';
import { dayMs } from '#model/figures.ts';
import { isWord, layers, rollUpOutcomes } from '#model/words.ts';
import { endUserOf, usedParts, type Part } from '../sql/figure-parts.ts';
import { seriesOf } from '../sql/ledger-rows.ts';
import { seriesColumns, type SeriesColumns } from '../sql/ledger-schema.ts';
import { allOf } from '../sql/series-filter.ts';
import { lineRows } from './fresh-roll-ups.ts';
import { rowFilter } from './row-filter.ts';
import { inSpan, spanTable } from './spans.ts';
import { seriesFromStored } from './stored-rows.ts';
import { fromStored } from './text.ts';

interface LineParts {
  readonly day: number;
  readonly outcome: string;
  readonly layer: string;
  readonly meter: string;
  readonly price_id: string;
  readonly standing: number;
  readonly units: string;
  readonly nano_usd: string;
}

const dayRows = 'select day, series, outcome, layer, meter, price_id, standing, units, nano_usd from usage_line';

function partLines(part: Part, query: LinesQuery): RawBuilder<unknown> {
  const conditions = [
    inSpan(part, query.spans),
    ...rowFilter.conditions(query.filter, { endUser: endUserOf[part.kind] }),
  ];
  const rows = part.source === 'days' ? dayRows : lineRows(part.table);
  return sql`
    select part.* from ${spanTable(part, query.spans)} cross join lateral (
      ${sql.raw(rows)} where ${allOf(conditions)}
    ) as part`;
}

/** The one statement that answers a query of lines. */
function linesStatement(query: LinesQuery): RawBuilder<LineParts & SeriesColumns> {
  const recordsOnly = query.filter.some((one) => one.dimension === 'end-user');
  const all = usedParts(query, recordsOnly).map((part) => partLines(part, query));
  return sql`
    select day, outcome, layer, meter, price_id, standing, units::text as units, nano_usd::text as nano_usd,
      ${sql.raw(seriesColumns.join(', '))}
    from (
      select day, series, outcome, layer, meter, price_id, standing, sum(units) as units, sum(nano_usd) as nano_usd
      from (${sql.join(all, sql` union all `)}) as part group by 1, 2, 3, 4, 5, 6, 7
    ) as line join usage_series on usage_series.id = line.series`;
}

export async function selectLines(database: Kysely<unknown>, query: LinesQuery): Promise<readonly LineRow[]> {
  if (query.spans.length === 0) return [];
  const { rows } = await linesStatement(query).execute(database);
  return rows.map((row) => {
    if (!isWord(layers, row.layer) || !isWord(rollUpOutcomes, row.outcome))
      throw new TypeError('The store holds a cost line that was never written to it.');
    return {
      day: row.day * dayMs,
      series: seriesOf(seriesFromStored(row)),
      outcome: row.outcome,
      layer: row.layer,
      meter: fromStored(row.meter),
      priceId: fromStored(row.price_id),
      standing: row.standing,
      units: BigInt(row.units),
      nanoUsd: BigInt(row.nano_usd),
    };
  });
}
