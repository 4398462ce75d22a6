import type { UsageRecords, UsageRequest } from '@tollgate/contract/admin-api/usage.ts';
import type { UsageReport } from '@tollgate/contract/usage.ts';
import type { Asked } from './asked.ts';
import type { ReportSettings } from './subject.ts';
import { usageRecords, usageRequest, type RecordSources } from './usage-records.ts';
import { usageReport, type ReportSources } from './usage-report.ts';

/** What can be asked of the ledger. Whatever is wrong with a question rejects with one Failure that tells all of it. */
export interface Reports {
  query(asked: Asked, settings: ReportSettings): Promise<UsageReport>;
  records(asked: Asked, settings: ReportSettings): Promise<UsageRecords>;
  request(requestId: string): Promise<UsageRequest>;
}

export function createReports(sources: ReportSources & RecordSources): Reports {
  return {
    query: async (asked, settings) => await usageReport(sources, asked, settings),
    records: async (asked, settings) => await usageRecords(sources, asked, settings),
    request: async (requestId) => await usageRequest(sources, requestId),
  };
}
