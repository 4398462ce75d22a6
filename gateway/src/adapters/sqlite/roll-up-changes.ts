import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { dayMs, quarterHourMs } from '#model/figures.ts';
import { columnOf, countMeasures, moneyMeasures } from '../sql/figure-columns.ts';
import { RollUpSums, type RollUpChange } from '../sql/roll-up-sums.ts';

const columns = [...countMeasures, ...moneyMeasures].map(columnOf);

function upsert(connection: DatabaseSync, period: 'quarter' | 'day'): StatementSync {
  return connection.prepare(
    `insert into usage_${period} (${period}, series, outcome, ${columns.join(', ')})
     values (?, ?, ?, ${columns.map(() => '?').join(', ')})
     on conflict do update set ${columns.map((column) => `${column} = ${column} + excluded.${column}`).join(', ')}`,
  );
}

/** The sums of a batch, and how they are written. */
export class RollUpChanges extends RollUpSums {
  readonly #upsertQuarter: StatementSync;
  readonly #upsertDay: StatementSync;
  readonly #upsertLine: StatementSync;

  constructor(connection: DatabaseSync) {
    super();
    this.#upsertQuarter = upsert(connection, 'quarter');
    this.#upsertDay = upsert(connection, 'day');
    this.#upsertLine = connection.prepare(
      `insert into usage_line (day, series, outcome, layer, meter, price_id, standing, units, nano_usd)
       values (?, ?, ?, ?, ?, ?, ?, ?, ?)
       on conflict do update set units = units + excluded.units, nano_usd = nano_usd + excluded.nano_usd`,
    );
  }

  write(): void {
    for (const change of this.quarters())
      write(this.#upsertQuarter, Math.floor(change.place.at / quarterHourMs), change);
    for (const change of this.days()) {
      const { at, series, outcome } = change.place;
      const day = Math.floor(at / dayMs);
      write(this.#upsertDay, day, change);
      for (const { layer, meter, priceId, standing, units, nanoUsd } of change.lines)
        this.#upsertLine.run(day, series, outcome, layer, meter, priceId, standing, units, nanoUsd);
    }
  }
}

function write(statement: StatementSync, period: number, { place, counts, money }: RollUpChange): void {
  statement.run(
    period,
    place.series,
    place.outcome,
    ...countMeasures.map((one) => counts[one]),
    ...moneyMeasures.map((one) => money[one]),
  );
}
