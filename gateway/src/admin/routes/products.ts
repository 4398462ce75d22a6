import { createProductSchema, productListSchema, productSchema } from '@tollgate/contract/admin-api/subscriptions.ts';
import { conflict, failures, invalid, json, type AdminApp } from '../app.ts';
import type { AdminDependencies } from '../ports.ts';

const tags = ['Products'];

export function productRoutes(app: AdminApp, { directory }: AdminDependencies): void {
  app.route({
    method: 'GET',
    url: '/products',
    schema: {
      operationId: 'listProducts',
      tags,
      summary: 'All products, declared ones and those made here',
      response: { 200: json('All products.', productListSchema), ...failures },
    },
    handler: () => ({ products: [...directory.products()] }),
  });

  app.route({
    method: 'POST',
    url: '/products',
    schema: {
      operationId: 'createProduct',
      tags,
      summary: 'Make a product',
      body: createProductSchema,
      response: { 201: json('The product.', productSchema), ...invalid, ...conflict, ...failures },
    },
    handler: async ({ body }, reply) => reply.code(201).send(await directory.createProduct(body)),
  });
}
