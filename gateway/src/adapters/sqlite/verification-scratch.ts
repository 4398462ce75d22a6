import { closeSync, openSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { VerificationScratch } from '#accounting/reports/ports.ts';

/** Memory that the pages may take, KiB; what does not fit goes to the file. */
const cacheKiB = 32 * 1024;

const tables = `
  PRAGMA page_size = 8192;
  PRAGMA journal_mode = OFF;
  PRAGMA synchronous = OFF;
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA cache_size = -${cacheKiB};
  create table records (name text primary key) strict, without rowid;
  create table adjustments (name text primary key) strict, without rowid;
  create table flagged (id text primary key, request text not null, bits integer not null) strict, without rowid;
  create table corrected (
    id text primary key, request text not null, bits integer not null, booked_at integer not null, correction text not null
  ) strict, without rowid;
`;

/**
 * An SQLite file, which is made anew and goes when it is closed. Nothing of it has to survive anything, so that nothing
 * is synced or journalled.
 */
export function openVerificationScratch(path: string): VerificationScratch {
  const remove = (): void => rmSync(path, { force: true });
  // What a killed process has left.
  remove();
  if (path !== ':memory:') closeSync(openSync(path, 'wx', 0o600));
  const database = new DatabaseSync(path);
  database.exec(tables);
  const sets = {
    records: {
      add: database.prepare('insert or ignore into records (name) values (?)'),
      has: database.prepare('select 1 from records where name = ?'),
    },
    adjustments: {
      add: database.prepare('insert or ignore into adjustments (name) values (?)'),
      has: database.prepare('select 1 from adjustments where name = ?'),
    },
  };
  const flag = database.prepare('insert or ignore into flagged (id, request, bits) values (?, ?, ?)');
  const correct = database.prepare(
    `insert into corrected (id, request, bits, booked_at, correction) values (?, ?, ?, ?, ?)
     on conflict (id) do update set bits = excluded.bits, booked_at = excluded.booked_at, correction = excluded.correction
     where (excluded.booked_at, excluded.correction) > (booked_at, correction)`,
  );
  const count = database.prepare(
    `select count(distinct request) as requests from (
       select request, bits from flagged where id not in (select id from corrected)
       union all select request, bits from corrected
     ) where bits & ? <> 0`,
  );
  const together = <Result>(work: () => Result): Result => {
    database.exec('begin');
    const result = work();
    database.exec('commit');
    return result;
  };
  return {
    add: (set, names) => together(() => names.map((name) => sets[set].add.run(name).changes === 1)),
    has: (set, names) => names.map((name) => sets[set].has.get(name) !== undefined),
    flag: (attempts) =>
      together(() => {
        for (const { id, requestId, bits } of attempts) flag.run(id, requestId, bits);
      }),
    correct: (attempts) =>
      together(() => {
        for (const { id, requestId, bits, bookedAt, correction } of attempts)
          correct.run(id, requestId, bits, bookedAt, correction);
      }),
    requestsWith: (bit) => Number(count.get(bit)?.['requests'] ?? 0),
    close() {
      database.close();
      remove();
    },
  };
}
