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

/** What a usage report can be grouped by. `day` is the UTC day of the attempt's admission. */
export const reportDimensions = [
  'consumer',
  'cost-centre',
  'product',
  'subscription',
  'model',
  'deployment',
  'deployment-type',
  'region',
  'outcome',
  'day',
] as const;
export type ReportDimension = (typeof reportDimensions)[number];

const count = z.number().int().nonnegative();

const figures = {
  requests: count.describe('Distinct requests whose first attempt was admitted in the period.'),
  attempts: count.describe('Calls to an upstream; a request has one or more.'),
  inputTokens: count.describe('Sum of the known input tokens, cached ones included.'),
  cachedInputTokens: count.describe('The part of inputTokens that the provider read from its prompt cache.'),
  outputTokens: count.describe('Sum of the known output tokens, reasoning included.'),
  reasoningTokens: count.describe('The part of outputTokens that was reasoning.'),
  costNanoUsd: z
    .string()
    .regex(/^-?\d+$/)
    .nullable()
    .describe(
      'Sum of the known costs in 10^-9 USD as a decimal string; null where nothing in the row could be priced.',
    ),
  unpricedRequests: count.describe('Requests with an attempt whose cost is unknown because a price is missing.'),
  unknownUsageRequests: count.describe(
    'Requests with an attempt whose usage is unknown; their tokens are not in the sums.',
  ),
  deliveredOnlyRequests: count.describe(
    'Requests with an attempt that was broken off: its output is a lower bound, counted from what was delivered.',
  ),
  estimatedRequests: count.describe('Requests with an attempt whose input or output is an estimate.'),
};

export const usageFiguresSchema = z.object(figures);
export type UsageFigures = z.infer<typeof usageFiguresSchema>;

export const usageRowSchema = z.object({
  key: z.string().describe('The value of the dimension; the empty string where the record has none.'),
  ...figures,
});
export type UsageRow = z.infer<typeof usageRowSchema>;

export const ledgerLagSchema = z.object({
  records: count.describe('Settled attempts that stand in the journal but not yet in the store.'),
  openAttempts: count.describe('Attempts admitted and not yet settled.'),
});
export type LedgerLag = z.infer<typeof ledgerLagSchema>;

export const usageReportSchema = z.object({
  by: z.enum(reportDimensions).describe('What each row stands for.'),
  from: z.string().nullable().describe('Start of the period, inclusive (RFC 3339, UTC); null is the beginning.'),
  to: z.string().nullable().describe('End of the period, exclusive; null is now.'),
  rows: z.array(usageRowSchema).describe('One per value of the dimension.'),
  total: usageFiguresSchema.describe('The same figures over all rows; distinct requests are counted once.'),
  lag: ledgerLagSchema.describe('What the journal holds beyond the store at the moment of the report.'),
});
export type UsageReport = z.infer<typeof usageReportSchema>;
