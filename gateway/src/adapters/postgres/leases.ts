import { sql } from 'kysely';
import type { PostgresDatabase } from './open.ts';
import { toStored } from './text.ts';

export const leaseTable = `create table ledger_lease (
  work text collate "C" primary key, holder text collate "C" not null, until timestamptz not null
)`;

/** By the server's clock, which is the same for every gateway. */
export async function takeLease(
  { kysely }: PostgresDatabase,
  asked: { readonly work: string; readonly holder: string; readonly forMs: number },
): Promise<boolean> {
  const { rows } = await sql<{ holder: string }>`
    insert into ledger_lease (work, holder, until)
    values (${asked.work}, ${toStored(asked.holder)}, clock_timestamp() + ${asked.forMs}::float8 * interval '1 millisecond')
    on conflict (work) do update set holder = excluded.holder, until = excluded.until
      where ledger_lease.holder = excluded.holder or ledger_lease.until <= clock_timestamp()
    returning holder`.execute(kysely);
  return rows.length === 1;
}
