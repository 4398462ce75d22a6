import type { ConfigSection } from '#kernel/config-section.ts';
import { azureName, secret, wholeNumber } from '#kernel/config-values.ts';
import { z } from 'zod';
import { findingsOfRouting, type RoutingFacts } from './check-config.ts';
import { endpoint } from './config-endpoint.ts';
import { healthForAll } from './config-health.ts';
import { route } from './config-model.ts';

const keys = {
  endpoints: z
    .record(azureName(), endpoint)
    .default({})
    .describe('One entry for every Azure OpenAI deployment, by a name of your choice.'),
  models: z
    .record(azureName(), route)
    .default({})
    .describe('What callers may ask for: the name they use as model or deployment, and where it may go.'),
  routing: z
    .strictObject({
      keepTraces: wholeNumber({ atLeast: 0, atMost: 1_000_000 })
        .prefault(1_000)
        .describe(
          'Of so many requests the gateway remembers how they were routed (`tollgate route show REQUEST_ID`); nothing of ' +
            'what was asked or answered. Takes effect at the next start; 0 keeps none.',
        ),
      affinity: z
        .strictObject({
          keys: z
            .array(secret())
            .default([])
            .describe(
              'Secrets of at least 32 characters that the ids of responses and conversations are signed with, by reference only: the first ' +
                'one signs, ids of the others are still read, so that keys can be changed. The same on every replica. ' +
                'Without them a gateway makes a key of its own, in `affinity-key` of its data folder.',
            ),
          boundTo: z
            .enum(['subscription', 'consumer'])
            .default('subscription')
            .describe(
              'Whose a response or a conversation is: of the subscription that made it, or of all subscriptions of its ' +
                'consumer.',
            ),
          unsigned: z
            .enum(['pass', 'refuse'])
            .default('pass')
            .describe(
              'What becomes of what a call refers to and this gateway has not signed, so that it says neither where it lives nor ' +
                'whose it is: encrypted reasoning from before the gateway or past it; item references, files, vector stores and ' +
                "containers by the resource's own ids. `pass` sends encrypted reasoning wherever the call goes, and the others " +
                "where one resource serves the model; `refuse` answers 400, so that nobody can use what is another caller's.",
            ),
        })
        .prefault({})
        .describe(
          'Stored responses and conversations live in one resource. The ids that clients get say where, signed: what ' +
            'refers to them finds back, and they belong to who made them.',
        ),
      explainHeader: z
        .boolean()
        .default(false)
        .describe(
          'True tells the client in `x-tollgate-route` which endpoints were tried, by their names here, and why each was ' +
            'left for the next: `ptu;throttled, payg-weu`.',
        ),
    })
    .prefault({})
    .describe('How routing tells what it does, and how calls find back to what lives in one resource.'),
  health: healthForAll.prefault({}).describe('When an endpoint is left alone, and how it comes back.'),
};

/** Needs to know which models exist and which token providers are built in. */
export function routingConfig(facts: RoutingFacts): ConfigSection<typeof keys> {
  const endpointNames = { member: 'endpoint', to: 'endpoints', noun: 'endpoint' } as const;
  return {
    name: 'routing',
    summary: 'Which Azure OpenAI deployments there are, and which model is served by which.',
    keys,
    references: [
      { from: ['models', '*', 'tiers', '[]', '[]'], ...endpointNames },
      { from: ['models', '*', 'tiers', '[]', 'endpoints', '[]'], ...endpointNames },
      { from: ['models', '*', 'batch', '[]'], to: 'endpoints', noun: 'endpoint' },
    ],
    check: (values) => findingsOfRouting(values, facts),
  };
}
