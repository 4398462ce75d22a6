import { z } from 'zod';

const amount = (what: string) => z.string().describe(`${what}; a whole number in the unit, as a decimal string.`);
const time = (what: string) => z.string().describe(`${what}; RFC 3339, UTC.`);

export const budgetUnits = ['nano-usd', 'tokens', 'requests'] as const;
export const unitSchema = z
  .enum(budgetUnits)
  .describe('What is counted: money in 10^-9 USD, tokens (input and output together), or requests.');

export const windowSchema = z
  .object({
    id: z.string().describe('Its first day and its length, as ISO 8601 writes an interval: `2026-03-01/P1M`.'),
    start: time('Its beginning'),
    end: time('Its end: from then on a new one counts'),
  })
  .describe('A calendar window.');

export const budgetEventTypes = ['budget.threshold', 'budget.exhausted'] as const;
export const deliveryStates = ['waiting', 'delivered', 'given-up'] as const;

export const budgetEventSchema = z.object({
  id: z.string().describe('The same however often it is sent; in `webhook-id`.'),
  type: z.enum(budgetEventTypes).describe('What happened; see `data.threshold`.'),
  timestamp: time('When it was decided'),
  data: z
    .object({
      budget: z.string().describe("The budget's id: `consumer/marketing/month`."),
      node: z.string().describe('Whose it is: `consumer/marketing`.'),
      unit: unitSchema,
      layer: z.string().optional().describe('Of money: the prices that it is kept at.'),
      hard: z.boolean().describe('Whether it refuses.'),
      threshold: z.number().int().optional().describe('Of `budget.threshold`: the per cent that were reached.'),
      window: windowSchema,
      limit: amount('What the window may use'),
      spent: amount('What was known to be used'),
      held: amount('What was reserved by calls under way, or by calls whose use is not known'),
      unknown: amount('The part of `held` that is of calls that are over'),
    })
    .describe('Everything as it stood when it was decided.'),
  deliveries: z
    .array(
      z.object({
        receiver: z.string().describe('The name under `alerts.webhooks`.'),
        state: z.enum(deliveryStates).describe('`given-up`: tried for three days, or the receiver answered 410.'),
        attempts: z.number().int().nonnegative().describe('Tries so far.'),
        nextAt: z.string().nullable().describe('When it is tried next; null where it is not.'),
        error: z.string().nullable().describe('What went wrong last.'),
      }),
    )
    .describe('One per receiver that wanted it when it was decided.'),
});
export type BudgetEvent = z.infer<typeof budgetEventSchema>;

/** `GET /admin/v1/budgets/events` */
export const budgetEventQuerySchema = z.strictObject({
  before: z
    .string()
    .min(1)
    .max(100)
    .optional()
    .describe('Only events that were decided before this one: the next page.'),
  limit: z.coerce.number().int().min(1).max(1000).default(100).describe('Events in the reply, at most.'),
});
export type BudgetEventQuery = z.infer<typeof budgetEventQuerySchema>;

export const budgetEventPageSchema = z.object({
  events: z.array(budgetEventSchema).describe('The newest first.'),
  next: z.string().nullable().describe('`before` of the next page; null where nothing is older.'),
});
export type BudgetEventPage = z.infer<typeof budgetEventPageSchema>;
