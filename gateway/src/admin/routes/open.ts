import { z } from 'zod';
import { healthSchema } from '@tollgate/contract/admin-api/operations.ts';
import { json, type AdminApp } from '../app.ts';
import type { AdminDependencies } from '../ports.ts';

const tags = ['Open'];

/** What needs no token: probes, scrapes and the description of the rest. */
export function openRoutes(app: AdminApp, dependencies: AdminDependencies): void {
  app.route({
    method: 'GET',
    url: '/healthz',
    schema: {
      operationId: 'health',
      tags,
      summary: 'Whether the process lives',
      security: [],
      response: { 200: json('It does.', healthSchema) },
    },
    handler: () => ({ status: 'ok' as const, ready: dependencies.readiness() }),
  });

  app.route({
    method: 'GET',
    url: '/readyz',
    schema: {
      operationId: 'readiness',
      tags,
      summary: 'Whether the data plane serves requests',
      security: [],
      response: { 200: json('It does.', healthSchema), 503: json('It does not, at present.', healthSchema) },
    },
    async handler(_request, reply) {
      const ready = dependencies.readiness();
      return reply.code(ready ? 200 : 503).send({ status: 'ok' as const, ready });
    },
  });

  app.route({
    method: 'GET',
    url: '/metrics',
    schema: {
      operationId: 'metrics',
      tags,
      summary: 'Metrics for Prometheus',
      security: [],
      response: {
        200: {
          description: 'The Prometheus text exposition format 0.0.4.',
          content: { 'text/plain': { schema: z.string() } },
        },
      },
    },
    handler: async (_request, reply) =>
      reply.type('text/plain; version=0.0.4; charset=utf-8').send(dependencies.metricsText()),
  });

  app.route({
    method: 'GET',
    url: '/openapi.json',
    schema: {
      operationId: 'openApi',
      tags,
      summary: 'This API, as an OpenAPI 3.1 document',
      security: [],
      response: { 200: json('The document.', z.record(z.string(), z.unknown())) },
    },
    handler: () => ({ ...app.swagger() }),
  });
}
