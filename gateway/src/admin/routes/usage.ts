import { z } from 'zod';
import {
  usageQuerySchema,
  usageRecordsQuerySchema,
  usageRecordsSchema,
  usageRequestSchema,
} from '@tollgate/contract/admin-api/usage.ts';
import { usageReportSchema } from '@tollgate/contract/usage.ts';
import { Failure } from '#kernel/errors.ts';
import { failures, invalid, json, missing, type AdminApp } from '../app.ts';
import type { AdminDependencies } from '../ports.ts';

const tags = ['Accounting'];

/** The query layer looks at everything, and tells all that is wrong at once: nothing is checked before it. */
const unchecked = () => (value: unknown) => ({ value });

export function usageRoutes(app: AdminApp, { reports }: AdminDependencies): void {
  app.route({
    method: 'GET',
    url: '/usage',
    validatorCompiler: unchecked,
    schema: {
      operationId: 'usage',
      tags,
      summary: 'Who used what, and what it costs',
      description:
        'Attempts count in the period in which they were admitted. What is unknown is null or in a column of its own, ' +
        'never 0. Every total is the sum of its rows, to the nano-USD.',
      querystring: usageQuerySchema,
      response: { 200: json('The report.', usageReportSchema), ...invalid, ...failures },
    },
    handler: ({ query }) => reports.query(query),
  });

  app.route({
    method: 'GET',
    url: '/usage/records',
    validatorCompiler: unchecked,
    schema: {
      operationId: 'usageRecords',
      tags,
      summary: 'The calls behind a cell of a report',
      description:
        'With the `keys` of a row as filters (`==` for cost centres) and its bucket as `from` and `to`: every attempt that ' +
        'is counted in it, with its cost lines and how it was measured, and the adjustments that count there.',
      querystring: usageRecordsQuerySchema,
      response: { 200: json('A page of them.', usageRecordsSchema), ...invalid, ...failures },
    },
    handler: ({ query }) => reports.records(query),
  });

  app.route({
    method: 'GET',
    url: '/usage/requests/:requestId',
    schema: {
      operationId: 'usageRequest',
      tags,
      summary: 'All attempts of a request',
      params: z.object({ requestId: z.string().max(256).describe('What the client was told as `x-request-id`.') }),
      response: { 200: json('The attempts.', usageRequestSchema), ...missing, ...invalid, ...failures },
    },
    async handler({ params: { requestId } }) {
      const found = await reports.request(requestId);
      if (found.attempts.length > 0) return found;
      throw new Failure(
        'admin_not_found',
        'The store has no settled attempt of this request: it was refused before it was sent, is still in flight, or never came here.',
      );
    },
  });
}
