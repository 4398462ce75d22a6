import { usageReportSchema, type LedgerLag, type ReportDimension, type UsageReport } from '@tollgate/contract/usage.ts';
import type { AdminClient, Reply } from '#admin/client.ts';
import { grouped } from '#output/money.ts';

export interface UsageQuestion {
  readonly by: ReportDimension;
  /** RFC 3339, UTC; inclusive. */
  readonly from?: string;
  /** RFC 3339, UTC; exclusive. */
  readonly to?: string;
  /** How long the gateway waits for its store to catch up with the journal. */
  readonly waitMs: number;
}

export async function fetchUsage(admin: AdminClient, question: UsageQuestion): Promise<Reply<UsageReport>> {
  return await admin.ask({
    path: 'usage',
    schema: usageReportSchema,
    query: { by: question.by, from: question.from, to: question.to, waitMs: String(question.waitMs) },
    timeoutMs: question.waitMs + 30_000,
  });
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
