import { z } from 'zod';

export const openBatchSchema = z.object({
  id: z.string().describe('The attempt that began it: what `ledger held` and `ledger write-off` name.'),
  batch: z.string().nullable().describe("The resource's own id; null where its answer was lost: it is looked for."),
  requestId: z.string().describe('The request that began it, as the caller was told it.'),
  at: z.string().describe('When it was begun (RFC 3339, UTC): its lines count at this time.'),
  consumer: z.string().describe('The team or application that is charged.'),
  subscription: z.string().describe('Whose key it came with.'),
  costCentre: z.string().describe('The path from the organisation down.'),
  model: z.string().describe('As the caller named it.'),
  endpoint: z.string().describe('Where it runs.'),
  deployment: z.string().describe('`resource/deployment`.'),
  reservedNanoUsd: z
    .string()
    .regex(/^-?\d+$/)
    .nullable()
    .describe('What budgets hold for all its lines, 10^-9 USD, a decimal string; null where none reserved anything.'),
  status: z
    .string()
    .nullable()
    .describe('As the resource told it last: `validating`, `in_progress`, …; null where this gateway has not asked.'),
  lookedAt: z
    .string()
    .nullable()
    .describe('When this gateway looked last (RFC 3339, UTC); null where it did not: perhaps another one follows it.'),
  problem: z.string().nullable().describe('Why the last look could not meter it; null where nothing was wrong.'),
});
export type OpenBatch = z.infer<typeof openBatchSchema>;

/** `GET /admin/v1/batches` */
export const openBatchesSchema = z.object({
  follows: z.boolean().describe('This gateway looks at them; where several share a store, one of them does.'),
  batches: z.array(openBatchSchema).describe('In the order of their beginning.'),
});
export type OpenBatches = z.infer<typeof openBatchesSchema>;

/** `POST /admin/v1/batches/write-off` */
export const writeOffBatchSchema = z.strictObject({
  attempt: z.string().min(1).describe('The attempt that began the batch.'),
  reason: z.string().trim().min(1).max(500).describe('Why; it stands in the ledger and on the audit trail.'),
});
export type WriteOffBatch = z.infer<typeof writeOffBatchSchema>;

export const writtenOffBatchSchema = z.object({
  attempt: z.string().describe('The attempt that began the batch.'),
  heldNanoUsd: z
    .string()
    .regex(/^-?\d+$/)
    .describe('What was held for it until now, 10^-9 USD, a decimal string.'),
});
export type WrittenOffBatch = z.infer<typeof writtenOffBatchSchema>;
