import { z } from 'zod';
import {
  deploymentListSchema,
  endpointHealthSchema,
  overrideEndpointSchema,
  type EndpointHealth,
} from '@tollgate/contract/admin-api/routing.ts';
import { Failure } from '#kernel/errors.ts';
import { failures, invalid, json, missing, type AdminApp } from '../app.ts';
import type { AdminDependencies } from '../ports.ts';

const tags = ['Operations'];
const byName = z.object({ name: z.string().describe('The name that the configuration gives the endpoint.') });

function found(name: string, endpoint: EndpointHealth | undefined): EndpointHealth {
  if (endpoint === undefined) throw new Failure('admin_not_found', `There is no endpoint '${name}'.`);
  return endpoint;
}

export function deploymentRoutes(app: AdminApp, { deployments, directory }: AdminDependencies): void {
  app.route({
    method: 'GET',
    url: '/deployments',
    schema: {
      operationId: 'listDeployments',
      tags,
      summary: 'The health of every endpoint',
      response: { 200: json('All endpoints.', deploymentListSchema), ...failures },
    },
    handler: () => ({ deployments: [...deployments.list()] }),
  });

  app.route({
    method: 'POST',
    url: '/deployments/:name/override',
    schema: {
      operationId: 'overrideDeployment',
      tags,
      summary: 'Order how an endpoint is used',
      description:
        'Holds in this process, until the next order. For good, and for every replica, set `endpoints.<name>.drain` in ' +
        'the configuration.',
      params: byName,
      body: overrideEndpointSchema,
      response: { 200: json('The endpoint.', endpointHealthSchema), ...invalid, ...missing, ...failures },
    },
    async handler({ params, body }) {
      const endpoint = found(params.name, deployments.override(params.name, body));
      await directory.note('deployment.override', `endpoint/${params.name}: ${body.override}`);
      return endpoint;
    },
  });

  app.route({
    method: 'POST',
    url: '/deployments/:name/reset',
    schema: {
      operationId: 'resetDeployment',
      tags,
      summary: 'Forget what stands against an endpoint',
      description: 'For what has been mended: it is used again at once instead of after its time. Orders stay.',
      params: byName,
      response: { 200: json('The endpoint.', endpointHealthSchema), ...missing, ...failures },
    },
    async handler({ params }) {
      const endpoint = found(params.name, deployments.reset(params.name));
      await directory.note('deployment.reset', `endpoint/${params.name}`);
      return endpoint;
    },
  });
}
