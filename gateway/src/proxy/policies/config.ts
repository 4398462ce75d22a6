import type { ConfigFinding, ConfigPath, ConfigSection } from '#kernel/config-section.ts';
import { byteSize, duration, entryName, wholeNumber } from '#kernel/config-values.ts';
import { limitFindings, limitMembers, limitsOfEach } from '#model/limit-settings.ts';
import { priorities } from '#model/priority.ts';
import { z } from 'zod';

const keys = {
  products: z
    .record(
      entryName(),
      z.strictObject({
        models: z
          .array(z.string())
          .min(1, 'expected at least one model')
          .describe('What may be called: names under `models`. Model lists show only these.'),
        caps: z
          .strictObject({
            maxOutputTokens: wholeNumber({ atLeast: 1 })
              .optional()
              .describe(
                'The most output tokens of one call, all its choices together; a call that names none is sent with this.',
              ),
            maxChoices: wholeNumber({ atLeast: 1, atMost: 128 })
              .optional()
              .describe('The most choices of one call: `n` or `best_of`, times the prompts of a completion.'),
            maxRequestBytes: byteSize({ atLeast: 1, atMost: 1024 ** 3 })
              .optional()
              .describe('The largest request body; at most `listen.maxBodyBytes` in any case.'),
          })
          .prefault({})
          .describe('What one call may ask for; without a cap, what the model allows.'),
        unpriced: z
          .enum(['refuse', 'allow-and-flag'])
          .default('refuse')
          .describe(
            'A call that a deployment without a price may serve is refused, or allowed and shown as unpriced in every ' +
              'report. It never counts as 0.',
          ),
        batches: z
          .boolean()
          .default(false)
          .describe(
            'True lets its callers upload files and run batches with the models that have `batch` deployments. Every line is ' +
              'metered when the batch has ended; see docs/batches.md.',
          ),
        ...limitMembers,
        perSubscription: limitsOfEach('subscription of the product'),
        perEndUser: limitsOfEach(
          'end user of the product (calls that name none are one such user, so that leaving it out escapes nothing)',
        ),
        fallback: z
          .record(z.string(), z.array(z.string()).min(1, 'expected at least one model'))
          .default({})
          .describe(
            'Which other models may serve a call where no endpoint of its own model can take it: `{ gpt-5.4: [gpt-5.4-mini] }`, ' +
              'tried in their order. The reply says so (`x-tollgate-served-model`), and it costs what the model costs that ' +
              'served it. Name models that understand the same parameters. Never for embeddings, whose vectors cannot be compared, ' +
              'nor for what refers to something that lives in one resource.',
          ),
        hedging: z
          .strictObject({
            atLeast: duration({ atLeastMs: 10 })
              .prefault('500ms')
              .describe('No sooner than so long after the first attempt, however fast answers begin as a rule.'),
          })
          .optional()
          .describe(
            'Sends a call to a second endpoint when the first one takes longer to begin its answer than 95 of 100 such calls ' +
              'of the model did lately; whoever begins first serves it, the other one is cancelled. Both are paid for. Streams and ' +
              'embeddings only, nothing that is stored or uses hosted tools; counted among the retries (`retryBudget`). ' +
              'Without it there is none.',
          ),
        priority: z
          .enum(priorities)
          .default('standard')
          .describe(
            'How urgent its calls are: the less urgent yield provisioned throughput earlier (`endpoints.<name>.yieldAt`), ' +
              'and wait for capacity longer.',
          ),
      }),
    )
    .default({})
    .describe('What a team may use, and on which terms. More can be made through the admin API.'),
};

function fallbackFindings(
  {
    models,
    fallback,
  }: { readonly models: readonly string[]; readonly fallback: Readonly<Record<string, readonly string[]>> },
  path: ConfigPath,
): readonly ConfigFinding[] {
  return Object.entries(fallback).flatMap(([model, others]): readonly ConfigFinding[] => [
    ...(models.includes(model)
      ? []
      : [
          {
            path: [...path, model],
            message: `the product does not include the model '${model}'`,
            fix: 'Take the entry out, or add the model to `models`.',
          },
        ]),
    ...others.flatMap((other, at) =>
      other === model || others.indexOf(other) < at
        ? [{ path: [...path, model, at], message: `'${other}' has been tried by then`, fix: 'Take it out.' }]
        : [],
    ),
  ]);
}

export const policiesConfig: ConfigSection<typeof keys> = {
  name: 'products',
  summary: 'Products: what a subscription may use, and on which terms.',
  keys,
  references: [
    { from: ['products', '*', 'models', '*'], to: 'models', noun: 'model' },
    { from: ['products', '*', 'fallback', '*', '*'], to: 'models', noun: 'model' },
  ],
  check: ({ products = {} }) =>
    Object.entries(products).flatMap(([name, product]) => [
      ...limitFindings(product, ['products', name]),
      ...limitFindings(product.perSubscription, ['products', name, 'perSubscription']),
      ...limitFindings(product.perEndUser, ['products', name, 'perEndUser']),
      ...fallbackFindings(product, ['products', name, 'fallback']),
    ]),
};
