import { auditPageSchema, auditQuerySchema } from '@tollgate/contract/admin-api/audit.ts';
import { configInForceSchema, configReloadSchema, versionSchema } from '@tollgate/contract/admin-api/operations.ts';
import { failures, invalid, json, type AdminApp } from '../app.ts';
import type { AdminDependencies } from '../ports.ts';

const tags = ['Operations'];

export function operationRoutes(app: AdminApp, dependencies: AdminDependencies): void {
  const { directory } = dependencies;

  app.route({
    method: 'GET',
    url: '/config',
    schema: {
      operationId: 'configInForce',
      tags,
      summary: 'The configuration in force, secrets masked',
      response: { 200: json('The configuration.', configInForceSchema), ...failures },
    },
    handler: () => dependencies.configInForce(),
  });

  app.route({
    method: 'POST',
    url: '/config/reload',
    schema: {
      operationId: 'reloadConfig',
      tags,
      summary: 'Read the configuration file now',
      description: 'Answers 200 also where the file is not accepted: see `ok`.',
      response: { 200: json('What came of it.', configReloadSchema), ...failures },
    },
    async handler() {
      const reload = await dependencies.reloadConfig();
      if (reload.ok) await directory.note('config.reload', 'configuration');
      return reload;
    },
  });

  app.route({
    method: 'GET',
    url: '/audit',
    schema: {
      operationId: 'auditTrail',
      tags,
      summary: 'Who changed what, the newest first',
      querystring: auditQuerySchema,
      response: { 200: json('One page of the audit trail.', auditPageSchema), ...invalid, ...failures },
    },
    handler: ({ query }) => directory.auditTrail(query),
  });

  app.route({
    method: 'GET',
    url: '/version',
    schema: {
      operationId: 'version',
      tags,
      summary: 'What runs here',
      response: { 200: json('The version.', versionSchema), ...failures },
    },
    handler: () => dependencies.version,
  });
}
