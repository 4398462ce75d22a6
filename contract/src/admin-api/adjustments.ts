import { z } from 'zod';
import { outcomes } from '../usage.ts';

const nano = z
  .string()
  .regex(/^-?\d+$/)
  .describe('10^-9 USD, a decimal string.');
const count = z.number().int().nonnegative();

/** Why something is booked by hand: it stands in the ledger's entry and on the audit trail. */
export const reasonSchema = z
  .string()
  .trim()
  .min(3)
  .max(500)
  .describe('Why; it stands in the entry and on the audit trail.');

const cursor = z.string().max(200).describe('Goes on behind it: `next` of the page before.');

export const heldAttemptSchema = z.object({
  id: z.string().describe('The attempt.'),
  requestId: z.string().describe('Its request, as the caller was told it.'),
  at: z.string().describe('When it was admitted (RFC 3339, UTC).'),
  consumer: z.string().describe('The team or application that is charged.'),
  subscription: z.string().describe('Whose key it came with.'),
  costCentre: z.string().describe('The path from the organisation down.'),
  endpoint: z.string().describe('Where it was sent.'),
  deployment: z.string().describe('`resource/deployment`.'),
  outcome: z.enum(outcomes).describe('How it ended.'),
  reservedNanoUsd: nano
    .nullable()
    .describe('What is held for it in 10^-9 USD; null where no budget reserved anything.'),
});
export type HeldAttempt = z.infer<typeof heldAttemptSchema>;

/** `GET /admin/v1/ledger/held` */
export const heldQuerySchema = z.strictObject({
  from: z.iso.datetime().optional().describe('Inclusive, UTC.'),
  to: z.iso.datetime().optional().describe('Exclusive, UTC.'),
  outcome: z.enum(outcomes).optional().describe('Only attempts that ended so.'),
  after: cursor.optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100).describe('Attempts in the reply, at most.'),
});
export type HeldQuery = z.infer<typeof heldQuerySchema>;

export const heldPageSchema = z.object({
  attempts: z.array(heldAttemptSchema).describe('In the order of their admission.'),
  next: z.string().nullable().describe('`after` of the next page; null where there is none.'),
});
export type HeldPage = z.infer<typeof heldPageSchema>;

/** `POST /admin/v1/ledger/write-off` */
export const writeOffRequestSchema = z
  .strictObject({
    attempts: z
      .array(z.string())
      .min(1)
      .max(1000)
      .optional()
      .describe('These; one that cannot be written off refuses all.'),
    from: z.iso.datetime().optional().describe('Instead: those admitted from here on (inclusive, UTC) …'),
    to: z.iso.datetime().optional().describe('… until here (exclusive, UTC) …'),
    outcome: z.enum(outcomes).optional().describe('… that ended so, such as `gateway-lost`.'),
    reason: reasonSchema,
    dryRun: z.boolean().default(false).describe('Says what would be written off, and books nothing.'),
    after: cursor.optional(),
  })
  .refine(({ attempts, from, outcome }) => (attempts === undefined) === (from !== undefined && outcome !== undefined), {
    message: 'name attempts, or a period (from, to) and an outcome',
  });
export type WriteOffRequest = z.infer<typeof writeOffRequestSchema>;

export const writeOffReplySchema = z.object({
  dryRun: z.boolean().describe('Nothing was booked.'),
  attempts: z.array(heldAttemptSchema).describe('Those that were written off.'),
  already: count.describe('Named attempts that had been written off before; nothing was booked for them.'),
  next: z.string().nullable().describe('`after` of the next call of the same period; null where it is done.'),
});
export type WriteOffReply = z.infer<typeof writeOffReplySchema>;

/** `POST /admin/v1/ledger/rerate` */
export const rerateRequestSchema = z.strictObject({
  from: z.iso.datetime().describe('Attempts admitted from here on (inclusive, UTC) …'),
  to: z.iso.datetime().optional().describe('… until here (exclusive, UTC); default: all.'),
  filter: z
    .array(z.string())
    .max(100)
    .default([])
    .describe(
      '`dimension=value`, any number of times: values of one dimension are alternatives, several dimensions have all to ' +
        'fit. `cost-centre=contoso/sales` holds for all that is below it, too, `cost-centre==contoso/sales` does not.',
    ),
  reason: reasonSchema,
  dryRun: z.boolean().default(false).describe('Says what would change, and books nothing.'),
  after: cursor.optional(),
});
export type RerateRequest = z.infer<typeof rerateRequestSchema>;

const layered = (what: string) =>
  z
    .object({
      cost: nano.describe('What is paid: at contracted prices where there are some, else at list prices.'),
      listCost: nano.describe('At list prices.'),
      internalCost: nano.describe('At internal rates.'),
    })
    .describe(what);

export const rerateRowSchema = z.object({
  model: z.string().describe('The base model.'),
  deploymentType: z.string().describe('`GlobalStandard`, `DataZoneStandard`, …'),
  layer: z.enum(['list', 'contracted', 'internal']).describe('Whose prices these are.'),
  meter: z.string().describe('What is priced: `input`, `cachedInput`, `output`, …'),
  priceBefore: z.string().nullable().describe('The id of the price; null: there was none.'),
  priceAfter: z.string().nullable().describe('The same, now.'),
  records: count.describe('How many attempts this is about.'),
  unitsBefore: z.number().int().describe('Their units that were priced so.'),
  unitsAfter: z.number().int().describe('The same, now.'),
  nanoUsdBefore: nano.describe('What they came to, 10^-9 USD.'),
  nanoUsdAfter: nano.describe('The same, now.'),
});
export type RerateRow = z.infer<typeof rerateRowSchema>;

export const rerateReplySchema = z.object({
  dryRun: z.boolean().describe('Nothing was booked.'),
  priceBook: z.string().describe('The prices in force, by which the attempts were priced anew.'),
  looked: count.describe('Attempts that were looked at.'),
  changed: count.describe('Those that cost something else now: each has a correction.'),
  newlyPriced: count.describe('Those among them that had no price before.'),
  newlyUnpriced: count.describe('Those among them that have none now.'),
  unknown: count.describe('Those looked at whose usage is not known: they stay as they are.'),
  delta: layered('What is added to the sums, 10^-9 USD.'),
  rows: z.array(rerateRowSchema).describe('What changed, by price; the rows of all calls add up.'),
  reached: z.string().nullable().describe('The admission of the last attempt that was looked at (RFC 3339, UTC).'),
  next: z.string().nullable().describe('`after` of the next call; null where it is done.'),
});
export type RerateReply = z.infer<typeof rerateReplySchema>;
