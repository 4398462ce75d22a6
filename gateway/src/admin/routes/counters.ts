import {
  counterListSchema,
  writeOffGatewaySchema,
  writtenOffGatewaySchema,
} from '@tollgate/contract/admin-api/counters.ts';
import { conflict, failures, invalid, json, missing, unready, type AdminApp } from '../app.ts';
import type { AdminDependencies } from '../ports.ts';

const tags = ['Budgets'];

export function counterRoutes(app: AdminApp, { counters }: AdminDependencies): void {
  app.route({
    method: 'GET',
    url: '/counters',
    schema: {
      operationId: 'listCounters',
      tags,
      summary: 'Gateways that count together, and what each may spend without asking',
      response: { 200: json('Gateways.', counterListSchema), ...unready, ...failures },
    },
    handler: async () => await counters.list(),
  });

  app.route({
    method: 'POST',
    url: '/counters/write-off',
    schema: {
      operationId: 'writeOffGateway',
      tags,
      summary: 'Give others what a gateway was granted that is gone for good',
      description:
        'For a gateway whose journal does not come back. What it has said that it spent or left unknown stays, and what ' +
        'the ledger has of it; what calls cost that were under way and are in no ledger, a budget may then be passed by.',
      body: writeOffGatewaySchema,
      response: {
        200: json('What was outstanding.', writtenOffGatewaySchema),
        ...invalid,
        ...missing,
        ...conflict,
        ...unready,
        ...failures,
      },
    },
    handler: async ({ body }) => await counters.writeOff(body),
  });
}
