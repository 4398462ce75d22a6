import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Series } from '#accounting/ledger/ports.ts';
import { seriesColumns } from '../sql/ledger-schema.ts';
import { seriesValues } from '../sql/series-values.ts';

export function integerOf(value: unknown): number {
  if (typeof value !== 'number')
    throw new TypeError('The store holds something else than the integer that was expected.');
  return value;
}

/** The ids of series, made where there is none yet. */
export class SeriesIds {
  readonly #find: StatementSync;
  readonly #insert: StatementSync;
  /** Of the series that readers share between records. */
  #known = new WeakMap<Series, number>();

  constructor(connection: DatabaseSync) {
    this.#find = connection.prepare(
      `select id from usage_series where ${seriesColumns.map((column) => `${column} is ?`).join(' and ')}`,
    );
    this.#insert = connection.prepare(
      `insert into usage_series (${seriesColumns.join(', ')}) values (${seriesColumns.map(() => '?').join(', ')})`,
    );
  }

  of(series: Series): number {
    let id = this.#known.get(series);
    if (id === undefined) {
      const values = seriesValues(series);
      const found = this.#find.get(...values)?.['id'];
      id = found === undefined ? Number(this.#insert.run(...values).lastInsertRowid) : integerOf(found);
      this.#known.set(series, id);
    }
    return id;
  }

  /** After a rollback: some may have been made in the transaction. */
  forget(): void {
    this.#known = new WeakMap();
  }
}
