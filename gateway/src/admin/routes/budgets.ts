import { budgetEventPageSchema, budgetEventQuerySchema } from '@tollgate/contract/admin-api/budgets.ts';
import { failures, invalid, json, unready, type AdminApp } from '../app.ts';
import type { AdminDependencies } from '../ports.ts';

const tags = ['Budgets'];

export function budgetRoutes(app: AdminApp, { budgets }: AdminDependencies): void {
  app.route({
    method: 'GET',
    url: '/budgets/events',
    schema: {
      operationId: 'listBudgetEvents',
      tags,
      summary: 'What was told of budgets that run out, and who has heard of it',
      description: 'Kept until 35 days after the end of the window that they are about.',
      querystring: budgetEventQuerySchema,
      response: { 200: json('Events, the newest first.', budgetEventPageSchema), ...invalid, ...unready, ...failures },
    },
    handler: async ({ query }) => await budgets.events(query),
  });
}
