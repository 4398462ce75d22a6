import { createHash } from 'node:crypto';
import type { Series } from '#accounting/ledger/ports.ts';
import { seriesColumns } from '../sql/ledger-schema.ts';
import { seriesValues } from '../sql/series-values.ts';
import { arraysOf, namesOf, unnested, type Column } from './columns.ts';
import type { PostgresDatabase } from './open.ts';
import { toStored } from './text.ts';

interface NewSeries {
  readonly key: string;
  readonly values: readonly (string | number | null)[];
}

function valuesOf(series: Series): (string | number | null)[] {
  return seriesValues(series).map((one) => (typeof one === 'string' ? toStored(one) : one));
}

/** A digest instead of the members themselves: an index holds no more than 2,700 bytes of them, clients name models. */
function keyOf(values: readonly (string | number | null)[]): string {
  return createHash('sha256').update(JSON.stringify(values)).digest('base64url');
}

const columns: readonly Column<NewSeries>[] = [
  { name: 'key', type: 'text', value: ({ key }) => key },
  ...seriesColumns.map((name, index): Column<NewSeries> => ({
    name,
    type: name === 'stream' ? 'smallint' : 'text',
    value: ({ values }) => values[index] ?? null,
  })),
];

const find = { name: 'find-series', text: 'select id, key from usage_series where key = any($1::text[])' };
const insert = {
  name: 'insert-series',
  text: `insert into usage_series (${namesOf(columns)}) select * from ${unnested(columns)} on conflict (key) do nothing`,
};

/**
 * The ids of series, made where there is none yet. They are made before the transaction that needs them, and stay when
 * it fails: a series that nothing refers to does no harm, and gateways that make the same one do not wait for each
 * other's batches.
 */
export class SeriesIds {
  readonly #database: PostgresDatabase;
  /** Of the series that readers share between records. */
  #ids = new WeakMap<Series, number>();

  constructor(database: PostgresDatabase) {
    this.#database = database;
  }

  /** Resolves once `of` knows all of these. */
  async ensure(all: Iterable<Series>): Promise<void> {
    const unknown = new Map<string, NewSeries & { readonly series: Series[] }>();
    for (const series of all) {
      if (this.#ids.has(series)) continue;
      const values = valuesOf(series);
      const key = keyOf(values);
      const one = unknown.get(key);
      if (one === undefined) unknown.set(key, { key, values, series: [series] });
      else one.series.push(series);
    }
    if (unknown.size === 0) return;
    const ids = await this.#find([...unknown.values()]);
    for (const { key, series } of unknown.values()) for (const one of series) this.#ids.set(one, idOf(ids, key));
  }

  /** The database was put back to an earlier state, or may have been: the ids may be somebody else's there. */
  forget(): void {
    this.#ids = new WeakMap();
  }

  of(series: Series): number {
    const id = this.#ids.get(series);
    if (id === undefined) throw new TypeError('A series was not made before it is needed.');
    return id;
  }

  async #find(wanted: readonly NewSeries[]): Promise<ReadonlyMap<string, number>> {
    return await this.#database.transaction(async (transaction) => {
      const [keys] = arraysOf(columns.slice(0, 1), wanted);
      const look = async (): Promise<Map<string, number>> => {
        const { rows } = await transaction.run<{ id: number; key: string }>(find, [keys ?? '']);
        return new Map(rows.map(({ id, key }) => [key, id]));
      };
      const found = await look();
      const missing = wanted
        .filter(({ key }) => !found.has(key))
        .toSorted((one, other) => (one.key < other.key ? -1 : 1));
      if (missing.length === 0) return found;
      await transaction.run(insert, arraysOf(columns, missing));
      return await look();
    });
  }
}

function idOf(ids: ReadonlyMap<string, number>, key: string): number {
  const id = ids.get(key);
  if (id === undefined) throw new TypeError('A series is gone that was made just now.');
  return id;
}
