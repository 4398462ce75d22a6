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

const bound = (what: string) =>
  z.string().nullable().describe(`${what}; null of a soft budget, which refuses nothing.`);

/** What the bounds are made of, as commands and documents name them. */
export const boundFormulas = {
  overshoot:
    '0 while providers keep the output caps they are sent; after counters were lost: Σ (granted − spent − unknown) of gateways that did not come back',
  overshootIfLost: 'Σ (granted − spent − unknown) of all other gateways',
  stranded:
    'min(remaining, largest call − 1 + Σ idle grants of other gateways); while nothing is granted: remaining − own idle grant',
} as const;

export const budgetSchema = z.object({
  id: z.string().describe('Node and name: `consumer/marketing/month`.'),
  node: z.string().describe('Whose it is: `consumer/marketing`.'),
  name: z.string().describe('Its name at the node.'),
  declaredIn: z.enum(['config', 'admin']).describe('What the configuration file declares is read-only here.'),
  unit: unitSchema,
  layer: z.string().nullable().describe('Of money: the prices that it is kept at; else null.'),
  hard: z.boolean().describe('True refuses what could pass the limit; false only counts and warns.'),
  every: z.string().describe('How long a window is: `day`, `week`, `month`, `quarter`, `year`.'),
  timeZone: z.string().describe('Where its windows begin.'),
  warnAt: z.array(z.number().int()).describe('Per cent of the limit to be told about.'),
  window: windowSchema,
  amount: amount('What is set for every window'),
  carriedOver: amount('What earlier windows left'),
  toppedUp: amount('What was added to this window by top-ups'),
  limit: amount('`amount` + `carriedOver` + `toppedUp`'),
  spent: amount('What is known to be used'),
  held: amount('`inFlight` + `unknown`'),
  inFlight: amount('Reserved by calls under way'),
  unknown: amount('What calls that are over may have used beyond what is known; comes back by a write-off only'),
  leased: amount('Granted to gateways and not used by them: for calls to come'),
  remaining: amount('`limit` − `spent` − `held`, at least 0'),
  current: z
    .boolean()
    .describe('False where ledger or shared counters could not be asked: then it is what this gateway knew last.'),
  bounds: z
    .object({
      overshoot: bound('What may come to be spent beyond the limit in this window'),
      overshootIfLost: bound('The same if the counters and all other gateways were lost now and did not come back'),
      stranded: bound('What may be refused now although it is neither spent nor held'),
      largestCall: bound('The most that one call has needed in this window, as far as this gateway knows'),
    })
    .describe('By how much it can be missed, as it stands now.'),
});
export type BudgetState = z.infer<typeof budgetSchema>;

/** `GET /admin/v1/budgets` */
export const budgetQuerySchema = z.strictObject({
  budget: z
    .string()
    .min(1)
    .optional()
    .describe('Only the budget with this id, also one that each subscription or end user of a product has.'),
  node: z.string().min(1).optional().describe('Only budgets of this node.'),
  after: z.string().min(1).optional().describe('Only budgets with a later id: the next page.'),
  limit: z.coerce.number().int().min(1).max(1000).default(100).describe('Budgets in the reply, at most.'),
});
export type BudgetQuery = z.infer<typeof budgetQuerySchema>;

export const budgetListSchema = z.object({
  budgets: z
    .array(budgetSchema)
    .describe('By id. What each subscription or end user of a product has for itself is shown by its id alone.'),
  next: z.string().nullable().describe('`after` of the next page; null where it was the last one.'),
  formulas: z
    .object({
      overshoot: z.string().describe('Of `bounds.overshoot`.'),
      overshootIfLost: z.string().describe('Of `bounds.overshootIfLost`.'),
      stranded: z.string().describe('Of `bounds.stranded`.'),
    })
    .describe('What the bounds are made of.'),
});
export type BudgetList = z.infer<typeof budgetListSchema>;

export const topUpSchema = z.object({
  id: z.string().describe('Its id; never given twice.'),
  budget: z.string().describe('The budget that it adds to.'),
  unit: unitSchema.nullable().describe('Null where there is no such budget any more.'),
  window: z.string().describe('The window that it adds to.'),
  amount: amount('What it adds'),
  reason: z.string().describe('Why.'),
  at: time('When it was made'),
});
export type TopUp = z.infer<typeof topUpSchema>;

/** `GET /admin/v1/budgets/top-ups` */
export const topUpListSchema = z.object({ topUps: z.array(topUpSchema).describe('The newest first.') });
export type TopUpList = z.infer<typeof topUpListSchema>;
export const topUpQuerySchema = z.strictObject({
  budget: z.string().min(1).optional().describe('Only those of this budget.'),
});
export type TopUpQuery = z.infer<typeof topUpQuerySchema>;

/** `POST /admin/v1/budgets/top-ups` */
export const createTopUpSchema = z.strictObject({
  id: z
    .string()
    .regex(/^[A-Za-z0-9-]{8,64}$/, 'letters, digits and dashes, 8 to 64 characters')
    .describe('Chosen by whoever asks, and repeated where the answer was lost: it adds once.'),
  budget: z.string().min(1).max(400).describe("The budget's id: `consumer/marketing/month`."),
  amount: z.string().min(1).max(60).describe('What to add: `500 USD`, `1_000_000 tokens`, `500 requests`.'),
  window: z
    .string()
    .min(1)
    .max(40)
    .optional()
    .describe('`2026-04-01/P1M`; default: the current one. None that is over.'),
  reason: z.string().trim().min(1).max(500).describe('Why; for the audit trail.'),
});
export type CreateTopUp = z.infer<typeof createTopUpSchema>;

/** `POST /admin/v1/budgets/top-ups/{id}/revoke` */
export const revokeTopUpSchema = z.strictObject({
  reason: z.string().trim().min(1).max(500).describe('Why; for the audit trail.'),
});
export type RevokeTopUp = z.infer<typeof revokeTopUpSchema>;

/** `GET /admin/v1/budgets/refusals/{id}` */
export const budgetRefusalsSchema = z.object({
  refusals: z
    .array(
      z.object({
        requestId: z.string().describe('As in `x-request-id`.'),
        at: time('When it was refused'),
        subscription: z.string().describe('Who called.'),
        consumer: z.string().describe('Who would have been charged.'),
        product: z.string().describe('Its product.'),
        model: z.string().nullable().describe('The name that the client used; null where it asked for no model.'),
        code: z.string().describe('What the client was told: `budget_exhausted`, `rate_limit_exceeded`, …'),
        status: z.number().int().describe('The HTTP status with it.'),
        message: z.string().describe('What the client was told in words.'),
        retryAfterSeconds: z
          .number()
          .int()
          .nullable()
          .describe('What it was told to wait; null where waiting does not help.'),
        limits: z
          .array(
            z.object({
              limit: z.string().describe('The budget, rate or concurrency limit: `consumer/marketing/month`.'),
              node: z.string().describe('Whose it is.'),
              unit: z.enum([...budgetUnits, 'permits']).describe('What is counted; `permits`: requests under way.'),
              needed: amount('The most that the call could use'),
              allowed: amount('The limit'),
              spent: amount('What was known to be used'),
              held: amount('`inFlight` + `unknown`'),
              inFlight: amount('Reserved by calls under way'),
              unknown: amount('Of calls that are over and whose use is not known'),
              leasedElsewhere: amount('Granted to other gateways and not used by them'),
              resetAt: time('When its window ends, or when there is room again'),
            }),
          )
          .describe(
            'Everything that had no room, as it stood at that moment; the first is the one that was told. Of ' +
              '`counters_unavailable` every hard budget on the way; empty where only the call itself was at fault.',
          ),
      }),
    )
    .describe('The first one first: a retry may have been refused after it.'),
});
export type BudgetRefusals = z.infer<typeof budgetRefusalsSchema>;

const settings = z
  .record(z.string(), z.unknown())
  .describe('`limits`, `budget` and `budgets`, as the configuration file has them at a node.');

/** `GET /admin/v1/limits` */
export const limitListSchema = z.object({
  nodes: z
    .array(
      z.object({
        node: z.string().describe('`organisation/…`, `cost-centre/…`, `consumer/…`, `product/…`, `subscription/…`.'),
        declaredIn: z.enum(['config', 'admin']).describe('What the configuration file declares is read-only here.'),
        settings,
      }),
    )
    .describe('By node: those of which anything is limited.'),
});
export type LimitList = z.infer<typeof limitListSchema>;

/** `POST /admin/v1/limits` */
export const changeLimitsSchema = z.strictObject({
  changes: z
    .record(z.string(), settings.nullable())
    .describe(
      'By node; what is given takes the place of everything that was set there, null removes it. `product/NAME/per-subscription` ' +
        'and `product/NAME/per-end-user` are what each subscription or end user of a product has for itself. All of it ' +
        'counts, or, where anything is wrong, nothing.',
    ),
  reason: z.string().trim().min(1).max(500).describe('Why; for the audit trail.'),
});
export type ChangeLimits = z.infer<typeof changeLimitsSchema>;

const moment = z.iso.datetime({ offset: true });

/** `POST /admin/v1/budgets/simulate` */
export const simulateBudgetsSchema = z.strictObject({
  from: moment.describe('Calls admitted from here on; RFC 3339.'),
  to: moment.optional().describe('And before this; default: now.'),
  changes: z
    .array(
      z.union([
        z.strictObject({
          budget: z.string().min(1).describe('A budget or quota, by its id.'),
          amount: z
            .string()
            .min(1)
            .max(60)
            .describe('What it would allow: `500 USD`, `1_000_000 tokens`, `500 requests`.'),
          hard: z.boolean().optional().describe('Whether it would refuse; default: as it is.'),
        }),
        z.strictObject({
          node: z.string().min(1).describe('A node, as `POST /admin/v1/limits` has them.'),
          settings: settings
            .nullable()
            .describe('What would be set there, in the place of everything that is; null: nothing.'),
        }),
      ]),
    )
    .max(10_000)
    .default([])
    .describe('Put into the limits that are in force, in their order. None: what is in force is replayed.'),
});
export type SimulateBudgets = z.infer<typeof simulateBudgetsSchema>;

const nano = (what: string) => z.string().describe(`${what}; 10^-9 USD, as a decimal string.`);

export const budgetSimulationSchema = z.object({
  from: time('The beginning'),
  to: time('The end'),
  complete: z.boolean().describe('False where the store was behind the journal: the last calls are missing.'),
  requests: z.number().int().describe('Requests that were replayed.'),
  attempts: z.number().int().describe('Their calls to an upstream.'),
  costNanoUsd: nano('What they cost by the ledger'),
  refusedRequests: z.number().int().describe('Requests that would not have been served.'),
  refusedAttempts: z
    .number()
    .int()
    .describe('Calls that would not have been made, retries of served requests included.'),
  refusedNanoUsd: nano('What these cost by the ledger'),
  reservedAtCost: z
    .number()
    .int()
    .describe(
      'Calls that no budget had reserved for when they were made: replayed at what they cost, not at their worst case.',
    ),
  rows: z
    .array(
      z.object({
        consumer: z.string().describe('Who would have been refused.'),
        subscription: z.string().describe('By which subscription.'),
        limit: z.string().describe('The limit that would have been told.'),
        code: z.string().describe('The error that would have been told.'),
        requests: z.number().int().describe('Requests.'),
        attempts: z.number().int().describe('Calls to an upstream.'),
        firstAt: time('The first of them'),
        lastAt: time('The last of them'),
        nanoUsd: nano('What they cost by the ledger'),
        unpriced: z.number().int().describe('Calls among them whose cost is not known.'),
      }),
    )
    .describe('The dearest first.'),
  refused: z
    .array(
      z.object({
        requestId: z.string().describe('The request.'),
        at: time('When it was made'),
        consumer: z.string().describe('Who made it.'),
        subscription: z.string().describe('By which subscription.'),
        limit: z.string().describe('The limit that would have been told.'),
        code: z.string().describe('The error that would have been told.'),
        nanoUsd: z.string().nullable().describe('What its first call cost; null: not known.'),
      }),
    )
    .describe('The first thousand requests, one by one.'),
});
export type BudgetSimulation = z.infer<typeof budgetSimulationSchema>;

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
