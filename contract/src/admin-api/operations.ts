import { z } from 'zod';
import { ledgerLagSchema, reportDimensions } from '../usage.ts';

/** `GET /admin/v1/usage` */
export const usageQuerySchema = z.strictObject({
  by: z.enum(reportDimensions).default('consumer'),
  from: z.iso.datetime().optional().describe('Inclusive, UTC.'),
  to: z.iso.datetime().optional().describe('Exclusive, UTC.'),
  waitMs: z.coerce
    .number()
    .int()
    .min(0)
    .max(60_000)
    .default(5_000)
    .describe('How long to wait for the store to catch up with the journal before answering with a lag.'),
});
export type UsageQuery = z.infer<typeof usageQuerySchema>;

export const endpointHealthSchema = z.object({
  name: z.string(),
  model: z.string(),
  resource: z.string(),
  region: z.string(),
  deployment: z.string(),
  deploymentType: z.string(),
  state: z.enum(['available', 'throttled', 'failing', 'misconfigured']),
  until: z.string().nullable().describe('When a cool-down ends (RFC 3339, UTC).'),
  inFlight: z.number().int().nonnegative(),
  lastError: z.string().nullable(),
});
export type EndpointHealth = z.infer<typeof endpointHealthSchema>;

export const priceSchema = z.object({
  id: z.string(),
  layer: z.enum(['list', 'contracted']),
  model: z.string(),
  modelVersion: z.string().nullable(),
  deploymentType: z.string(),
  region: z.string().nullable(),
  serviceTier: z.string().nullable(),
  mode: z.enum(['online', 'batch']),
  minInputTokens: z.number().int().nullable(),
  meter: z.string(),
  nanoUsdPerMillion: z.string().describe('10^-9 USD per million units, a decimal string.'),
  effectiveFrom: z.string(),
  effectiveTo: z.string().nullable(),
  source: z.string(),
});
export type PriceRow = z.infer<typeof priceSchema>;

export const ledgerVerifySchema = z.object({
  ok: z.boolean(),
  journal: z.object({
    segments: z.number().int(),
    opened: z.number().int(),
    settled: z.number().int(),
    open: z.number().int().describe('Attempts without a settle: in flight now, or lost.'),
    damaged: z.array(z.object({ segment: z.string(), offset: z.number().int(), bytes: z.number().int() })),
    tornTailBytes: z.number().int(),
  }),
  store: z.object({ records: z.number().int(), rollUpAttempts: z.number().int() }),
  sums: z.array(z.object({ meter: z.string(), journal: z.string(), store: z.string(), rollUp: z.string() })),
  missingInStore: z.array(z.string()).describe('Attempt ids, at most 100.'),
  missingInJournal: z.array(z.string()).describe('Attempt ids, at most 100.'),
  different: z.array(z.string()).describe('Attempt ids whose stored record differs from the journal, at most 100.'),
  settledTwice: z.array(z.string()),
  lag: ledgerLagSchema,
  problems: z.array(z.string()),
});
export type LedgerVerification = z.infer<typeof ledgerVerifySchema>;

export const versionSchema = z.object({
  name: z.literal('tollgate'),
  version: z.string(),
  node: z.string(),
  startedAt: z.string(),
});
export type Version = z.infer<typeof versionSchema>;

export const configInForceSchema = z.object({
  source: z.string(),
  loadedAt: z.string(),
  lastReload: z
    .object({ at: z.string(), ok: z.boolean(), problems: z.array(z.string()) })
    .nullable()
    .describe('The last attempt to reload; a bad one keeps the old configuration.'),
  config: z.unknown().describe('The resolved configuration; secrets are masked.'),
});
export type ConfigInForce = z.infer<typeof configInForceSchema>;

export const adminErrorSchema = z.object({
  error: z.object({ code: z.string(), message: z.string(), id: z.string(), details: z.array(z.string()).optional() }),
});
export type AdminError = z.infer<typeof adminErrorSchema>;
