import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { AuditPage } from '@tollgate/contract/admin-api/audit.ts';
import type { BudgetList, BudgetState, LimitList, TopUpList } from '@tollgate/contract/admin-api/budgets.ts';
import { call, configFor, keys, startStack, type Answer, type RunningStack } from '../support/running-gateway.ts';
import { middayClock } from '../support/midday-clock.ts';

async function ask(stack: RunningStack, key: string = keys.marketing, maxTokens = 50): Promise<Answer> {
  const messages = [{ role: 'user', content: 'Hello' }];
  const body = { model: 'gpt-5.4-mini', max_completion_tokens: maxTokens, messages };
  return await call(`${stack.url}/openai/v1/chat/completions`, { headers: { 'api-key': key }, body });
}

const codeOf = ({ status, body }: Answer): string => (status < 400 ? 'ok' : JSON.parse(body).error.code);

async function post(stack: RunningStack, path: string, body: object) {
  return await stack.admin(`/admin/v1/${path}`, { method: 'POST', body });
}

async function stateOf(stack: RunningStack, budget: string): Promise<BudgetState> {
  const { json, text } = await stack.admin(`/admin/v1/budgets?budget=${encodeURIComponent(budget)}`);
  const [found] = (json as BudgetList).budgets;
  assert.ok(found !== undefined, text);
  return found;
}

const setting = (settings: unknown, node = 'consumer/marketing') => ({
  changes: { [node]: settings },
  reason: 'a test',
});
const hard = (amount: string) => ({ budget: { amount, every: 'year', hard: true } });

interface AdminFailure {
  readonly error: { readonly code: string; readonly message: string; readonly details?: readonly string[] };
}

test('a budget set through the admin API counts at once, is topped up, revoked and removed, and survives restarts', async (context) => {
  let stack = await startStack(context, { overrides: { clock: middayClock() } });
  assert.equal(codeOf(await ask(stack)), 'ok');
  const budget = 'consumer/marketing/year';
  assert.equal((await post(stack, 'limits', setting(hard('0.000001 USD')))).status, 200);
  assert.equal(codeOf(await ask(stack)), 'budget_exhausted');
  assert.equal(codeOf(await ask(stack, keys.finance)), 'ok');

  const topUp = { id: 'launch-2026', budget, amount: '1 USD', reason: 'the launch' };
  const made = await post(stack, 'budgets/top-ups', topUp);
  assert.equal(made.status, 201, made.text);
  assert.equal((await post(stack, 'budgets/top-ups', topUp)).status, 201, 'whoever asks again adds nothing');
  assert.equal((await post(stack, 'budgets/top-ups', { ...topUp, amount: '2 USD' })).status, 409);
  assert.equal(codeOf(await ask(stack)), 'ok');

  const before = await stateOf(stack, budget);
  assert.deepEqual([before.declaredIn, before.amount, before.toppedUp], ['admin', '1000', '1000000000']);
  assert.equal(before.limit, '1000001000');
  assert.ok(BigInt(before.spent) > 0n, 'what was spent before it was set counts');
  assert.equal(BigInt(before.remaining), BigInt(before.limit) - BigInt(before.spent) - BigInt(before.held));
  assert.deepEqual([before.inFlight, before.bounds.overshoot, before.bounds.overshootIfLost], ['0', '0', '0']);
  assert.ok(BigInt(before.bounds.largestCall ?? '0') > 0n);

  await stack.gateway.drain('restart');
  stack = await stack.restart();
  const after = await stateOf(stack, budget);
  assert.deepEqual(
    [after.spent, after.limit, after.toppedUp, after.window],
    [before.spent, before.limit, before.toppedUp, before.window],
  );
  assert.equal(codeOf(await ask(stack)), 'ok');
  const { json } = await post(stack, 'budgets/top-ups/launch-2026/revoke', { reason: 'no launch' });
  assert.deepEqual((json as TopUpList).topUps, []);
  assert.equal(codeOf(await ask(stack)), 'budget_exhausted');
  await post(stack, 'limits', setting(null));
  assert.equal(codeOf(await ask(stack)), 'ok');
  assert.equal((await stack.admin(`/admin/v1/budgets?budget=${encodeURIComponent(budget)}`)).status, 404);

  const audit = (await stack.admin('/admin/v1/audit')).json as AuditPage;
  assert.deepEqual(
    audit.entries
      .filter(({ action }) => action.startsWith('limits') || action.startsWith('budget'))
      .map(({ action, subject }) => `${action} ${subject}`),
    [
      'limits.change consumer/marketing: removed: a test',
      `budget.top-up-revoke ${budget} ${before.window.id}: 1000000000 (launch-2026): no launch`,
      `budget.top-up ${budget} ${before.window.id}: 1.00 USD (launch-2026): the launch`,
      'limits.change consumer/marketing: {"budget":{"amount":"0.000001 USD","every":"year","hard":true}}: a test',
    ],
  );
});

test('rates, quotas and what each end user or subscription has are set, too, several at once', async (context) => {
  const stack = await startStack(context, { overrides: { clock: middayClock() } });
  const changed = await post(stack, 'limits', {
    reason: 'a test',
    changes: {
      'consumer/finance': { limits: { rates: [{ requests: 1, per: '1h' }] } },
      'product/standard/per-subscription': { limits: { quotas: [{ requests: 2, every: 'day' }] } },
      'organisation/contoso': { limits: { concurrentRequests: 100 } },
    },
  });
  assert.equal(changed.status, 200, changed.text);
  assert.deepEqual(
    (changed.json as LimitList).nodes.map(({ node, declaredIn }) => `${node} ${declaredIn}`),
    ['consumer/finance admin', 'organisation/contoso admin', 'product/standard/per-subscription admin'],
  );
  const codes = [];
  for (const key of [keys.finance, keys.finance, keys.marketing, keys.marketing, keys.marketing])
    codes.push(codeOf(await ask(stack, key)));
  assert.deepEqual(codes, ['ok', 'rate_limit_exceeded', 'ok', 'ok', 'quota_exhausted']);
  const quota = await stateOf(stack, 'product/standard/subscription/marketing-web/requests-per-day');
  assert.deepEqual([quota.spent, quota.limit, quota.unit], ['2', '2', 'requests']);
});

const refused: readonly (readonly [what: string, changes: object, details: readonly RegExp[]])[] = [
  [
    'what is wrong with any of the settings',
    {
      'consumer/marketing': { budget: { amount: '-5 USD', every: 'fortnight' }, limit: {} },
      'consumer/finance': { budget: { amount: '10 EUR', every: 'month', timeZone: 'Mars/Olympus' } },
      'cost-centre/finance': { budget: { amount: '99_000_000_000 USD', every: 'month' } },
      'product/standard': { limits: { quotas: [{ tokens: 1, requests: 1, every: 'day' }], requestsPerMinute: 0 } },
    },
    [
      /^consumer\/marketing: budget\.amount: an amount is never below 0/,
      /^consumer\/marketing: budget\.every: 'fortnight' is not one of/,
      /^consumer\/marketing: limit: there is no setting 'limit' here\. Did you mean 'limits'/,
      /^consumer\/finance: budget\.amount: budgets are kept in USD.*EUR/,
      /^consumer\/finance: budget\.timeZone: expected a time zone/,
      /^cost-centre\/finance: budget\.amount: expected at most/,
      /^product\/standard: limits\.requestsPerMinute: expected a whole number of at least 1/,
    ],
  ],
  [
    'two limits that are one',
    { 'product/standard': { limits: { quotas: [{ tokens: 1, requests: 1, every: 'day' }, { every: 'day' }] } } },
    [/quotas\[0\]: it limits two things/, /quotas\[1\]: it limits nothing/],
  ],
  [
    'nodes that there are not',
    {
      'cost-centre/finanse': {},
      'consumers/marketing': {},
      'consumer/marketing/per-end-user': {},
      'organisation/x': {},
    },
    [/no cost centre 'finanse'\. Did you mean 'finance'/, /it is no node/, /it is no node/, /no organisation 'x'/],
  ],
  ['no change at all', {}, [/it names no node/]],
];

for (const [what, changes, details] of refused) {
  test(`refuses ${what}, tells all of it and changes nothing`, async (context) => {
    const stack = await startStack(context, { overrides: { clock: middayClock() } });
    const good = { 'consumer/small': { budget: { amount: '1 USD', every: 'day' } } };
    const all = Object.keys(changes).length === 0 ? {} : { ...good, ...changes };
    const answer = await post(stack, 'limits', { changes: all, reason: 'a test' });
    assert.equal(answer.status, 400);
    const found = (answer.json as AdminFailure).error.details ?? [];
    for (const one of details)
      assert.ok(
        found.some((text) => one.test(text)),
        `${String(one)} in ${found.join('\n')}`,
      );
    assert.equal(found.length, details.length, found.join('\n'));
    assert.deepEqual(((await stack.admin('/admin/v1/limits')).json as LimitList).nodes, []);
  });
}

test('ten thousand cost centres: each mistake is told, and without one all of them count', async (context) => {
  const centres = Array.from({ length: 10_000 }, (_one, at) => `c-${at}`);
  const stack = await startStack(context, {
    overrides: { clock: middayClock() },
    config: (twin) =>
      configFor(twin).replace(
        'costCentres: {',
        `costCentres: { ${centres.map((name, at) => `${name}: {${at === 0 ? '' : `parent: c-${Math.floor(at / 10)}`}}`).join(', ')}, `,
      ),
  });
  const changesWith = (amount: string) => ({
    reason: 'all of them',
    changes: Object.fromEntries(
      centres.map((name) => [`cost-centre/${name}`, { budget: { amount, every: 'month', hard: true } }]),
    ),
  });
  const wrong = await post(stack, 'limits', changesWith('-1 USD'));
  assert.equal((wrong.json as AdminFailure).error.details?.length, 10_000);
  assert.equal((await post(stack, 'limits', changesWith('1 USD'))).status, 200);
  assert.equal(codeOf(await ask(stack)), 'ok');
  const { json } = await stack.admin('/admin/v1/budgets?limit=3');
  const { budgets, next } = json as BudgetList;
  assert.deepEqual(
    budgets.map(({ id }) => id),
    ['cost-centre/c-0/month', 'cost-centre/c-1/month', 'cost-centre/c-10/month'],
  );
  assert.equal(next, 'cost-centre/c-10/month');
  const last = (await stack.admin('/admin/v1/budgets?after=cost-centre/c-9998/month')).json as BudgetList;
  assert.deepEqual(
    last.budgets.map(({ id }) => id),
    ['cost-centre/c-9999/month'],
  );
  assert.equal(last.next, null);
});

test('what the configuration limits is changed only there, and wins where it comes later', async (context) => {
  const limits = 'consumers: { marketing: { budget: { amount: 5 USD, every: year } } }\n';
  const stack = await startStack(context, {
    overrides: { clock: middayClock() },
    config: (twin) => `${configFor(twin)}${limits}`,
  });
  const answer = await post(stack, 'limits', setting(hard('1 USD')));
  assert.equal(answer.status, 409);
  assert.match(answer.text, /admin_read_only.*consumer\/marketing/);
  assert.equal((await post(stack, 'limits', setting(hard('1 USD'), 'consumer/finance'))).status, 200);
  assert.equal((await stateOf(stack, 'consumer/finance/year')).amount, '1000000000');
  const file = readFileSync(stack.configFile, 'utf8').replace(
    'consumers: {',
    'consumers: { finance: { budget: { amount: 7 USD, every: year } },',
  );
  writeFileSync(stack.configFile, file);
  const reloaded = await stack.admin('/admin/v1/config/reload', { method: 'POST' });
  assert.match(reloaded.text, /consumer\/finance are set in the configuration and were also set through the admin API/);
  const { amount, declaredIn } = await stateOf(stack, 'consumer/finance/year');
  assert.deepEqual([amount, declaredIn], ['7000000000', 'config']);
});

const badTopUps: readonly (readonly [what: string, topUp: object, status: number, says: RegExp])[] = [
  ['of less than nothing', { amount: '-5 USD' }, 400, /an amount is never below 0/],
  ['of nothing', { amount: '0 USD' }, 400, /it adds nothing/],
  ['in another currency', { amount: '5 EUR' }, 400, /EUR is not known here/],
  ['of tokens', { amount: '5 tokens' }, 400, /expected an amount with its currency/],
  ['beyond measure', { amount: '9_000_000_000 USD' }, 400, /more than 9,000,000,000\.00 USD/],
  ['for a window that is over', { window: '2020-01-01/P1Y' }, 400, /is over/],
  [
    'for a window that is none',
    { window: '2030-02-30/P1Y', amount: 'x' },
    400,
    /window: '2030-02-30\/P1Y' is none.*amount:|amount:.*window/,
  ],
  ['for a budget that is none', { budget: 'consumer/nobody/year' }, 404, /no budget or quota 'consumer\/nobody\/year'/],
  ['without a reason', { reason: ' ' }, 400, /reason/],
];

test('a top-up that is wrong is refused with what is wrong, and adds nothing', async (context) => {
  const limits = 'consumers: { marketing: { budget: { amount: 5 USD, every: year } } }\n';
  const stack = await startStack(context, {
    overrides: { clock: middayClock() },
    config: (twin) => `${configFor(twin)}${limits}`,
  });
  const good = { id: 'top-up-1', budget: 'consumer/marketing/year', amount: '1 USD', reason: 'a test' };
  for (const [what, change, status, says] of badTopUps) {
    const answer = await post(stack, 'budgets/top-ups', { ...good, ...change });
    assert.equal(answer.status, status, what);
    assert.match(answer.text, says, what);
  }
  assert.equal((await post(stack, 'budgets/top-ups/nothing/revoke', { reason: 'x' })).status, 404);
  assert.equal((await stateOf(stack, 'consumer/marketing/year')).toppedUp, '0');
});
