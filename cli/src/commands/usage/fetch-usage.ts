import { usageReportSchema, type LedgerLag, type UsageReport } from '@tollgate/contract/usage.ts';
import type { AdminClient, Reply } from '#admin/client.ts';
import { grouped } from '#output/money.ts';
import type { Query } from '#subject.ts';

/** Beyond what the gateway may wait for its store. */
const patienceMs = 120_000;

export async function fetchUsage(admin: AdminClient, query: Query): Promise<Reply<UsageReport>> {
  return await admin.ask({
    path: 'usage',
    schema: usageReportSchema,
    query,
    timeoutMs: Number(query['waitMs'] ?? 0) + patienceMs,
  });
}

/** Page after page until there is no more; only the first one waits for the store. */
export async function* usagePages(admin: AdminClient, query: Query): AsyncGenerator<Reply<UsageReport>> {
  for (let next: string | null | undefined; next !== null;) {
    const page = await fetchUsage(admin, next === undefined ? query : { ...query, waitMs: '0', after: next });
    yield page;
    ({ next } = page.value);
  }
}

/** What the journal holds beyond the report, in words; empty where it holds nothing more. */
export function lagNote(lag: LedgerLag, waitedMs: number): string {
  const behind =
    lag.records === 0
      ? ''
      : `note: ${grouped(lag.records)} settled calls are not in this report yet: the store was still behind the journal after ${waitedMs / 1000} s. Ask again, or wait longer (--wait).\n`;
  const open =
    lag.openAttempts === 0
      ? ''
      : `note: ${grouped(lag.openAttempts)} calls are in flight; they are counted when they end.\n`;
  return behind + open;
}
