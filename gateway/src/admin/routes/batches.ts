import { openBatchesSchema, writeOffBatchSchema, writtenOffBatchSchema } from '@tollgate/contract/admin-api/batches.ts';
import { conflict, failures, invalid, json, missing, unready, type AdminApp } from '../app.ts';
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

  app.route({
    method: 'POST',
    url: '/batches/write-off',
    schema: {
      operationId: 'writeOffBatch',
      tags: ['Accounting'],
      summary: 'End a batch that can never be read',
      description:
        'For a batch whose endpoint is gone from the configuration, or whose files the resource does not give out. What is ' +
        'held for it is given back and it is looked at no more. What its lines used stays unknown, and is reported so; lines ' +
        'that were read stay. Asked of the gateway that follows batches, unless the endpoint is gone.',
      body: writeOffBatchSchema,
      response: {
        200: json('What was held.', writtenOffBatchSchema),
        ...invalid,
        ...missing,
        ...conflict,
        ...unready,
        ...failures,
      },
    },
    handler: async ({ body }) => await batches.writeOff(body),
  });
}
