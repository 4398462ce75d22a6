import { z } from 'zod';

/**
 * The deployment types of Azure OpenAI; the provisioned ones have capacity in PTU instead of limits, the batch ones take
 * batches and no calls.
 */
const deploymentTypes = [
  'Standard',
  'DataZoneStandard',
  'GlobalStandard',
  'ProvisionedManaged',
  'DataZoneProvisionedManaged',
  'GlobalProvisionedManaged',
  'GlobalBatch',
  'DataZoneBatch',
] as const;

const count = z.number().int().positive();
const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'letters, digits, dots, dashes and underscores');

const efforts = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh'] as const;

export const deploymentSchema = z.strictObject({
  model: z.string().min(1).describe('The base model: `gpt-5.4-mini`, `text-embedding-3-small`, …'),
  version: z.string().optional().describe('The version that replies name after the model, such as `2026-03-17`.'),
  type: z.enum(deploymentTypes).default('GlobalStandard').describe('The deployment type.'),
  requestsPerMinute: count.default(3_000_000).describe('Request limit; judged over `requestWindowSeconds`.'),
  requestWindowSeconds: z
    .union([z.literal(1), z.literal(10)])
    .default(10)
    .describe('Over how many seconds the request limit is judged: 1 or 10.'),
  tokensPerMinute: count
    .default(10_000_000_000)
    .describe('Token limit; a request counts as its prompt and its output limit before it runs.'),
  ptu: count.default(50).describe('Provisioned throughput units; provisioned types only.'),
  tokensPerMinutePerPtu: count.default(2_500).describe('Input tokens a minute that one PTU takes.'),
  outputTokenWeight: z.number().positive().default(4).describe('Input tokens that one output token uses up of a PTU.'),
  spillover: name.optional().describe('The standard deployment of the same resource that takes over at 100 %.'),
  contentFilter: z
    .enum(['default', 'asynchronous', 'off'])
    .default('default')
    .describe('`asynchronous`: text streams at once, verdicts follow in chunks of their own.'),
  reasoningEffort: z.enum(efforts).optional().describe('The effort where the request names none.'),
  replyTokens: z
    .strictObject({ least: count, most: count })
    .default({ least: 12, most: 90 })
    .describe('How long replies are, where the request does not say.'),
});
export type DeploymentConfig = z.infer<typeof deploymentSchema>;

const resourceSchema = z.strictObject({
  region: z.string().min(1).describe('`westeurope`, `swedencentral`, …'),
  key: z.string().min(1).optional().describe('The API key of this resource alone; else the key of the twin.'),
  deployments: z.record(name, deploymentSchema),
});

/** Resources by name; the first one also answers without a prefix. */
export const estateSchema = z.record(name, resourceSchema).refine((resources) => Object.keys(resources).length > 0, {
  message: 'at least one resource is needed',
});
export type EstateConfig = z.infer<typeof estateSchema>;

const chat = { model: 'gpt-5.4-mini', version: '2026-03-17' };
const embedding = { model: 'text-embedding-3-small', version: '1' };

export const defaultEstate: z.input<typeof estateSchema> = {
  'contoso-weu': {
    region: 'westeurope',
    deployments: {
      'gpt-5.4-mini': chat,
      'text-embedding-3-small': embedding,
      'gpt-54-mini-ptu': { ...chat, type: 'ProvisionedManaged', ptu: 50 },
    },
  },
  'contoso-swc': {
    region: 'swedencentral',
    deployments: {
      'gpt-5.4-mini': chat,
      'text-embedding-3-small': embedding,
      'gpt-5-mini': { model: 'gpt-5-mini', version: '2025-08-07', type: 'DataZoneStandard' },
    },
  },
};
