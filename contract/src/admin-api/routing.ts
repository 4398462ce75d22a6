import { z } from 'zod';

export const healthStates = [
  'available',
  'throttled',
  'broken',
  'probing',
  'quarantined',
  'drained',
  'forced-open',
] as const;

/** What an operator may order; `none` leaves it to what is observed. */
export const endpointOverrides = ['none', 'drain', 'force-open', 'force-closed'] as const;
export type EndpointOverride = (typeof endpointOverrides)[number];

const overrideWords =
  '`drain`: nothing new is sent to it, what lives there alone still is; `force-open`: nothing at all is sent; ' +
  '`force-closed`: failures do not keep it from being used; `none`: what is observed decides.';

export const endpointHealthSchema = z.object({
  name: z.string().describe('The name that the configuration gives it.'),
  model: z.string().describe('The base model, by the name of the price book.'),
  resource: z.string().describe('The Azure OpenAI resource.'),
  region: z.string().describe('The Azure region of the resource.'),
  deployment: z.string().describe("The deployment's name in the resource."),
  deploymentType: z.string().describe('`GlobalStandard`, `DataZoneStandard`, `ProvisionedManaged`, …'),
  state: z
    .enum(healthStates)
    .describe(
      '`throttled`: the upstream asked to be left alone; `broken`: too many calls failed; `quarantined`: the upstream ' +
        'refuses the credentials or does not know the deployment; `probing`: a few calls find out whether it is well again.',
    ),
  until: z.string().nullable().describe('When the state ends by itself (RFC 3339, UTC).'),
  override: z.enum(endpointOverrides).describe(overrideWords),
  inFlight: z.number().int().nonnegative().describe('Attempts under way.'),
  utilization: z
    .number()
    .nullable()
    .describe('Of a provisioned deployment, from 0 to 1: its last word, less what it has worked off since.'),
  remainingTokens: z.number().int().nullable().describe('What its rate limit had left by its last word.'),
  remainingRequests: z.number().int().nullable().describe('What its rate limit had left by its last word.'),
  lastError: z.string().nullable().describe('What went wrong last; null where nothing has.'),
});
export type EndpointHealth = z.infer<typeof endpointHealthSchema>;

/** `GET /admin/v1/deployments` */
export const deploymentListSchema = z.object({
  deployments: z.array(endpointHealthSchema).describe('One per endpoint.'),
});
export type DeploymentList = z.infer<typeof deploymentListSchema>;

/** `POST /admin/v1/deployments/{name}/override` */
export const overrideEndpointSchema = z.strictObject({
  override: z.enum(endpointOverrides).describe(overrideWords),
  forSeconds: z
    .number()
    .int()
    .positive()
    .max(7 * 86_400)
    .optional()
    .describe('Ends by itself after this; without it, with the next order or the end of the process.'),
});
export type OverrideEndpoint = z.infer<typeof overrideEndpointSchema>;
