import { ledgerVerifySchema } from '@tollgate/contract/admin-api/operations.ts';
import { ledgerLagSchema } from '@tollgate/contract/usage.ts';
import { failures, json, type AdminApp } from '../app.ts';
import type { AdminDependencies } from '../ports.ts';

const tags = ['Accounting'];

export function accountingRoutes(app: AdminApp, dependencies: AdminDependencies): void {
  const { ledger } = dependencies;
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
