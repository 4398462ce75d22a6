import { openBatchesSchema } from '@tollgate/contract/admin-api/batches.ts';
import { failures, json, unready, type AdminApp } from '../app.ts';
import type { AdminDependencies } from '../ports.ts';

export function batchRoutes(app: AdminApp, { batches }: AdminDependencies): void {
  app.route({
    method: 'GET',
    url: '/batches',
    schema: {
      operationId: 'listBatches',
      tags: ['Accounting'],
      summary: 'Batches that run, or are not metered yet',
      description:
        'Whose each is, where it runs, what is held for it, and what the last look at it has shown. All gateways with the ' +
        'same store list the same batches; what was seen of them, the one that follows them tells.',
      response: { 200: json('The batches.', openBatchesSchema), ...failures, ...unready },
    },
    handler: async () => await batches.list(),
  });
}
