import { quarterHourMs } from '#model/figures.ts';
import type { PostgresDatabase, Statement, Transaction } from './open.ts';

/** The records and the quarter-hours of one month (UTC) stand in partitions of their own. */
export interface Month {
  /** `2026_03`; `before` and `after` hold what no calendar of four digits does. */
  readonly name: string;
  /** UTC ms, [from, to); null is unbounded. */
  readonly from: number | null;
  readonly to: number | null;
}

const firstYear = Date.UTC(1900, 0);
const afterLastYear = Date.UTC(10_000, 0);

export function monthOf(at: number): Month {
  if (at < firstYear) return { name: 'before', from: null, to: firstYear };
  if (at >= afterLastYear) return { name: 'after', from: afterLastYear, to: null };
  const date = new Date(at);
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
  const name = `${year}_${String(month + 1).padStart(2, '0')}`;
  return { name, from: Date.UTC(year, month), to: Date.UTC(year, month + 1) };
}

/** Whoever makes partitions holds it, over all gateways on the database. */
const lockId = 8_390_046_019_812_096;

/** What is partitioned by month: by which column, and what that counts, ms. */
const partitioned = [
  { table: 'usage_record', unit: 1, storage: '' },
  // Roll-ups are written over and over in place: there is room for that on their pages.
  { table: 'usage_quarter', unit: quarterHourMs, storage: 'with (fillfactor = 75)' },
] as const;

const statement = (text: string): Statement => ({ text });

/**
 * Makes the partitions of the months that something is written for. They are attached, not created in place: that
 * leaves readers and writers of the other months alone.
 */
export class Partitions {
  readonly #database: PostgresDatabase;
  readonly #known = new Set<string>();

  constructor(database: PostgresDatabase) {
    this.#database = database;
  }

  /** Resolves when there is a place for everything at these times (UTC ms). */
  async ensure(times: Iterable<number>): Promise<void> {
    for (const month of this.#unknownMonths(times)) {
      await this.#database.transaction(async (transaction) => await make(transaction, month));
      this.#known.add(month.name);
    }
  }

  /** Somebody has dropped some. */
  forget(): void {
    this.#known.clear();
  }

  #unknownMonths(times: Iterable<number>): readonly Month[] {
    const months = new Map<string, Month>();
    let last: Month | undefined;
    for (const at of times) {
      // Nearly always the same month again.
      if (last !== undefined && at >= (last.from ?? -Infinity) && at < (last.to ?? Infinity)) continue;
      last = monthOf(at);
      if (!this.#known.has(last.name)) months.set(last.name, last);
    }
    return [...months.values()];
  }
}

async function make(transaction: Transaction, month: Month): Promise<void> {
  await transaction.run(statement(`select pg_advisory_xact_lock(${lockId})`), []);
  for (const { table, unit, storage } of partitioned) {
    const partition = `${table}_${month.name}`;
    const attached = statement('select from pg_inherits where inhrelid = to_regclass($1)');
    const { count } = await transaction.run(attached, [partition]);
    if (count > 0) continue;
    const from = month.from === null ? 'minvalue' : month.from / unit;
    const to = month.to === null ? 'maxvalue' : month.to / unit;
    await transaction.run(statement(`create table ${partition} (like ${table} including all) ${storage}`), []);
    await transaction.run(
      statement(`alter table ${table} attach partition ${partition} for values from (${from}) to (${to})`),
      [],
    );
  }
}
