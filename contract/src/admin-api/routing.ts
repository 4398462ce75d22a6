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

const ms = z.number().describe('Milliseconds.');

export const routeCandidateSchema = z.object({
  endpoint: z.string().describe('The name that the configuration gives it.'),
  tier: z.number().int().positive().describe('From 1.'),
  passed: z
    .string()
    .nullable()
    .describe(
      'Why it was not taken: its state, `tried`, `later-tier`, `not-drawn` (the balancer took another one), `coming-back`, ' +
        '`yielding`, `probes-taken`, `unsound`, `spilled-to`, `full` (its `maxInFlight`), `queue` (others have waited longer); ' +
        'null: it was taken.',
    ),
});

export const routeStepSchema = z.object({
  model: z
    .string()
    .describe('Whose endpoints were considered: another model than asked where the call fell back to it.'),
  atMs: ms.describe('When the choice was made, in milliseconds after the request arrived.'),
  taken: z.string().nullable().describe('The endpoint that was taken; null where none could be.'),
  hedge: z.boolean().describe('Whether it was made while the attempt before it was still under way.'),
  unmade: z
    .string()
    .nullable()
    .describe(
      'Why a hedge was not made after all: `unpaid` (the budgets had no room for it), `overtaken` (the first attempt came to ' +
        'its end before it was sent); null where it was.',
    ),
  candidates: z.array(routeCandidateSchema).describe('Every endpoint of that model, in the order of its tiers.'),
  waited: z
    .object({
      ms: ms.describe('For so long, in milliseconds.'),
      how: z
        .string()
        .describe(
          'How the wait ended: `taken` (the next step says by which endpoint), `expired`, `hopeless` (no endpoint comes back ' +
            'in time), `full`, `displaced`, `left` (its client went away), `drained`.',
        ),
    })
    .nullable()
    .describe('Where nothing could be taken: how long the call waited for capacity; null where it did not.'),
  attempt: z
    .object({
      id: z
        .string()
        .describe('The attempt id: of its record, and the `x-ms-client-request-id` that was sent upstream.'),
      outcome: z.string().describe('As recorded: `completed`, `refused-by-upstream`, …'),
      fault: z.string().nullable().describe('Why the next endpoint was tried; null where none was.'),
      status: z.number().int().nullable().describe("The upstream's HTTP status; null where no reply came."),
      firstByteMs: ms.nullable().describe('From sending until the first byte; null where none came.'),
      upstreamMs: ms.describe("From sending until the upstream's reply ended."),
    })
    .nullable()
    .describe('What came of it; null while it runs, or where it was not made after all.'),
});

/** `GET /admin/v1/routes/requests/{id}` */
export const routeTraceSchema = z.object({
  requestId: z.string().describe('As in `x-request-id`.'),
  receivedAt: z.string().describe('RFC 3339, UTC.'),
  subscription: z.string().describe('Who called.'),
  model: z.string().describe('The name that the client used.'),
  steps: z.array(routeStepSchema).describe('One per choice, in their order.'),
});
export type RouteTrace = z.infer<typeof routeTraceSchema>;

const waiting = z.number().int().nonnegative().describe('Calls of this priority that wait now.');

export const queueStateSchema = z.object({
  maxWaitMs: ms.describe('The longest wait of one call.'),
  maxLength: z.number().int().describe('So many wait at a time.'),
  interactive: waiting,
  standard: waiting,
  batch: waiting,
  longestMs: ms.nullable().describe('How long the one that came first has waited; null where nobody waits.'),
});

/** `GET /admin/v1/routes/explain` */
export const explainRouteQuerySchema = z.strictObject({
  model: z.string().min(1).describe('The name that a client uses.'),
  as: z
    .string()
    .min(1)
    .describe('A subscription, or a consumer: then one of its subscriptions that may call the model.'),
  stream: z.enum(['true', 'false']).default('false').describe('Whether the call is streamed; some balancers go by it.'),
});
export type ExplainRouteQuery = z.infer<typeof explainRouteQuerySchema>;

export const explainedEndpointSchema = z.object({
  endpoint: z.string().describe('The name that the configuration gives it.'),
  tier: z.number().int().positive().describe('From 1.'),
  balancer: z.string().describe('How the choice inside the tier is made.'),
  weight: z.number().describe('Its share inside the tier, relative to the others.'),
  state: z.enum(healthStates).describe('As in the list of deployments.'),
  until: z.string().nullable().describe('When the state ends by itself (RFC 3339, UTC).'),
  override: z.enum(endpointOverrides).describe(overrideWords),
  objection: z
    .string()
    .nullable()
    .describe(
      'Why a call would pass it over now; null where it can be taken. What comes back objects to a part of the calls.',
    ),
  share: z.number().describe('Of many such calls now, the share whose first attempt would go to it; from 0 to 1.'),
  inFlight: z.number().int().nonnegative().describe('Attempts under way.'),
  latencyMs: ms.nullable().describe('The recent time to the first byte; null where nothing is known.'),
  room: z.number().describe('What is left of its limits, from 0 to 1.'),
  utilization: z.number().nullable().describe('Of a provisioned deployment, from 0 to 1.'),
  yieldAt: z
    .number()
    .nullable()
    .describe('The utilisation from which such a call goes elsewhere; null where it is not provisioned.'),
});

export const routeExplanationSchema = z.object({
  model: z.string().describe('What was asked.'),
  subscription: z.string().describe('As whom.'),
  product: z.string().describe('Its product.'),
  priority: z.string().describe('The priority of its calls.'),
  allowed: z.boolean().describe('Whether the product includes the model.'),
  endpoints: z.array(explainedEndpointSchema).describe('Every endpoint of the model, in the order of its tiers.'),
  fallback: z
    .array(
      z.object({
        model: z.string().describe('By its name under `models`.'),
        takes: z.boolean().describe('Whether one of its endpoints can take a call now.'),
      }),
    )
    .describe('The models that serve such a call where its own cannot, in their order.'),
  queue: queueStateSchema.nullable().describe('Who waits for capacity; null where nobody may.'),
  waitMs: ms
    .nullable()
    .describe('Where none can be taken: how long until the first of them may be tried; null where one can.'),
});
export type RouteExplanation = z.infer<typeof routeExplanationSchema>;
