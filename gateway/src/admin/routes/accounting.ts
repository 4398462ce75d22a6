import { ledgerVerifySchema, usageQuerySchema, type UsageQuery } from '@tollgate/contract/admin-api/operations.ts';
import { ledgerLagSchema, usageReportSchema } from '@tollgate/contract/usage.ts';
import { Failure } from '#kernel/errors.ts';
import { failures, invalid, json, type AdminApp } from '../app.ts';
import type { AdminDependencies } from '../ports.ts';

const tags = ['Accounting'];

export function accountingRoutes(app: AdminApp, dependencies: AdminDependencies): void {
  const { reports, ledger } = dependencies;
  app.route({
    method: 'GET',
    url: '/usage',
    schema: {
      operationId: 'usage',
      tags,
      summary: 'Who used what, and what it costs',
      description:
        'Attempts count in the period in which they were admitted. What is unknown is null or in a column of its own, ' +
        'never 0.',
      querystring: usageQuerySchema,
      response: { 200: json('The report.', usageReportSchema), ...invalid, ...failures },
    },
    handler({ query }) {
      checkPeriod(query);
      return reports.query(query);
    },
  });

  app.route({
    method: 'POST',
    url: '/ledger/verify',
    schema: {
      operationId: 'verifyLedger',
      tags,
      summary: 'Compare the journal with the store',
      description: 'Reads the whole journal; changes nothing. Answers 200 also where they differ: see `ok`.',
      response: { 200: json('The findings.', ledgerVerifySchema), ...failures },
    },
    handler: () => ledger.verify(),
  });

  app.route({
    method: 'GET',
    url: '/ledger/lag',
    schema: {
      operationId: 'ledgerLag',
      tags,
      summary: 'What the journal holds beyond the store',
      response: { 200: json('The lag at this moment.', ledgerLagSchema), ...failures },
    },
    handler: () => ledger.lag(),
  });
}

function checkPeriod({ from, to }: UsageQuery): void {
  if (from !== undefined && to !== undefined && Date.parse(from) >= Date.parse(to))
    throw new Failure('admin_invalid', '`from` must be before `to`.');
}
