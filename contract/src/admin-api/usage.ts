import { z } from 'zod';
import { ledgerLagSchema, measuredKinds, outcomes, priceLayers, reportBuckets, reportDimensions } from '../usage.ts';

const or = (words: readonly string[]): string => words.map((word) => `\`${word}\``).join(', ');

const moment =
  'an RFC 3339 time; or `2026-11-23`, `2026-11`, `2026`, `today`, `yesterday`, which mean their beginning in `timeZone`; ' +
  'or `now`';

/** What report and drill-down are about; checked by the query layer, which tells everything that is wrong at once. */
const subject = {
  from: z.string().optional().describe(`The beginning, inclusive: ${moment}. Default: everything.`),
  to: z.string().optional().describe('The end, exclusive: the same. Default: until now.'),
  month: z.string().optional().describe('`2026-11`: short for `from` its beginning `to` its end in `timeZone`.'),
  timeZone: z.string().optional().describe("An IANA name, `Europe/Amsterdam`. Default: the organisation's."),
  filter: z
    .union([z.string(), z.array(z.string())])
    .optional()
    .describe(
      '`dimension=value`, any number of times: values of one dimension are alternatives, several dimensions have all to ' +
        'fit. `cost-centre=contoso/sales` holds for all that is below it, too, `cost-centre==contoso/sales` does not.',
    ),
};

const waitMs = z
  .string()
  .optional()
  .describe(
    'How long to wait, at most 60000 ms, for the store to catch up with the journal before answering with a lag. ' +
      'Default: 5000.',
  );

/** `GET /admin/v1/usage` */
export const usageQuerySchema = z.strictObject({
  by: z
    .string()
    .optional()
    .describe(
      `What each row stands for; several with commas: ${or(reportDimensions)}. Default: \`consumer\`, and nothing where \`bucket\` is given.`,
    ),
  bucket: z
    .string()
    .optional()
    .describe(`Cuts the period into pieces: ${or(reportBuckets)}. May stand in \`by\`, too.`),
  ...subject,
  layer: z
    .string()
    .optional()
    .describe(`The prices that \`amount\` is made of: ${or(priceLayers)}. Default: \`contracted\`.`),
  currency: z
    .string()
    .optional()
    .describe('`USD`, or one that `currencies` of the configuration names. Default: `USD`.'),
  top: z
    .string()
    .optional()
    .describe('Only the so many dearest rows of each bucket; everything else is added up in `rest`.'),
  limit: z
    .string()
    .optional()
    .describe('The most rows of one answer, 1 to 10000; `next` leads to more. Default: 10000.'),
  after: z.string().optional().describe('The `next` of the page before; everything else as it was asked there.'),
  waitMs,
});

/** `GET /admin/v1/usage/records` */
export const usageRecordsQuerySchema = z.strictObject({
  ...subject,
  limit: z.string().optional().describe('The most entries of one answer, 1 to 1000. Default: 100.'),
  after: z.string().optional().describe('The `next` of the page before.'),
  waitMs,
});

const nanoUsd = z.string().regex(/^-?\d+$/);
const units = z.number().int().nullable();
const milliseconds = z.number().nullable();

export const ledgerCostLineSchema = z.object({
  layer: z.enum(priceLayers).describe('Which price it is.'),
  meter: z.string().describe('The unit that is charged: `input`, `cachedInput`, `toolCall:web_search`, …'),
  units: z.number().int().describe('How many; negative where a correction takes them back.'),
  priceId: z.string().nullable().describe('The price, as `GET /prices` names it; null: there was none.'),
  nanoUsd: nanoUsd.describe('10^-9 USD, a decimal string.'),
  inCost: z.boolean().describe('Whether it is part of the cost; a list price beside a contracted one is not.'),
});
export type LedgerCostLine = z.infer<typeof ledgerCostLineSchema>;

const place = {
  consumer: z.string().describe('The team or application that is charged.'),
  costCentre: z.string().describe('From the organisation down.'),
  product: z.string().describe('What it was allowed by.'),
  subscription: z.string().describe('Whose key it was.'),
  model: z.string().describe('The base model.'),
  modelVersion: z.string().nullable().describe('Its version, where the configuration names one.'),
  endpoint: z.string().describe("The endpoint's name in the configuration."),
  resource: z.string().describe('The Azure OpenAI resource.'),
  deployment: z.string().describe("The deployment's name in the resource."),
  deploymentType: z.string().describe('`GlobalStandard`, `ProvisionedManaged`, …'),
  region: z.string().describe('The Azure region.'),
  operation: z.string().describe('`chat.completions`, …; `none` where there was no call.'),
};

export const ledgerPostingSchema = z.object({
  ...place,
  outcome: z.string().describe("An attempt's outcome; `allocated` or `idle`: of a provisioned deployment's hour."),
  costNanoUsd: nanoUsd.describe('What it adds to the cost, 10^-9 USD; signed, as the others.'),
  listCostNanoUsd: nanoUsd.describe('What it adds at list prices.'),
  internalCostNanoUsd: nanoUsd.describe('What it adds at internal rates.'),
  heldNanoUsd: nanoUsd.describe('What it adds to what budgets hold.'),
  pricedAttempts: z.number().int().describe('1 where a cost has become known, -1 where it is not known any more.'),
  lines: z.array(ledgerCostLineSchema).describe('The cost lines that it takes back and adds.'),
});
export type LedgerPosting = z.infer<typeof ledgerPostingSchema>;

const adjustment = {
  id: z.string().describe('Made from what it says: the same is never booked twice.'),
  kind: z.enum(['correction', 'allocation', 'write-off']).describe('What it is.'),
  at: z.string().describe('Where it counts (RFC 3339, UTC).'),
  bookedAt: z.string().describe('When it was booked.'),
  of: z
    .object({ id: z.string().describe('Its id.'), at: z.string().describe('When it was admitted.') })
    .nullable()
    .describe('The record that it corrects or writes off.'),
  postings: z.array(ledgerPostingSchema).describe('What it adds, and where.'),
  detail: z.unknown().describe('Who booked it and why.'),
};

export const ledgerAdjustmentSchema = z.object(adjustment);
export type LedgerAdjustment = z.infer<typeof ledgerAdjustmentSchema>;

export const ledgerRecordSchema = z.object({
  id: z.string().describe("The attempt's id: in the journal, and upstream as `x-ms-client-request-id`."),
  requestId: z.string().describe('What the client was told as `x-request-id`.'),
  attempt: z.number().int().describe('1 for the first call to an upstream of the request.'),
  at: z.string().describe('Admission (RFC 3339, UTC); everything is counted there.'),
  finishedAt: z.string().nullable().describe('When it was settled.'),
  ...place,
  endUser: z.string().nullable().describe('A keyed hash.'),
  stream: z.boolean().describe('Whether the reply was streamed.'),
  requestedModel: z.string().describe('What the client asked for.'),
  reportedModel: z.string().nullable().describe('What the reply named.'),
  serviceTier: z.string().nullable().describe('As served.'),
  spilledFrom: z.string().nullable().describe('The provisioned deployment that Azure spilled it over from.'),
  upstreamRequestId: z.string().nullable().describe("Azure's own id, for its support."),
  outcome: z.enum(outcomes).describe('How it ended.'),
  httpStatus: z.number().int().nullable().describe("The upstream's; null where no reply came."),
  measuredInput: z.enum(measuredKinds).describe('How the input units came to be known.'),
  measuredOutput: z.enum(measuredKinds).describe('How the output units came to be known.'),
  units: z
    .object({
      inputTokens: units.describe('Null, here and below: unknown.'),
      cachedInputTokens: units.describe('Part of inputTokens.'),
      cacheWriteInputTokens: units.describe('Part of inputTokens.'),
      audioInputTokens: units.describe('Part of inputTokens.'),
      imageInputTokens: units.describe('Part of inputTokens.'),
      outputTokens: units.describe('Reasoning included.'),
      reasoningTokens: units.describe('Part of outputTokens.'),
      audioOutputTokens: units.describe('Part of outputTokens.'),
      seconds: units.describe('Sound, whole seconds.'),
      characters: units.describe('Characters spoken.'),
      toolCalls: z.record(z.string(), z.number().int()).describe('Calls by tool.'),
      images: z.record(z.string(), z.number().int()).describe('Images by quality and size: `high/1024x1024`.'),
    })
    .describe('What was used.'),
  timing: z
    .object({
      queueMs: milliseconds.describe('Inside the gateway, before it was sent.'),
      firstByteMs: milliseconds.describe("From sending to the reply's first byte; null where there was none."),
      upstreamMs: milliseconds.describe("From sending to the reply's end."),
      totalMs: milliseconds.describe('From the arrival of the request to the settlement.'),
    })
    .describe('How long it took.'),
  reservedNanoUsd: nanoUsd.nullable().describe('What budgets held for it, 10^-9 USD.'),
  heldNanoUsd: nanoUsd.describe(
    'What of it stays debited beside the cost, because usage or cost is not known exactly.',
  ),
  pricing: z.enum(['token', 'ptu']).describe('`ptu`: the hour of the deployment is paid instead.'),
  priceBook: z.string().describe('The prices that it was settled with.'),
  costNanoUsd: nanoUsd.nullable().describe('As settled, before adjustments; null: unknown.'),
  listCostNanoUsd: nanoUsd.nullable().describe('At list prices alone.'),
  internalCostNanoUsd: nanoUsd.nullable().describe('At internal rates.'),
  unpriced: z.array(z.string()).describe('The meters without a price, or why nothing could be priced.'),
  lines: z.array(ledgerCostLineSchema).describe('Every meter at every price that it has.'),
  adjustments: z
    .array(ledgerAdjustmentSchema)
    .describe('All corrections and write-offs of it, wherever they count; the earliest first.'),
});
export type LedgerRecord = z.infer<typeof ledgerRecordSchema>;

const entry = z
  .discriminatedUnion('kind', [
    z.object({ kind: z.literal('record').describe('An attempt.'), record: ledgerRecordSchema }),
    z.object({
      kind: z.literal('adjustment').describe('An entry beside usage that counts here.'),
      adjustment: ledgerAdjustmentSchema.describe('With only those of its postings that fit the filter.'),
    }),
  ])
  .describe('An attempt, or an adjustment.');

/** `GET /admin/v1/usage/records` */
export const usageRecordsSchema = z.object({
  entries: z
    .array(entry)
    .describe(
      'In the order of admission. The costs of the records and of the adjustments among them add up to the cell of the ' +
        "report: a record's own `adjustments` are for information, and count where they are entries themselves.",
    ),
  next: z.string().nullable().describe('There is more: ask again with `after` set to this.'),
  lag: ledgerLagSchema.describe('What the journal holds beyond the store.'),
});
export type UsageRecords = z.infer<typeof usageRecordsSchema>;

/** `GET /admin/v1/usage/requests/{requestId}` */
export const usageRequestSchema = z.object({
  requestId: z.string().describe('As asked.'),
  attempts: z.array(ledgerRecordSchema).describe('All calls to an upstream that it took, in their order.'),
});
export type UsageRequest = z.infer<typeof usageRequestSchema>;
