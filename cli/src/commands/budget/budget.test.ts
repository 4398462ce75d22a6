import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  boundFormulas,
  budgetEventPageSchema,
  budgetListSchema,
  budgetRefusalsSchema,
  budgetSimulationSchema,
  changeLimitsSchema,
  createTopUpSchema,
  limitListSchema,
  simulateBudgetsSchema,
  topUpListSchema,
  topUpSchema,
  type BudgetState,
} from '@tollgate/contract/admin-api/budgets.ts';
import { fakeGateway, promised, refused } from '../../../test/support/fake-gateway.ts';
import { runCli } from '../../../test/support/run-cli.ts';

const window = { id: '2026-11-01/P1M', start: '2026-10-31T23:00:00.000Z', end: '2026-11-30T23:00:00.000Z' };

const money: BudgetState = {
  id: 'consumer/marketing/month',
  node: 'consumer/marketing',
  name: 'month',
  declaredIn: 'config',
  unit: 'nano-usd',
  layer: 'contracted',
  hard: true,
  every: 'month',
  timeZone: 'Europe/Amsterdam',
  warnAt: [50, 80],
  window,
  amount: '2000000000000',
  carriedOver: '12500000000',
  toppedUp: '500000000000',
  limit: '2512500000000',
  spent: '1600500000001',
  held: '3000000000',
  inFlight: '1000000000',
  unknown: '2000000000',
  leased: '50000000000',
  remaining: '908999999999',
  current: true,
  bounds: { overshoot: '0', overshootIfLost: '51000000000', stranded: '79999999', largestCall: '30000000' },
};
const tokens: BudgetState = {
  ...money,
  id: 'product/standard/tokens-per-day',
  node: 'product/standard',
  unit: 'tokens',
  layer: null,
  hard: false,
  amount: '4096',
  limit: '4096',
  spent: '5000',
  held: '0',
  remaining: '0',
  current: false,
  bounds: { overshoot: null, overshootIfLost: null, stranded: null, largestCall: null },
};

const list = (budgets: BudgetState[], next: string | null = null) =>
  promised(budgetListSchema, { budgets, next, formulas: boundFormulas });

test('budget list asks for every page and says what is spent, held, leased and left, exactly', async (t) => {
  const gateway = await fakeGateway(t, {
    'GET budgets': ({ query }) => (query['after'] === undefined ? list([money], money.id) : list([tokens])),
  });
  const { out, err } = await runCli(['budget', 'list'], gateway.environment);
  assert.match(
    out,
    /^consumer\/marketing\/month +hard +2026-11-01\/P1M +1,600\.500000001 USD +3\.00 USD +50\.00 USD +908\.999999999 USD +2,512\.50 USD +63\.8 % /m,
  );
  assert.match(out, /^product\/standard\/tokens-per-day \(\*\) +soft .* 5,000 tokens .*122\.0 %/m);
  assert.match(err, /could not be asked/);
  const csv = await runCli(['budget', 'list', '--node', 'x/y', '--format', 'csv'], gateway.environment);
  assert.match(csv.out, /consumer\/marketing\/month,true,2026-11-01\/P1M,1600\.500000001,3\.00,/);
  assert.equal(gateway.asked.at(-1)?.query['node'], 'x/y');
  const json = await runCli(['budget', 'list', '--json'], gateway.environment);
  assert.equal(JSON.parse(json.out).budgets.length, 2);
});

test('budget show names both bounds with their formulas', async (t) => {
  const gateway = await fakeGateway(t, {
    'GET budgets': ({ query }) =>
      query['budget'] === money.id
        ? list([money])
        : refused(404, { code: 'admin_not_found', message: 'There is no budget.', id: '1' }),
  });
  const { out } = await runCli(['budget', 'show', money.id], gateway.environment);
  for (const line of [
    /limit +2,512\.50 USD \(2,000\.00 USD set \+ 12\.50 USD carried over \+ 500\.00 USD topped up\)/,
    /held +3\.00 USD: 1\.00 USD by calls under way, 2\.00 USD of unknown use/,
    /reset +2026-11-30T23:00:00\.000Z/,
    /overshoot +0\.00 USD = 0 while providers keep/,
    /if lost now +51\.00 USD = Σ/,
    /stranded +0\.079999999 USD = min\(remaining, largest call − 1/,
  ])
    assert.match(out, line);
  const none = await runCli(['budget', 'show', 'consumer/nobody/month'], gateway.environment);
  assert.equal(none.status, 1);
  assert.match(none.err, /There is no budget/);
});

test('budget top-up sends an id of its own, or the one that is repeated', async (t) => {
  const made = {
    id: 'again-0001',
    budget: money.id,
    unit: 'nano-usd',
    window: window.id,
    amount: '500000000000',
  } as const;
  const topUp = { ...made, reason: 'x', at: '2026-11-25T00:00:00.000Z' };
  const gateway = await fakeGateway(t, {
    'POST budgets/top-ups': promised(topUpSchema, topUp),
    'GET budgets/top-ups': promised(topUpListSchema, { topUps: [topUp] }),
    'POST budgets/top-ups/again-0001/revoke': promised(topUpListSchema, { topUps: [] }),
  });
  const args = ['budget', 'top-up', money.id, '500 USD', '--reason', 'the launch'];
  const { out } = await runCli(args, gateway.environment);
  assert.equal(out, '500.00 USD more for consumer/marketing/month in 2026-11-01/P1M (again-0001).\n');
  await runCli([...args, '--id', 'again-0001', '--window', '2026-12-01/P1M'], gateway.environment);
  const [first, second] = gateway.asked.map(({ body }) => createTopUpSchema.parse(body));
  assert.notEqual(first?.id, second?.id);
  assert.deepEqual(second, {
    id: 'again-0001',
    budget: money.id,
    amount: '500 USD',
    window: '2026-12-01/P1M',
    reason: 'the launch',
  });
  const listed = await runCli(['budget', 'top-ups'], gateway.environment);
  assert.match(listed.out, /consumer\/marketing\/month +2026-11-01\/P1M +500\.00 USD +again-0001/);
  const revoked = await runCli(['budget', 'revoke', 'again-0001', '--reason', 'y'], gateway.environment);
  assert.equal(revoked.out, 'The top-up again-0001 is taken back.\n');
  const bare = await runCli(['budget', 'top-up', money.id, '500 USD'], gateway.environment);
  assert.equal(bare.status, 2, 'no top-up without a reason');
});

test('budget set sends one budget, any settings, or nothing; and says all that the gateway finds wrong', async (t) => {
  let wrong = false;
  const gateway = await fakeGateway(t, {
    'POST limits': () =>
      wrong
        ? refused(400, {
            code: 'admin_invalid',
            message: 'No.',
            id: '1',
            details: ['budget.amount: one', 'limits: two'],
          })
        : promised(limitListSchema, { nodes: [] }),
  });
  const node = 'consumer/marketing';
  const set = async (...args: string[]) =>
    await runCli(['budget', 'set', node, ...args, '--reason', 'agreed'], gateway.environment);
  await set('--amount', '2000 USD', '--every', 'month', '--hard');
  await set('--settings', '{"limits":{"requestsPerMinute":60}}');
  assert.equal((await set('--remove')).out, 'Nothing is set at consumer/marketing any more.\n');
  assert.deepEqual(
    gateway.asked.map(({ body }) => changeLimitsSchema.parse(body).changes[node]),
    [{ budget: { amount: '2000 USD', every: 'month', hard: true } }, { limits: { requestsPerMinute: 60 } }, null],
  );
  for (const args of [[], ['--amount', '1 USD'], ['--remove', '--amount', '1 USD'], ['--settings', 'none']])
    assert.equal((await set(...args)).status, 2, args.join(' '));
  wrong = true;
  const { status, err } = await set('--remove');
  assert.equal(status, 1);
  assert.match(err, /- budget\.amount: one\n.*- limits: two/s);
});

test('budget explain shows what had no room, and that the call itself was at fault', async (t) => {
  const call = {
    requestId: 'request-1',
    at: '2026-11-25T10:00:00.000Z',
    subscription: 'marketing-web',
    consumer: 'marketing',
    product: 'standard',
    model: 'gpt-5.4-mini',
  };
  const limit = {
    limit: money.id,
    node: money.node,
    unit: 'nano-usd' as const,
    needed: '30000000',
    allowed: '1000000000',
    spent: '990000000',
    held: '5000000',
    inFlight: '5000000',
    unknown: '0',
    leasedElsewhere: '0',
    resetAt: window.end,
  };
  const told = { code: 'budget_exhausted', status: 403, message: 'The budget is exhausted.', retryAfterSeconds: null };
  const gateway = await fakeGateway(t, {
    'GET budgets/refusals/request-1': promised(budgetRefusalsSchema, {
      refusals: [
        { ...call, ...told, limits: [limit] },
        { ...call, ...told, code: 'counters_unavailable', status: 503, retryAfterSeconds: 5, limits: [] },
      ],
    }),
  });
  const { out } = await runCli(['budget', 'explain', 'request-1'], gateway.environment);
  assert.match(out, /gpt-5\.4-mini for marketing-web \(consumer marketing, product standard\)\n403 budget_exhausted/);
  assert.match(
    out,
    /^consumer\/marketing\/month +0\.03 USD +1\.00 USD +0\.99 USD +0\.005 USD +0\.00 USD +0\.00 USD +2026/m,
  );
  assert.match(out, /503 counters_unavailable: .* told to wait 5 s\.\n\nNo limit had too little room/);
  const odd = await runCli(['budget', 'explain', '../usage'], gateway.environment);
  assert.equal(odd.status, 2);
});

test('budget events shows what was told and who has taken it', async (t) => {
  const data = { budget: money.id, node: money.node, unit: 'nano-usd', hard: true, window } as const;
  const amounts = { limit: '2000000000000', spent: '1600500000000', held: '0', unknown: '0' };
  const deliveries = [
    { receiver: 'finance', state: 'waiting' as const, attempts: 2, nextAt: window.end, error: 'answered 500' },
    { receiver: 'platform', state: 'delivered' as const, attempts: 1, nextAt: null, error: null },
  ];
  const event = { timestamp: '2026-11-25T10:00:00.000Z', deliveries };
  const gateway = await fakeGateway(t, {
    'GET budgets/events': promised(budgetEventPageSchema, {
      events: [
        { ...event, id: 'evt_1', type: 'budget.exhausted', data: { ...data, ...amounts } },
        { ...event, id: 'evt_2', type: 'budget.threshold', data: { ...data, ...amounts, threshold: 80 } },
      ],
      next: 'evt_2',
    }),
  });
  const { out, err } = await runCli(['budget', 'events'], gateway.environment);
  assert.match(out, /month +refuses +2026-11-01\/P1M .* finance waiting \(answered 500\), platform delivered +evt_1/);
  assert.match(out, /month +80 % +2026-11-01\/P1M +1,600\.50 USD +2,000\.00 USD/);
  assert.match(err, /--before evt_2/);
});

test('budget simulate sends the changes as they are meant, and says who, when and for how much', async (t) => {
  const row = { consumer: 'web', subscription: 'web-app', limit: money.id, code: 'budget_exhausted' };
  const gateway = await fakeGateway(t, {
    'POST budgets/simulate': promised(budgetSimulationSchema, {
      from: '2026-11-01T00:00:00.000Z',
      to: '2026-11-25T00:00:00.000Z',
      complete: false,
      requests: 12000,
      attempts: 12500,
      costNanoUsd: '700000000000',
      refusedRequests: 1500,
      refusedAttempts: 1600,
      refusedNanoUsd: '70500000001',
      reservedAtCost: 7,
      rows: [
        {
          ...row,
          requests: 1500,
          attempts: 1600,
          firstAt: '2026-11-20T08:00:00.000Z',
          lastAt: '2026-11-24T09:00:00.000Z',
          nanoUsd: '70500000001',
          unpriced: 1,
        },
      ],
      refused: [{ ...row, requestId: 'request-1', at: '2026-11-20T08:00:00.000Z', nanoUsd: null }],
    }),
  });
  const args = ['budget', 'simulate', '--from', '2026-11-01'];
  const changes = [
    'a/b/month=500 USD',
    'a/b/day=1_000 tokens hard',
    'a/b={"limits":{"requestsPerMinute":1}}',
    'a/c=none',
  ];
  const { out } = await runCli([...args, ...changes.flatMap((one) => ['--change', one])], gateway.environment);
  const body = simulateBudgetsSchema.parse(gateway.asked[0]?.body);
  assert.deepEqual(body, {
    from: '2026-11-01T00:00:00.000Z',
    changes: [
      { budget: 'a/b/month', amount: '500 USD' },
      { budget: 'a/b/day', amount: '1_000 tokens', hard: true },
      { node: 'a/b', settings: { limits: { requestsPerMinute: 1 } } },
      { node: 'a/c', settings: null },
    ],
  });
  assert.match(
    out,
    /^web +web-app +consumer\/marketing\/month +budget_exhausted +1500 +1600 +2026-11-20T.* ≥ 70\.500000001$/m,
  );
  assert.match(out, /1,500 of 12,000 requests .* would have been refused .*: 70\.500000001 of 700\.00 USD/);
  assert.match(out, /reserved for 7 calls/);
  assert.match(out, /the last calls are missing/);
  const calls = await runCli([...args, '--calls', '--format', 'csv'], gateway.environment);
  assert.match(
    calls.out,
    /^2026-11-20T08:00:00\.000Z,request-1,web,web-app,consumer\/marketing\/month,budget_exhausted,\r$/m,
  );
  assert.match(calls.err, /the first 1 of 1,500/);
  for (const change of ['nothing', '=5 USD', 'a/b=', 'a/b={no json}'])
    assert.equal((await runCli([...args, '--change', change], gateway.environment)).status, 2, change);
});
