import {
  breakEvenQuerySchema,
  breakEvenSchema,
  ptuAllocateReplySchema,
  ptuAllocateRequestSchema,
} from '@tollgate/contract/admin-api/ptu.ts';
import { failures, invalid, json, missing, unready, type AdminApp } from '../app.ts';
import type { AdminDependencies } from '../ports.ts';

const tags = ['Accounting'];

/** Provisioned deployments, which are paid by the hour. */
export function ptuRoutes(app: AdminApp, { adjustments }: AdminDependencies): void {
  app.route({
    method: 'GET',
    url: '/ptu/break-even',
    schema: {
      operationId: 'ptuBreakEven',
      tags,
      summary: 'What provisioned deployments cost by the hour, and would have cost by the token',
      description: 'Of the deployments that the configuration has `ptu` for. Reads every record of the period.',
      querystring: breakEvenQuerySchema,
      response: { 200: json('The comparison.', breakEvenSchema), ...invalid, ...missing, ...failures, ...unready },
    },
    handler: ({ query }) => adjustments.breakEven(query),
  });

  app.route({
    method: 'POST',
    url: '/ptu/allocate',
    schema: {
      operationId: 'ptuAllocate',
      tags,
      summary: 'Allocate booked hours of provisioned deployments anew',
      description:
        'By what the configuration says now; books the difference to what was booked. Hours that are not booked yet are ' +
        'left to the gateway. At most 100 hours are looked at in one call: call again with `after`, until `next` is null.',
      body: ptuAllocateRequestSchema,
      response: { 200: json('What changed.', ptuAllocateReplySchema), ...invalid, ...missing, ...failures, ...unready },
    },
    handler: ({ body }) => adjustments.allocateAnew(body),
  });
}
