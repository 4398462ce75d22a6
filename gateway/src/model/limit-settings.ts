import type { ConfigFinding, ConfigPath, Frozen } from '#kernel/config-section.ts';
import { day, duration, entryName, wholeNumber } from '#kernel/config-values.ts';
import { isTimeZone } from '#kernel/time-zone.ts';
import { z } from 'zod';
import { everyPeriod } from './limits.ts';

/** The most that 64 bits of 10^-9 USD hold with room to add: nobody's budget, so a mistake. */
const mostUsd = 9_000_000_000n;
const nanoPerUsd = 1_000_000_000n;
const amountPattern = /^(\d{1,3}(?:[_,]\d{3})+|\d+)(?:\.(\d{1,9}))? ([A-Z]{3})$/;
const amountExpected = 'expected an amount with its currency, such as 2000 USD or 0.50 USD';

/** What an amount of the configuration is in 10^-9 USD, exactly. */
export function nanoUsdOfAmount(text: string): bigint {
  const [, whole = '0', fraction = ''] = amountPattern.exec(text) ?? [];
  return BigInt(whole.replace(/[_,]/g, '')) * nanoPerUsd + BigInt(fraction.padEnd(9, '0'));
}

/** `2000 USD`, `2_000.50 USD` -> its own text, so that it is shown as it was written; `nanoUsdOfAmount` reads it. */
export function usdAmount() {
  return z
    .string({ error: amountExpected })
    .meta({ title: 'amount' })
    .transform((text, context) => {
      const message = amountProblem(text);
      if (message !== undefined) context.issues.push({ code: 'custom', input: text, message });
      return text;
    });
}

function amountProblem(text: string): string | undefined {
  const [, , , currency] = amountPattern.exec(text) ?? [];
  if (currency === undefined) return text.trim().startsWith('-') ? 'an amount is never below 0' : amountExpected;
  if (currency !== 'USD')
    return `budgets are kept in USD, the currency of Azure's prices; ${currency} is not known here`;
  if (nanoUsdOfAmount(text) <= mostUsd * nanoPerUsd) return undefined;
  return `expected at most ${mostUsd.toLocaleString('en-US')} USD`;
}

/** An IANA name. */
export function timeZone() {
  return z.string().refine(isTimeZone, 'expected a time zone of the IANA database, such as Europe/Amsterdam or UTC');
}

const warnAt = () =>
  z
    .array(wholeNumber({ atLeast: 1, atMost: 1000 }))
    .default([50, 80, 100])
    .describe(
      'Per cent of the window to be told about, once a window each: in the log, on the admin API, and by the webhooks under ' +
        '`alerts`.',
    );

const every = () =>
  z.enum(everyPeriod).describe('The calendar window: `day`, `week` (from Monday), `month`, `quarter`, `year`.');

const ownTimeZone = () =>
  timeZone().optional().describe('Where its windows begin; default: the `timeZone` of the file.');

const budget = z.strictObject({
  amount: usdAmount().describe('What one window may cost: `2000 USD`.'),
  every: every(),
  hard: z.boolean().default(false).describe('True refuses what could pass the amount; false only counts and warns.'),
  warnAt: warnAt(),
  layer: z
    .enum(['contracted', 'list', 'internal'])
    .default('contracted')
    .describe(
      'The prices it is kept at: `contracted` (the list price where there is no contracted one), `list`, or `internal` rates.',
    ),
  carryOver: z
    .strictObject({
      since: day().describe('The first window that can leave something is the one that holds this day.'),
      atMost: usdAmount().optional().describe('The most that is carried into a window; default: everything.'),
    })
    .optional()
    .describe('What a window leaves is added to the next one. Without it, it lapses.'),
  timeZone: ownTimeZone(),
});

const quota = z.strictObject({
  tokens: wholeNumber({ atLeast: 0 }).optional().describe('Tokens per window, input and output together.'),
  requests: wholeNumber({ atLeast: 0 }).optional().describe('Requests per window, whatever their attempts.'),
  every: every(),
  hard: z.boolean().default(true).describe('False only counts and warns.'),
  warnAt: warnAt(),
  timeZone: ownTimeZone(),
});

const rate = z.strictObject({
  requests: wholeNumber({ atLeast: 1 }).optional().describe('Requests per period, whatever their attempts.'),
  tokens: wholeNumber({ atLeast: 1 }).optional().describe('Tokens per period, input and output together.'),
  per: duration({ atLeastMs: 1000 }).describe('The period: `1s`, `1m`, `1h`, `1d`.'),
  window: z
    .enum(['bucket', 'sliding'])
    .default('bucket')
    .describe(
      '`bucket`: `burst` at once, refilled evenly. `sliding`: never more than the number in any period of this length.',
    ),
  burst: wholeNumber({ atLeast: 1 }).optional().describe('What a bucket holds; default: the number itself.'),
});

const limits = z
  .strictObject({
    requestsPerMinute: wholeNumber({ atLeast: 1 }).optional().describe('A bucket of requests.'),
    tokensPerMinute: wholeNumber({ atLeast: 1 })
      .optional()
      .describe('A bucket of tokens. A call reserves the most that it may use, and is charged what it used.'),
    concurrentRequests: wholeNumber({ atLeast: 1 }).optional().describe('Requests under way at once.'),
    rates: z.array(rate).default([]).describe('Any other limits per period; several hold together.'),
    quotas: z.array(quota).default([]).describe('Tokens or requests per calendar window.'),
  })
  .prefault({});

/** The organisation's own; the reference page describes them there, once for all. */
export const organisationLimits = {
  limits: limits.describe(
    'Limits on requests and tokens, here of the whole organisation. Wherever they stand (at a cost centre, a consumer, a ' +
      'product, a subscription), they hold for everything that passes there, all together; a call has to pass all of them.',
  ),
  budget: budget.optional().describe('Money per calendar window, here of the whole organisation.'),
  budgets: z.record(entryName(), budget).default({}).describe('Several budgets, by a name of your choice.'),
};

/** Members of everything else that can have limits: spread into the shape of a node. */
export const limitMembers = {
  limits: organisationLimits.limits.meta({ title: '[limits](#limits)', description: 'Its own limits.' }),
  budget: organisationLimits.budget.meta({ title: '[budget](#budget)', description: 'Its own budget.' }),
  budgets: organisationLimits.budgets.meta({
    title: 'map of [budgets](#budget) by name',
    description: 'Its own budgets, if it has several.',
  }),
};

/** What can be set of one node, wherever it is set. */
export const nodeLimits = z.strictObject(limitMembers);
/** What is set of limits and budgets somewhere; milliseconds and 10^-9 USD. */
export type LimitSettings = Frozen<z.output<typeof nodeLimits>>;
export type BudgetSettings = NonNullable<LimitSettings['budget']>;

/** Limits that each of many has for itself. */
export function limitsOfEach(whom: string) {
  return nodeLimits.prefault({}).meta({
    title: '`limits`, `budget`, `budgets`',
    description: `Limits and budgets that each ${whom} has for itself.`,
  });
}

/** Whether anything is limited. */
export function isSet(settings: LimitSettings): boolean {
  const { requestsPerMinute, tokensPerMinute, concurrentRequests, rates, quotas } = settings.limits;
  const single = [requestsPerMinute, tokensPerMinute, concurrentRequests, settings.budget];
  const several = rates.length + quotas.length + Object.keys(settings.budgets).length;
  return several > 0 || single.some((one) => one !== undefined);
}

export const noSettings: LimitSettings = Object.freeze(nodeLimits.parse({}));

type Unchecked = z.output<typeof nodeLimits>;

function oneOfBoth(
  value: { readonly tokens?: number | undefined; readonly requests?: number | undefined },
  path: ConfigPath,
): readonly ConfigFinding[] {
  const given = [value.tokens, value.requests].filter((one) => one !== undefined).length;
  if (given === 1) return [];
  const message = given === 0 ? 'it limits nothing' : 'it limits two things';
  return [{ path, message, fix: 'Give exactly one of tokens and requests.' }];
}

function rateFindings(
  { rates, requestsPerMinute, tokensPerMinute }: Unchecked['limits'],
  path: ConfigPath,
): readonly ConfigFinding[] {
  const known = new Map<string, string>();
  if (requestsPerMinute !== undefined) known.set('requests-per-60s', 'requestsPerMinute');
  if (tokensPerMinute !== undefined) known.set('tokens-per-60s', 'tokensPerMinute');
  return rates.flatMap((one, at) => {
    const here = [...path, 'limits', 'rates', at];
    const findings = [...oneOfBoth(one, here)];
    if (one.window === 'sliding' && one.burst !== undefined) {
      findings.push({ path: [...here, 'burst'], message: 'a sliding window has no burst', fix: 'Leave it out.' });
    }
    const name = rateName(one);
    const same = known.get(name);
    if (same === undefined) known.set(name, `rate ${at + 1}`);
    else findings.push({ path: here, message: `it is the same limit as ${same}`, fix: 'Leave one of them out.' });
    return findings;
  });
}

/** What is wrong with the limits of a node although each value is well-formed. */
export function limitFindings(values: Partial<Unchecked>, path: ConfigPath): readonly ConfigFinding[] {
  const findings: ConfigFinding[] = [];
  if (values.limits !== undefined) {
    findings.push(...rateFindings(values.limits, path));
    values.limits.quotas.forEach((one, at) => findings.push(...oneOfBoth(one, [...path, 'limits', 'quotas', at])));
    const names = values.limits.quotas.map(quotaName);
    names.forEach((name, at) => {
      if (names.indexOf(name) < at)
        findings.push({
          path: [...path, 'limits', 'quotas', at],
          message: `there are two quotas of ${name.replace('-per-', ' per ')}`,
          fix: 'Leave one of them out.',
        });
    });
  }
  const { budget: single, budgets = {} } = values;
  if (single !== undefined && Object.hasOwn(budgets, single.every)) {
    findings.push({
      path: [...path, 'budgets', single.every],
      message: `the budget under 'budget' is called '${single.every}', too`,
      fix: 'Move it under budgets, by a name of its own.',
    });
  }
  return findings;
}

type RateSettings = LimitSettings['limits']['rates'][number];
type QuotaSettings = LimitSettings['limits']['quotas'][number];

/** `tokens-per-3600s`, `requests-per-1s-sliding`: what tells the rates of a node apart. */
export function rateName({ tokens, per, window }: Pick<RateSettings, 'tokens' | 'per' | 'window'>): string {
  return `${tokens === undefined ? 'requests' : 'tokens'}-per-${per / 1000}s${window === 'sliding' ? '-sliding' : ''}`;
}

/** `tokens-per-month`: what tells the quotas of a node apart. */
export function quotaName({ tokens, every: period }: Pick<QuotaSettings, 'tokens' | 'every'>): string {
  return `${tokens === undefined ? 'requests' : 'tokens'}-per-${period}`;
}
