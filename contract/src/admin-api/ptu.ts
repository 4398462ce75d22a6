import { z } from 'zod';
import { reasonSchema } from './adjustments.ts';

const count = z.number().int().nonnegative();
const nano = z.string().regex(/^-?\d+$/);
const percent = z.string().regex(/^\d+\.\d\d$/);

/** `GET /admin/v1/ptu/break-even` */
export const breakEvenQuerySchema = z.strictObject({
  from: z.iso.datetime().describe('Inclusive, UTC; hours that begin here or later.'),
  to: z.iso.datetime().describe('Exclusive, UTC.'),
  endpoint: z.string().optional().describe('Only this provisioned deployment.'),
  byHour: z.stringbool().default(false).describe('One row an hour, instead of one for the period.'),
});
export type BreakEvenQuery = z.infer<typeof breakEvenQuerySchema>;

export const breakEvenRowSchema = z.object({
  endpoint: z.string().describe('The name that the configuration gives it.'),
  deployment: z.string().describe('`resource/deployment`.'),
  model: z.string().describe('The base model.'),
  deploymentType: z.string().describe('`GlobalProvisionedManaged`, …'),
  from: z.string().describe('RFC 3339, UTC: the hour, or the period.'),
  hours: count.describe('Hours that were booked, some minutes after their end; calls of other hours are left out.'),
  paidNanoUsd: nano.describe('What those hours cost, 10^-9 USD.'),
  idleNanoUsd: nano.describe('The part of it that was idle.'),
  attempts: count.describe('Calls that the deployment served.'),
  unknownAttempts: count.describe('Those of them whose usage is not known: they are in none of the amounts.'),
  inputTokens: count.describe('Known input tokens, cached ones included.'),
  cachedInputTokens: count.describe('The part of inputTokens that was read from the prompt cache.'),
  outputTokens: count.describe('Known output tokens, reasoning included.'),
  utilization: percent
    .nullable()
    .describe(
      'How far the deployment was used, in percent: weighed tokens by the capacity that the configuration tells; null ' +
        'where it tells none for one of the hours.',
    ),
  payAsYouGoNanoUsd: nano
    .nullable()
    .describe(
      'What the same calls would have cost at the pay-as-you-go deployment of the same model and scope, at contracted ' +
        'prices where there are some; null where a price is missing.',
    ),
  payAsYouGoListNanoUsd: nano.nullable().describe('The same at list prices.'),
  missingPrices: z.array(z.string()).describe('The meters that have no pay-as-you-go price.'),
  breakEvenFactor: z
    .string()
    .regex(/^\d+\.\d{3}$/)
    .nullable()
    .describe(
      'How many times the tokens would have cost as much by the token as the hours did: below 1, the hours were cheaper. ' +
        'Null where nothing was used or a price is missing.',
    ),
  breakEvenUtilization: percent
    .nullable()
    .describe('The utilization at which both cost the same, in percent; beyond 100 there is none. Null: not known.'),
  spilledAttempts: count.describe('Calls that Azure spilled over; they are in no figure above.'),
  spilledNanoUsd: nano.nullable().describe('What those cost by the token; null where one of them is unpriced.'),
});
export type BreakEvenRow = z.infer<typeof breakEvenRowSchema>;

export const breakEvenSchema = z.object({
  from: z.string().describe('RFC 3339, UTC.'),
  to: z.string().describe('RFC 3339, UTC.'),
  priceBook: z.string().describe('The prices in force, by which pay-as-you-go is reckoned.'),
  rows: z.array(breakEvenRowSchema).describe('By endpoint, then by hour.'),
});
export type BreakEven = z.infer<typeof breakEvenSchema>;

/** `POST /admin/v1/ptu/allocate` */
export const ptuAllocateRequestSchema = z.strictObject({
  from: z.iso.datetime().describe('Hours that begin here or later (inclusive, UTC) …'),
  to: z.iso.datetime().describe('… until here (exclusive, UTC).'),
  endpoint: z.string().optional().describe('Only this provisioned deployment.'),
  reason: reasonSchema,
  dryRun: z.boolean().default(false).describe('Says what would change, and books nothing.'),
  after: z.string().max(200).optional().describe('Goes on behind it: `next` of the call before.'),
});
export type PtuAllocateRequest = z.infer<typeof ptuAllocateRequestSchema>;

export const ptuAllocateReplySchema = z.object({
  dryRun: z.boolean().describe('Nothing was booked.'),
  rows: z
    .array(
      z.object({
        endpoint: z.string().describe('The name that the configuration gives it.'),
        hours: count.describe('Booked hours that were looked at.'),
        changed: count.describe('Those of them that are allocated otherwise now.'),
        paidBeforeNanoUsd: nano.describe('What the hours that were looked at cost so far, 10^-9 USD.'),
        paidAfterNanoUsd: nano.describe('What they cost now.'),
      }),
    )
    .describe('The rows of all calls add up.'),
  next: z.string().nullable().describe('`after` of the next call; null where it is done.'),
});
export type PtuAllocateReply = z.infer<typeof ptuAllocateReplySchema>;
