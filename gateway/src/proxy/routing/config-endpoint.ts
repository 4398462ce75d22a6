import { azureName, percentage, secret, wholeNumber } from '#kernel/config-values.ts';
import { deploymentTypes } from '#model/endpoint.ts';
import type { Priority, YieldPoints } from '#model/priority.ts';
import { z } from 'zod';
import { healthOfOne } from './config-health.ts';
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

/** What Azure OpenAI is asked for now; older set-ups and sovereign clouds have their own. */
const usualScope = 'https://ai.azure.com/.default';

const auth = z
  .union(
    [
      z
        .literal('managed-identity')
        .describe('The managed identity of the machine or container: no key anywhere.')
        .transform((provider) => ({ token: { provider, scope: usualScope } })),
      z.strictObject({
        key: secret().describe('An API key of the resource: `"${NAME}"`, `{ file: path }` or `{ keyVault: address }`.'),
      }),
      z.strictObject({
        token: z
          .strictObject({
            provider: z
              .string()
              .describe(
                '`managed-identity`; `workload-identity` (Kubernetes); `default`: what a developer is signed in with.',
              ),
            scope: z.string().default(usualScope).describe('The scope that it asks for.'),
          })
          .describe('Access tokens of Entra instead of a key.'),
      }),
    ],
    { error: 'expected managed-identity, { key: "${NAME}" } or { token: { provider, scope } }' },
  )
  .describe('How Tollgate signs in to the resource; never in clear, and never with the key of a caller.');

/** Where an endpoint says nothing else. Interactive calls go elsewhere just before they would be refused. */
const defaultYieldPoints: YieldPoints = { interactive: 0.95, standard: 0.9, batch: 0.6 };

const shown = (priority: Priority): string => `${defaultYieldPoints[priority] * 100}%`;

export function yieldPointsOf(own: Partial<Record<Priority, number | undefined>> | undefined): YieldPoints {
  return Object.freeze(Object.assign({}, defaultYieldPoints, own));
}

export const yieldAt = z
  .strictObject({
    interactive: percentage()
      .optional()
      .describe(`For products with this priority. Default: ${shown('interactive')}.`),
    standard: percentage()
      .optional()
      .describe(`For products with this priority. Default: ${shown('standard')}.`),
    batch: percentage()
      .optional()
      .describe(`For products with this priority. Default: ${shown('batch')}.`),
  })
  .optional()
  .describe(
    'Provisioned types only. How full the deployment may be (`azure-openai-deployment-utilization`) until calls go to a ' +
      'later tier, if there is one that can take them; over the 10 points before it more and more of them do.',
  );

/** `endpoints.<name>`. */
export const endpoint = z.strictObject({
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
  health: healthOfOne.optional().describe('Where this endpoint is judged otherwise than `health` says.'),
  yieldAt,
  maxInFlight: wholeNumber({ atLeast: 1 })
    .optional()
    .describe(
      'The most attempts under way at a time; what comes beyond goes to another endpoint, or waits (`models.<name>.queue`).',
    ),
  drain: z
    .boolean()
    .default(false)
    .describe('True takes it out of service: nothing new is sent to it, what is under way ends as it would.'),
});
