import type { ConfigFinding, ConfigSection } from '#kernel/config-section.ts';
import { wholeNumber } from '#kernel/config-values.ts';
import { z } from 'zod';
import { defaultHeaderNames, type HeaderNames } from './limit-headers.ts';

/** Names that replies have already, or that Azure gives a meaning. */
const taken = /^x-(request-id|should-retry|ms-.*|tollgate-.*|content-type-options)$/;

const header = (name: keyof HeaderNames, says: string) =>
  z
    .union([
      z.literal('off').transform(() => null),
      z
        .string()
        .regex(
          /^(x-[a-z0-9-]{1,60}|ratelimit[a-z0-9-]{0,50})$/,
          'expected a lower-case name beginning with x- or ratelimit',
        )
        .refine((text) => !taken.test(text), 'this header has another meaning'),
    ])
    .default(defaultHeaderNames[name])
    .describe(`${says} \`off\` does not send it.`);

const headers = z
  .strictObject({
    limitRequests: header('limitRequests', 'Requests per period, of the rate that leaves the fewest.'),
    remainingRequests: header('remainingRequests', 'What that rate leaves.'),
    resetRequests: header('resetRequests', 'When it is full again: `6m0s`, `20ms`.'),
    limitTokens: header('limitTokens', 'Tokens per period, of the rate that leaves the fewest.'),
    remainingTokens: header('remainingTokens', 'What that rate leaves.'),
    resetTokens: header('resetTokens', 'When it is full again.'),
    limitBudget: header('limitBudget', 'USD per window, of the budget that leaves the least.'),
    remainingBudget: header('remainingBudget', 'What that budget leaves, in USD.'),
    resetBudget: header('resetBudget', 'When its window ends (RFC 3339).'),
  })
  .prefault({})
  .describe('What replies say of what remains, by which names; those of OpenAI by default.');

const keys = {
  budgeting: z
    .strictObject({
      headers,
      sendModelMaximum: z
        .boolean()
        .default(false)
        .describe(
          'A call that names no output cap is sent with the most that its model puts out, so that the provider keeps to what was ' +
            'reserved; what the product caps is sent in any case. Models that count the cap into their context refuse ' +
            'long prompts then.',
        ),
      keepRefusals: wholeNumber({ atLeast: 0, atMost: 1_000_000 })
        .prefault(1000)
        .describe(
          'Of how many refused calls it is remembered which limit refused them, for `tollgate budget explain`. In memory, ' +
            'about 1 KB each. Read at the start.',
        ),
    })
    .prefault({})
    .describe('How limits and budgets show themselves.'),
};

function sameHeaders(names: HeaderNames): readonly ConfigFinding[] {
  const known = new Map<string, string>();
  return Object.entries(names).flatMap(([key, name]) => {
    if (name === null) return [];
    const other = known.get(name);
    if (other === undefined) known.set(name, key);
    if (other === undefined) return [];
    return [{ path: ['budgeting', 'headers', key], message: `it has the name of ${other}`, fix: 'Give it another.' }];
  });
}

export const budgetingConfig: ConfigSection<typeof keys> = {
  name: 'budgeting',
  summary: 'Limits and budgets stand at the nodes that they are of; this is how they show themselves.',
  keys,
  references: [],
  check: ({ budgeting }) => (budgeting === undefined ? [] : sameHeaders(budgeting.headers)),
};
