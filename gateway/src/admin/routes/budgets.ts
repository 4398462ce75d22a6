import { z } from 'zod';
import {
  budgetEventPageSchema,
  budgetEventQuerySchema,
  budgetListSchema,
  budgetQuerySchema,
  budgetRefusalsSchema,
  budgetSimulationSchema,
  changeLimitsSchema,
  createTopUpSchema,
  limitListSchema,
  revokeTopUpSchema,
  simulateBudgetsSchema,
  topUpListSchema,
  topUpQuerySchema,
  topUpSchema,
} from '@tollgate/contract/admin-api/budgets.ts';
import { Failure } from '#kernel/errors.ts';
import { conflict, failures, invalid, json, missing, readOnly, underWay, unready, type AdminApp } from '../app.ts';
import type { AdminDependencies } from '../ports.ts';

const tags = ['Budgets'];

export function budgetRoutes(app: AdminApp, dependencies: AdminDependencies): void {
  read(app, dependencies);
  simulate(app, dependencies);
  topUps(app, dependencies);
  limits(app, dependencies);
}

function read(app: AdminApp, { budgets }: AdminDependencies): void {
  app.route({
    method: 'GET',
    url: '/budgets',
    schema: {
      operationId: 'listBudgets',
      tags,
      summary: 'Budgets and quotas in their current windows',
      description: 'What is left, what is held and by whom, when it is reset, and by how much it can be missed.',
      querystring: budgetQuerySchema,
      response: { 200: json('Budgets.', budgetListSchema), ...invalid, ...missing, ...failures },
    },
    handler: async ({ query }) => await budgets.list(query),
  });

  app.route({
    method: 'GET',
    url: '/budgets/refusals/:id',
    schema: {
      operationId: 'explainRefusal',
      tags,
      summary: 'Which limits refused a request, as they stood at that moment',
      description: 'Kept for the last refusals of this process (`budgeting.keepRefusals`).',
      params: z.strictObject({ id: z.string().describe('As in `x-request-id`.') }),
      response: { 200: json('Its refusals.', budgetRefusalsSchema), ...missing, ...failures },
    },
    handler({ params }) {
      const found = budgets.refusals(params.id);
      if (found.refusals.length > 0) return found;
      throw new Failure(
        'admin_not_found',
        `Nothing is known of limits that refused request '${params.id}', or no more, or another gateway refused it.`,
      );
    },
  });

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

function simulate(app: AdminApp, { budgets }: AdminDependencies): void {
  app.route({
    method: 'POST',
    url: '/budgets/simulate',
    schema: {
      operationId: 'simulateBudgets',
      tags,
      summary: 'What changed limits would have refused of the traffic of a period',
      description:
        'Replays the ledger through the engine that judges calls, on a clock of its own; changes nothing. One at a time.',
      body: simulateBudgetsSchema,
      response: {
        200: json('What would have been refused.', budgetSimulationSchema),
        ...invalid,
        ...underWay,
        ...failures,
      },
    },
    handler: async ({ body }) => await budgets.simulate(body),
  });
}

function topUps(app: AdminApp, { budgets }: AdminDependencies): void {
  app.route({
    method: 'GET',
    url: '/budgets/top-ups',
    schema: {
      operationId: 'listTopUps',
      tags,
      summary: 'One-off additions to budgets',
      querystring: topUpQuerySchema,
      response: { 200: json('Top-ups, the newest first.', topUpListSchema), ...invalid, ...failures },
    },
    handler: ({ query }) => budgets.topUps(query),
  });

  app.route({
    method: 'POST',
    url: '/budgets/top-ups',
    schema: {
      operationId: 'topUpBudget',
      tags,
      summary: 'Add to one window of a budget',
      description: 'Counts at once, in every gateway on the same store within seconds, and is on the audit trail.',
      body: createTopUpSchema,
      response: { 201: json('The top-up.', topUpSchema), ...invalid, ...missing, ...conflict, ...failures },
    },
    handler: async ({ body }, reply) => await reply.code(201).send(await budgets.topUp(body)),
  });

  app.route({
    method: 'POST',
    url: '/budgets/top-ups/:id/revoke',
    schema: {
      operationId: 'revokeTopUp',
      tags,
      summary: 'Take a top-up back',
      description: 'Where more is spent by then, the budget refuses at once; nothing that is under way is cancelled.',
      params: z.strictObject({ id: z.string().describe('The id of the top-up.') }),
      body: revokeTopUpSchema,
      response: { 200: json('What is left of them.', topUpListSchema), ...invalid, ...missing, ...failures },
    },
    async handler({ params, body }) {
      await budgets.revokeTopUp(params.id, body.reason);
      return budgets.topUps({});
    },
  });
}

function limits(app: AdminApp, { budgets }: AdminDependencies): void {
  app.route({
    method: 'GET',
    url: '/limits',
    schema: {
      operationId: 'listLimits',
      tags,
      summary: 'What is set of limits and budgets, node by node',
      response: { 200: json('Everything that is set.', limitListSchema), ...failures },
    },
    handler: () => budgets.limits(),
  });

  app.route({
    method: 'POST',
    url: '/limits',
    schema: {
      operationId: 'changeLimits',
      tags,
      summary: 'Set or remove limits and budgets of nodes',
      description:
        'Judged as strictly as the configuration file: everything that is wrong is in `details`, and then nothing has ' +
        'changed. Counts at once, without a restart, in every gateway on the same store within seconds. A budget that is ' +
        'lowered below what is spent refuses at once and cancels nothing; one whose amount changes keeps what is spent.',
      body: changeLimitsSchema,
      response: { 200: json('Everything that is set.', limitListSchema), ...invalid, ...readOnly, ...failures },
    },
    handler: async ({ body }) => await budgets.changeLimits(body),
  });
}
