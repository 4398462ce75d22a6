import { priceListSchema } from '@tollgate/contract/admin-api/operations.ts';
import { priceSyncRequestSchema, priceSyncSchema, retailQuerySchema } from '@tollgate/contract/admin-api/prices.ts';
import { failures, invalid, json, type AdminApp } from '../app.ts';
import type { AdminDependencies } from '../ports.ts';

const tags = ['Accounting'];
/** Azure's list of Azure OpenAI has some 20,000 prices; in the shape of the request they are about 2 MiB. */
const listBytes = 32 * 1024 * 1024;

export function priceRoutes(app: AdminApp, dependencies: AdminDependencies): void {
  const { priceSync } = dependencies;
  app.route({
    method: 'GET',
    url: '/prices',
    schema: {
      operationId: 'listPrices',
      tags,
      summary: 'The price book in force, and what has no price',
      response: { 200: json('The prices.', priceListSchema), ...failures },
    },
    handler: () => dependencies.prices(),
  });

  app.route({
    method: 'GET',
    url: '/prices/query',
    schema: {
      operationId: 'priceQuery',
      tags,
      summary: "What to ask Azure's price list for",
      response: { 200: json('The query.', retailQuerySchema), ...failures },
    },
    handler: () => priceSync.query,
  });

  app.route({
    method: 'POST',
    url: '/prices/sync',
    bodyLimit: listBytes,
    schema: {
      operationId: 'syncPrices',
      tags,
      summary: "Put Azure's price list in force",
      description:
        'Takes the whole list as it was read, maps its meters to ours, says what changes, and, unless `dryRun`, writes the ' +
        'price file and puts it in force. A list that cannot be used is refused (`admin_invalid`) and changes nothing.',
      body: priceSyncRequestSchema,
      response: { 200: json('What changes.', priceSyncSchema), ...invalid, ...failures },
    },
    async handler({ body }) {
      const result = await priceSync.sync(body);
      if (result.applied) await dependencies.directory.note('prices.sync', 'prices');
      return result;
    },
  });
}
