import { z } from 'zod';

/** How a number came to be known. Source: the product's money document. */
export const measuredKinds = ['reported', 'delivered', 'tokenized', 'estimated', 'none', 'unknown'] as const;
export type Measured = (typeof measuredKinds)[number];

/** How an attempt ended. */
export const outcomes = [
  'completed',
  'client-left',
  'upstream-broke',
  'timed-out',
  'filtered-prompt',
  'filtered-completion',
  'refused-by-upstream',
  'hedge-lost',
  'gateway-lost',
] as const;
export type Outcome = (typeof outcomes)[number];

/** What a usage report can be grouped by and filtered on. `end-user` is answered from records: it takes longer. */
export const reportDimensions = [
  'consumer',
  'cost-centre',
  'product',
  'subscription',
  'model',
  'endpoint',
  'deployment',
  'resource',
  'deployment-type',
  'region',
  'operation',
  'outcome',
  'end-user',
] as const;
export type ReportDimension = (typeof reportDimensions)[number];

/** The lengths of the pieces that a report can cut its period into; weeks begin on Monday. */
export const reportBuckets = ['quarter-hour', 'hour', 'day', 'week', 'month', 'quarter', 'year'] as const;
export type ReportBucket = (typeof reportBuckets)[number];

export const priceLayers = ['list', 'contracted', 'internal'] as const;
export type PriceLayer = (typeof priceLayers)[number];

const count = z.number().int().nonnegative();
const knownUnits = count.nullable();
/** A correction may take more back than its period has. */
const priced = z.number().int();
const nanoUsd = z.string().regex(/^-?\d+$/);
const cost = nanoUsd.nullable();

const figures = {
  requests: count.describe('Distinct requests whose first attempt was admitted in the period.'),
  attempts: count.describe('Calls to an upstream; a request has one or more.'),
  inputTokens: knownUnits.describe(
    'Sum of the known input tokens, all kinds of them. Null, here and in the other units: nothing of it is known.',
  ),
  cachedInputTokens: knownUnits.describe('The part of inputTokens that the provider read from its prompt cache.'),
  cacheWriteInputTokens: knownUnits.describe('The part of inputTokens that was written to the prompt cache.'),
  audioInputTokens: knownUnits.describe('The part of inputTokens that was audio.'),
  imageInputTokens: knownUnits.describe('The part of inputTokens that was images.'),
  outputTokens: knownUnits.describe('Sum of the known output tokens, reasoning included.'),
  reasoningTokens: knownUnits.describe('The part of outputTokens that was reasoning.'),
  audioOutputTokens: knownUnits.describe('The part of outputTokens that was audio.'),
  seconds: knownUnits.describe('Sound transcribed or translated, whole seconds.'),
  characters: knownUnits.describe('Characters spoken.'),
  images: knownUnits.describe('Images made, of any quality and size.'),
  toolCalls: knownUnits.describe('Calls of tools that the provider runs and charges by the call.'),
  costNanoUsd: cost.describe(
    'Sum of the known costs in 10^-9 USD as a decimal string: contracted prices, list prices where there is none. Null ' +
      'where nothing in the row could be priced.',
  ),
  pricedAttempts: priced.describe('Attempts whose cost is in costNanoUsd.'),
  listCostNanoUsd: cost.describe('The same usage at list prices alone.'),
  listPricedAttempts: priced.describe('Attempts whose cost is in listCostNanoUsd.'),
  internalCostNanoUsd: cost.describe('The same usage at internal rates.'),
  internalPricedAttempts: priced.describe('Attempts whose cost is in internalCostNanoUsd.'),
  heldNanoUsd: nanoUsd.describe(
    'What stays debited of reservations beside the cost, because usage or cost is not known exactly, in 10^-9 USD, less ' +
      'what was written off. In no cost.',
  ),
  unpricedRequests: count.describe('Requests with an attempt whose cost is unknown because a price is missing.'),
  unknownUsageRequests: count.describe(
    'Requests with an attempt whose usage is unknown; its units are not in the sums.',
  ),
  unknownUsageAttempts: count.describe(
    'Attempts whose usage is unknown: more than the requests where one was retried.',
  ),
  deliveredOnlyRequests: count.describe(
    'Requests with an attempt that was broken off: its output is a lower bound, counted from what was delivered.',
  ),
  estimatedRequests: count.describe('Requests with an attempt whose input or output is an estimate.'),
};

const amount = z
  .string()
  .regex(/^-?\d+(\.\d+)?$/)
  .nullable()
  .describe(
    "The cost of the report's layer in the report's currency, a decimal number; exact in USD, else converted from the " +
      'exact sum and rounded half to even at nine digits. Null where nothing in the row could be priced.',
  );

export const usageFiguresSchema = z.object({ amount, ...figures });
export type UsageFigures = z.infer<typeof usageFiguresSchema>;

/** The figures of a report that nothing is in. */
export const nothingUsed: UsageFigures = {
  amount: null,
  requests: 0,
  attempts: 0,
  inputTokens: 0,
  cachedInputTokens: 0,
  cacheWriteInputTokens: 0,
  audioInputTokens: 0,
  imageInputTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  audioOutputTokens: 0,
  seconds: 0,
  characters: 0,
  images: 0,
  toolCalls: 0,
  costNanoUsd: null,
  pricedAttempts: 0,
  listCostNanoUsd: null,
  listPricedAttempts: 0,
  internalCostNanoUsd: null,
  internalPricedAttempts: 0,
  heldNanoUsd: '0',
  unpricedRequests: 0,
  unknownUsageRequests: 0,
  unknownUsageAttempts: 0,
  deliveredOnlyRequests: 0,
  estimatedRequests: 0,
};

export const usageBucketSchema = z.object({
  label: z
    .string()
    .describe('`2026-11-23T14:00+01:00`, `2026-11-23`, `2026-W48`, `2026-11`, `2026-Q4` or `2026`, in the time zone.'),
  from: z.string().describe('Where the part of it begins that lies in the period (RFC 3339, UTC); inclusive.'),
  to: z.string().describe('Where it ends; exclusive.'),
});
export type UsageBucket = z.infer<typeof usageBucketSchema>;

const bucket = usageBucketSchema.nullable().describe('The piece of the period; null where it was not cut.');

export const usageRowSchema = z.object({
  key: z
    .string()
    .describe('For reports by one thing: the first of `keys`; where there are none, the label of the bucket, if any.'),
  bucket,
  keys: z
    .partialRecord(z.enum(reportDimensions), z.string())
    .describe('The value of each dimension of `by`, in that order; the empty string where there is none.'),
  ...usageFiguresSchema.shape,
});
export type UsageRow = z.infer<typeof usageRowSchema>;

export const usageRestSchema = z.object({ bucket, ...usageFiguresSchema.shape });
export type UsageRest = z.infer<typeof usageRestSchema>;

export const ledgerLagSchema = z.object({
  records: count.describe('Settled attempts that stand in the journal but not yet in the store.'),
  openAttempts: count.describe('Attempts admitted and not yet settled.'),
});
export type LedgerLag = z.infer<typeof ledgerLagSchema>;

export const usageFilterSchema = z.object({
  dimension: z.enum(reportDimensions).describe('What is looked at.'),
  values: z.array(z.string()).describe('Any of them fits.'),
  exact: z.boolean().describe('Cost centres: without those below them.'),
});
export type UsageFilter = z.infer<typeof usageFilterSchema>;

export const currencyInForceSchema = z.object({
  code: z.string().describe('ISO 4217: `USD`, `EUR`, …'),
  rates: z
    .array(
      z.object({
        from: z.string().nullable().describe('Usage admitted from here on (RFC 3339, UTC); null: from the beginning.'),
        perUsd: z.string().describe('Units of the currency for one USD: an exact decimal, or a fraction `1000/1087`.'),
      }),
    )
    .describe('The configured rates that the report used, each for the usage of its time.'),
});
export type CurrencyInForce = z.infer<typeof currencyInForceSchema>;

export const usageReportSchema = z.object({
  by: z.array(z.enum(reportDimensions)).describe('What each row stands for.'),
  bucketLength: z.enum(reportBuckets).nullable().describe('What the period is cut into; null: it is not.'),
  timeZone: z.string().describe('Where days, weeks, months, quarters and years begin.'),
  from: z.string().nullable().describe('Start of the period, inclusive (RFC 3339, UTC); null is the beginning.'),
  to: z.string().nullable().describe('End of the period, exclusive; null is now.'),
  filter: z.array(usageFilterSchema).describe('What the report is of: all of them fit; none: everything.'),
  layer: z.enum(priceLayers).describe('The prices that `amount` is made of.'),
  currency: currencyInForceSchema.describe('What `amount` is in.'),
  rows: z
    .array(usageRowSchema)
    .describe('Only what occurs, in the order of bucket and keys; with `top`, the dearest first within each bucket.'),
  rest: z
    .array(usageRestSchema)
    .describe('With `top`: everything that is in none of the rows, added up, one entry for each bucket that has any.'),
  restGroups: count.describe('How many different keys the rest stands for.'),
  next: z
    .string()
    .nullable()
    .describe('There are more rows: ask the same again with `after` set to this. Null: these are the last.'),
  total: usageFiguresSchema.describe(
    'The same figures over everything that fits, whatever page or `top` is asked for; distinct requests are counted once.',
  ),
  roundingDifference: z
    .string()
    .nullable()
    .describe("The total's `amount` less the sum of the rows' and the rest's; null where these are not all the rows."),
  lag: ledgerLagSchema.describe('What the journal holds beyond the store at the moment of the report.'),
});
export type UsageReport = z.infer<typeof usageReportSchema>;
