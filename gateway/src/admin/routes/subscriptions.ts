import { z } from 'zod';
import {
  createSubscriptionSchema,
  keySlots,
  nameSchema,
  newKeysSchema,
  subscriptionListSchema,
  subscriptionSchema,
} from '@tollgate/contract/admin-api/subscriptions.ts';
import { conflict, failures, invalid, json, missing, readOnly, type AdminApp } from '../app.ts';
import type { AdminDependencies } from '../ports.ts';

const tags = ['Subscriptions'];
const byName = z.strictObject({ name: nameSchema.describe('The name of the subscription.') });

export function subscriptionRoutes(app: AdminApp, dependencies: AdminDependencies): void {
  readAndCreate(app, dependencies);
  change(app, dependencies);
}

function readAndCreate(app: AdminApp, { directory }: AdminDependencies): void {
  app.route({
    method: 'GET',
    url: '/subscriptions',
    schema: {
      operationId: 'listSubscriptions',
      tags,
      summary: 'All subscriptions, declared ones and those made here',
      response: { 200: json('All subscriptions.', subscriptionListSchema), ...failures },
    },
    handler: () => ({ subscriptions: [...directory.subscriptions()] }),
  });

  app.route({
    method: 'POST',
    url: '/subscriptions',
    schema: {
      operationId: 'createSubscription',
      tags,
      summary: 'Make a subscription with both of its keys',
      description: 'The keys are in the reply and nowhere else: only their hashes are stored.',
      body: createSubscriptionSchema,
      response: { 201: json('The new keys.', newKeysSchema), ...invalid, ...conflict, ...failures },
    },
    async handler({ body }, reply) {
      const made = await directory.createSubscription(body);
      return reply.code(201).header('location', `/admin/v1/subscriptions/${made.subscription}`).send(made);
    },
  });

  app.route({
    method: 'GET',
    url: '/subscriptions/:name',
    schema: {
      operationId: 'getSubscription',
      tags,
      summary: 'One subscription',
      params: byName,
      response: { 200: json('The subscription.', subscriptionSchema), ...invalid, ...missing, ...failures },
    },
    handler: ({ params }) => directory.subscription(params.name),
  });
}

function change(app: AdminApp, { directory }: AdminDependencies): void {
  app.route({
    method: 'POST',
    url: '/subscriptions/:name/keys/:slot/regenerate',
    schema: {
      operationId: 'regenerateKey',
      tags,
      summary: 'Make one key anew, or for the first time',
      description:
        'The old key is refused from the next request on; the other key stays valid, so callers move to that one first. ' +
        'Works for declared subscriptions too, unless the configuration gives the key by reference.',
      params: byName.extend({ slot: z.enum(keySlots).describe('Which key.') }),
      response: { 200: json('The new key.', newKeysSchema), ...invalid, ...missing, ...readOnly, ...failures },
    },
    handler: ({ params }) => directory.regenerateKey(params.name, params.slot),
  });

  app.route({
    method: 'POST',
    url: '/subscriptions/:name/suspend',
    schema: {
      operationId: 'suspendSubscription',
      tags,
      summary: 'Refuse both keys from the next request on',
      description: 'Works for declared subscriptions too. A suspended subscription stays so.',
      params: byName,
      response: { 200: json('The suspended subscription.', subscriptionSchema), ...invalid, ...missing, ...failures },
    },
    handler: ({ params }) => directory.suspend(params.name),
  });

  app.route({
    method: 'POST',
    url: '/subscriptions/:name/activate',
    schema: {
      operationId: 'activateSubscription',
      tags,
      summary: 'End a suspension',
      description: 'What the configuration file suspends is activated only there.',
      params: byName,
      response: {
        200: json('The subscription.', subscriptionSchema),
        ...invalid,
        ...missing,
        ...readOnly,
        ...failures,
      },
    },
    handler: ({ params }) => directory.activate(params.name),
  });
}
