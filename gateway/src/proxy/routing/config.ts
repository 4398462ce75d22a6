import type { ConfigSection } from '#kernel/config-section.ts';
import { azureName, duration, secret, share, wholeNumber } from '#kernel/config-values.ts';
import { deploymentTypes } from '#model/endpoint.ts';
import { z } from 'zod';
import { findingsOfRouting, type RoutingFacts } from './check-config.ts';
import { ptu } from './ptu-config.ts';

function isBaseUrl(text: string): boolean {
  const url = URL.parse(text);
  return (
    url !== null &&
    /^https?:$/.test(url.protocol) &&
    url.username === '' &&
    url.password === '' &&
    url.search === '' &&
    url.hash === ''
  );
}

const auth = z
  .union(
    [
      z.strictObject({ key: secret().describe('An API key of the resource: `"${NAME}"` or `{ file: path }`.') }),
      z.strictObject({
        token: z
          .strictObject({
            provider: z.string().describe('The token provider, by name.'),
            scope: z.string().default('https://ai.azure.com/.default').describe('The scope that it asks for.'),
          })
          .describe('Tokens instead of a key. No token provider is built in yet.'),
      }),
    ],
    { error: 'expected { key: "${NAME}" } or { token: { provider, scope } }' },
  )
  .describe('How Tollgate signs in to the resource; never in clear, and never with the key of a caller.');

const endpoint = z.strictObject({
  resource: z
    .string()
    .refine(isBaseUrl, 'expected the base URL of the resource, such as https://contoso-weu.openai.azure.com')
    .transform((text) => text.replace(/\/+$/, ''))
    .describe('The base URL of the Azure OpenAI resource; it may have a path. No `/openai` at its end.'),
  resourceName: azureName()
    .optional()
    .describe('What reports call the resource; default: the first label of its host, or of its path at an IP address.'),
  region: z
    .string()
    .regex(/^[a-z0-9]+$/, "expected the region's programmatic name, such as westeurope")
    .describe('The Azure region, by its programmatic name; data-zone prices depend on it.'),
  deployment: azureName().describe('The name of the deployment in the resource.'),
  model: azureName().describe('The base model, as the price book names it.'),
  modelVersion: z
    .string()
    .regex(/^[A-Za-z0-9.-]+$/, 'expected a version such as "2026-03-17" or "1"')
    .optional()
    .describe('Its version; needed only where versions of one model cost differently.'),
  type: z.enum(deploymentTypes).describe('The deployment type: part of the price.'),
  surface: z
    .union(
      [
        z.literal('v1'),
        z.string().regex(/^\d{4}-\d{2}-\d{2}(-preview)?$/, 'expected v1, or a dated api-version such as 2024-10-21'),
      ],
      {
        error: 'expected v1, or a dated api-version such as 2024-10-21',
      },
    )
    .default('v1')
    .describe('The API that the resource is called by: `v1`, or a dated api-version of the classic surface.'),
  auth,
  ptu: ptu.optional(),
});

const tierEntry = z.union(
  [
    z.string().transform((name) => ({ endpoint: name, weight: 1 })),
    z.strictObject({
      endpoint: z.string().describe('A name under `endpoints`.'),
      weight: share().prefault(1).describe('Its share inside the tier, relative to the others; above 0.'),
    }),
  ],
  { error: 'expected the name of an endpoint, or { endpoint: name, weight: 70 }' },
);

const route = z.strictObject({
  tiers: z
    .array(
      z
        .array(tierEntry, { error: 'expected a list of endpoints, such as [first-choice]' })
        .min(1, 'expected at least one endpoint in the tier'),
      {
        error: 'expected a list of tiers, each a list of endpoints: [[first-choice], [second-choice]]',
      },
    )
    .min(1, 'expected at least one tier')
    .describe(
      'Where a call may go: lists of endpoints in order of priority. Inside a tier the choice is by weight; a later tier ' +
        'is used only when nothing of the earlier ones can be. A model with one endpoint may use what lives in one ' +
        'resource (`previous_response_id`, files); with several, such calls are refused.',
    ),
  deadline: duration({ atLeastMs: 100 }).prefault('120s').describe('From arrival to the last byte; then 504.'),
  idleTimeout: duration({ atLeastMs: 100 })
    .prefault('60s')
    .describe(
      'The longest silence of an upstream once its reply has begun; then the attempt is given up. Before the first byte ' +
        'only `deadline` counts: a long reply that is not streamed is silent until it is whole.',
    ),
  maxAttempts: wholeNumber({ atLeast: 1, atMost: 10 })
    .prefault(3)
    .describe('Attempts in all, the first one included; each goes to another endpoint.'),
  onClientDisconnect: z
    .enum(['cancel', 'drain'])
    .default('cancel')
    .describe(
      '`cancel` stops the upstream at once and records what was delivered, as a lower bound; `drain` reads on to the ' +
        'exact usage, and pays for it.',
    ),
});

const keys = {
  endpoints: z
    .record(azureName(), endpoint)
    .default({})
    .describe('One entry for every Azure OpenAI deployment, by a name of your choice.'),
  models: z
    .record(azureName(), route)
    .default({})
    .describe('What callers may ask for: the name they use as model or deployment, and where it may go.'),
};

/** Needs to know which models exist and which token providers are built in. */
export function routingConfig(facts: RoutingFacts): ConfigSection<typeof keys> {
  return {
    name: 'routing',
    summary: 'Which Azure OpenAI deployments there are, and which model is served by which.',
    keys,
    references: [{ from: ['models', '*', 'tiers', '*', '*'], member: 'endpoint', to: 'endpoints', noun: 'endpoint' }],
    check: (values) => findingsOfRouting(values, facts),
  };
}
