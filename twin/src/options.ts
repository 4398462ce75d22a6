import { z } from 'zod';
import { defaultEstate, estateSchema } from '#azure-openai/config.ts';
import { appConfigurationSchema } from '#app-configuration/service.ts';
import { entraSchema } from '#entra/config.ts';
import { keyVaultSchema } from '#key-vault/service.ts';
import { logsSchema } from '#logs/ingestion.ts';
import { workspaceSchema } from '#logs/query.ts';
import type { AttemptReport } from '#record/attempt.ts';
import type { Clock } from '#kernel/clock.ts';
import type { RandomSource } from '#kernel/random.ts';
import { resourceManagerSchema } from '#resource-manager/config.ts';
import { latencyPresets } from '#wire/latency.ts';

/** How fast the model is: a preset, or numbers (what is left out is as in `none`). */
const latencySchema = z.union([
  z.enum(['none', 'fast', 'realistic', 'slow']),
  z.strictObject({
    timeToFirstTokenMs: z.number().nonnegative().default(latencyPresets.none.timeToFirstTokenMs),
    tokensPerSecond: z.number().positive().or(z.literal(Infinity)).default(Infinity),
    jitter: z.number().min(0).max(1).default(latencyPresets.none.jitter),
    perPromptTokenMs: z.number().nonnegative().default(latencyPresets.none.perPromptTokenMs),
  }),
]);

export const twinDefaults = {
  port: 8090,
  address: '127.0.0.1',
  key: 'twin-key',
  seed: 1,
  latency: 'none',
  cacheMinimum: 1024,
  eventsPerTurn: 1,
  batchStageMs: 2000,
  keepAttempts: 100_000,
} as const;

const whole = z.number().int();

/** What `--config FILE` may hold. Everything has a default; flags go before the file. */
export const settingsSchema = z.strictObject({
  port: whole.min(0).max(65535).optional().describe('0: any free port.'),
  securePort: whole
    .min(0)
    .max(65535)
    .optional()
    .describe(
      "0: any free port. Everything is served there over TLS too, with a certificate of the twin's own authority.",
    ),
  caFile: z.string().optional().describe("Where the authority's certificate is written, PEM: for NODE_EXTRA_CA_CERTS."),
  entra: entraSchema.prefault({}).describe('Tenants, applications and managed identities of the login service.'),
  resourceManager: resourceManagerSchema.prefault({}).describe('What Azure Resource Manager says of a subscription.'),
  logs: logsSchema.default({}),
  workspace: workspaceSchema.prefault({}),
  keyVault: keyVaultSchema.prefault({}),
  appConfiguration: appConfigurationSchema.prefault({}),
  address: z.string().default(twinDefaults.address).describe('The address to listen on.'),
  key: z.string().min(1).optional().describe('The API key of resources that have none of their own.'),
  seed: whole.nonnegative().default(twinDefaults.seed).describe('What everything made up is drawn from.'),
  resources: estateSchema.prefault(defaultEstate).describe('Resources and their deployments.'),
  latency: latencySchema.default(twinDefaults.latency).describe('How fast the model is.'),
  cacheMinimum: whole.positive().default(twinDefaults.cacheMinimum).describe('Least tokens of a cached prompt.'),
  eventsPerTurn: whole
    .positive()
    .default(twinDefaults.eventsPerTurn)
    .describe('Events of a stream that are written at once where nothing is waited for.'),
  strict: z.boolean().default(false).describe('Refuse parameters that the real models refuse.'),
  replay: z.string().optional().describe('A folder of recorded replies.'),
  retailPrices: z.string().optional().describe('A file of prices for the Retail Prices API, instead of its own.'),
  batchStageMs: whole
    .nonnegative()
    .nullable()
    .default(twinDefaults.batchStageMs)
    .describe(
      'How long a batch is validated, in progress, and finalized: so long each. null: until `POST /_twin/batches` says so.',
    ),
  keepAttempts: whole.positive().default(twinDefaults.keepAttempts).describe('How many attempts the record keeps.'),
});
export type TwinSettings = z.output<typeof settingsSchema>;
export type TwinConfig = z.input<typeof settingsSchema>;

/** Options of a twin inside a process: the configuration, and what only code can give. */
export interface TwinOptions extends TwinConfig {
  readonly clock?: Clock;
  /** Draws which requests a fault with a `share` happens to. */
  readonly random?: RandomSource;
  /** Called with each attempt when it is entered into the record. */
  readonly onAttempt?: (attempt: AttemptReport) => void;
}
