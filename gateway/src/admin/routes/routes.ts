import { z } from 'zod';
import {
  explainRouteQuerySchema,
  routeExplanationSchema,
  routeTraceSchema,
} from '@tollgate/contract/admin-api/routing.ts';
import { Failure } from '#kernel/errors.ts';
import { failures, invalid, json, missing, type AdminApp } from '../app.ts';
import type { AdminDependencies } from '../ports.ts';

const tags = ['Routing'];

export function routeRoutes(app: AdminApp, { routes }: AdminDependencies): void {
  app.route({
    method: 'GET',
    url: '/routes/requests/:id',
    schema: {
      operationId: 'routeOfRequest',
      tags,
      summary: 'How one request was routed',
      description: 'Kept for the last requests of this process (`routing.keepTraces`).',
      params: z.object({ id: z.string().describe('As in `x-request-id`.') }),
      response: { 200: json('Its choices and attempts.', routeTraceSchema), ...missing, ...failures },
    },
    handler({ params }) {
      const trace = routes.trace(params.id);
      if (trace !== undefined) return trace;
      throw new Failure('admin_not_found', `Nothing is known of the route of request '${params.id}', or no more.`);
    },
  });

  app.route({
    method: 'GET',
    url: '/routes/explain',
    schema: {
      operationId: 'explainRoute',
      tags,
      summary: 'Where a call would go now',
      querystring: explainRouteQuerySchema,
      response: {
        200: json('Every endpoint of the model.', routeExplanationSchema),
        ...invalid,
        ...missing,
        ...failures,
      },
    },
    handler: ({ query }) => routes.explain(query),
  });
}
