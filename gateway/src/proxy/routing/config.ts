import type { ConfigSection } from '#kernel/config-section.ts';
import { azureName } from '#kernel/config-values.ts';
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
    ],
    check: (values) => findingsOfRouting(values, facts),
  };
}
