import { duration, percentage, share, wholeNumber } from '#kernel/config-values.ts';
import { z } from 'zod';
import { balancers, defaultBalancer } from './balancers/registry.ts';

const tierEntry = z.union(
  [
    z.string().transform((name) => ({ endpoint: name, weight: 1 })),
    z.strictObject({
      endpoint: z.string().describe('A name under `endpoints`.'),
      weight: share().prefault(1).describe('Its share inside the tier, relative to the others; above 0.'),
    }),
  ],
  { error: 'expected the name of an endpoint, or { endpoint: name, weight: 70 }' },
);

const members = z
  .array(tierEntry, { error: 'expected a list of endpoints, such as [first-choice]' })
  .min(1, 'expected at least one endpoint in the tier');

const balancerName = z.enum(balancers.map(({ name }) => name));
const balancerWords = balancers.map(({ name, summary }) => `\`${name}\`: ${summary}`).join('; ');

const tier = z.union(
  [
    members.transform((endpoints) => ({ endpoints, balancer: undefined, priority: undefined })),
    z
      .strictObject({
        endpoints: members.describe('The endpoints of this tier.'),
        balancer: balancerName.optional().describe("Instead of the model's own."),
        priority: wholeNumber({ atLeast: 1 })
          .optional()
          .describe('The place of the tier, from 1; checked where it is given, for who would rather read a number.'),
      })
      .transform(({ endpoints, balancer, priority }) => ({ endpoints, balancer, priority })),
  ],
  { error: 'expected a list of endpoints, or { endpoints: [first-choice], balancer: head-room }' },
);

const header = /^header:([a-z0-9-]+)$/;
const sessionKey = z
  .union(
    [
      z.enum(['prompt_cache_key', 'user', 'subscription', 'consumer']).transform((from) => ({ from })),
      z
        .string()
        .regex(header)
        .transform((text) => ({ from: 'header' as const, name: header.exec(text)?.[1] ?? '' })),
    ],
    { error: 'expected prompt_cache_key, user, subscription, consumer, or header:NAME in lower case' },
  )
  .prefault('prompt_cache_key')
  .describe(
    'What calls of one session have in common, for `session-sticky`: the member `prompt_cache_key`, the end user ' +
      '(`safety_identifier`, else `user`), the subscription, the consumer, or a header of the request.',
  );

const retryBudget = z
  .strictObject({
    share: percentage().prefault('20%').describe('Retries per call, at most, over the last 10 seconds.'),
    atLeast: wholeNumber({ atLeast: 0 }).prefault(3).describe('So many are allowed in any case.'),
  })
  .prefault({})
  .describe(
    'Keeps retries from multiplying an outage: how many may be sent to endpoints of which many calls fail. A retry on an ' +
      'endpoint that is well is not counted.',
  );

const queue = z
  .strictObject({
    maxWait: duration({ atLeastMs: 10 })
      .prefault('10s')
      .describe(
        'The longest wait of one call. Where every endpoint has asked to be left alone for longer, the call is refused at once.',
      ),
    maxLength: wholeNumber({ atLeast: 1, atMost: 10_000 })
      .prefault(100)
      .describe(
        'So many wait at a time. Beyond it a more urgent call, or one of a consumer that has fewer waiting, takes the place ' +
          'of the last one of whoever has most.',
      ),
  })
  .optional()
  .describe(
    'Lets calls wait for capacity, where every endpoint is throttled or has its `maxInFlight`, instead of refusing them at ' +
      'once: the more urgent `priority` first, the consumers of one priority in turn. Without it nothing waits.',
  );

/** `models.<name>`. */
export const route = z.strictObject({
  tiers: z
    .array(tier, { error: 'expected a list of tiers, each a list of endpoints: [[first-choice], [second-choice]]' })
    .min(1, 'expected at least one tier')
    .describe(
      'Where a call may go: lists of endpoints in order of priority. Inside a tier the balancer chooses; a later tier ' +
        'is used only when nothing of the earlier ones can be. A model that is served by one resource may use files and ' +
        'stored prompts that live there; with several, such calls are refused. Stored responses and conversations find back.',
    ),
  batch: z
    .array(z.string())
    .default([])
    .describe(
      'Endpoints of the types GlobalBatch and DataZoneBatch that run batches of this model. A file is sent to one of them that ' +
        'nothing stands against, by chance, and its batch is run there. Without any, the model takes no batches.',
    ),
  balancer: balancerName.default(defaultBalancer).describe(`How the choice inside a tier is made. ${balancerWords}.`),
  sessionKey,
  deadline: duration({ atLeastMs: 100 }).prefault('120s').describe('From arrival to the last byte; then 504.'),
  streamDeadline: duration({ atLeastMs: 100 })
    .optional()
    .describe(
      'The same for a call that is streamed; without, `deadline`. Load balancers and gateways in front give up on what is ' +
        'silent: a long reply passes them as a stream, and only so.',
    ),
  firstByteTimeout: duration({ atLeastMs: 10 })
    .prefault('60s')
    .describe(
      'The longest wait for the first byte of a stream; then the next endpoint is tried. A reply that is not streamed is ' +
        'silent until it is whole: for it `replyTimeout` counts.',
    ),
  replyTimeout: duration({ atLeastMs: 100 })
    .optional()
    .describe(
      'The longest wait of one attempt for a reply that is not streamed; then the next endpoint is tried, and the first one ' +
        'may have been paid for in vain. A little longer than your longest replies; without, an endpoint that takes calls ' +
        'and never answers costs such a call its whole `deadline`.',
    ),
  idleTimeout: duration({ atLeastMs: 100 })
    .prefault('60s')
    .describe('The longest silence of an upstream once its reply has begun; then the attempt is given up.'),
  maxAttempts: wholeNumber({ atLeast: 1, atMost: 10 })
    .prefault(3)
    .describe('Attempts in all, the first one included; each goes to another endpoint.'),
  retryBudget,
  queue,
  onClientDisconnect: z
    .enum(['cancel', 'drain'])
    .default('cancel')
    .describe(
      '`cancel` stops the upstream at once and records what was delivered, as a lower bound; `drain` reads on to the ' +
        'exact usage, and pays for it.',
    ),
});
