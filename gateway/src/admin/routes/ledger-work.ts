import { ledgerWorkQuerySchema, ledgerWorkRequestSchema } from '@tollgate/contract/admin-api/ledger.ts';
import { ledgerWorkSchema } from '@tollgate/contract/admin-api/operations.ts';
import { z } from 'zod';
import { Failure } from '#kernel/errors.ts';
import { failures, invalid, json, missing, underWay, type AdminApp } from '../app.ts';
import { LedgerWorks } from '../ledger-work.ts';
import type { AdminDependencies } from '../ports.ts';

const tags = ['Accounting'];

export function ledgerWorkRoutes(app: AdminApp, dependencies: AdminDependencies): void {
  const { ledger, directory, clock, newId, log } = dependencies;
  const works = new LedgerWorks(ledger, { clock, newId, log });

  app.route({
    method: 'POST',
    url: '/ledger/work',
    schema: {
      operationId: 'beginLedgerWork',
      tags,
      summary: 'Begin to verify, back up or ship again',
      description: 'Answers at once; ask for the work by its id. One piece runs at a time.',
      body: ledgerWorkRequestSchema,
      response: { 200: json('The work, just begun.', ledgerWorkSchema), ...invalid, ...underWay, ...failures },
    },
    async handler({ body }) {
      const work = works.begin(body);
      if (body.kind === 'backup') await directory.note('ledger.backup', body.folder);
      if (body.kind === 'reship') await directory.note('ledger.reship', 'ledger');
      return work;
    },
  });

  app.route({
    method: 'GET',
    url: '/ledger/work/:id',
    schema: {
      operationId: 'ledgerWork',
      tags,
      summary: 'How far a piece of work is, or what came of it',
      params: z.strictObject({ id: z.string().describe('As it was told at the beginning.') }),
      querystring: ledgerWorkQuerySchema,
      response: { 200: json('The work.', ledgerWorkSchema), ...invalid, ...missing, ...failures },
    },
    async handler({ params, query }) {
      const work = await works.find(params.id, query.waitMs);
      if (work === undefined) throw new Failure('admin_not_found', `No work on the ledger is called ${params.id}.`);
      return work;
    },
  });
}
