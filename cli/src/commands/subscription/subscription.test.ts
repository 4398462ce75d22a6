import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createSubscriptionSchema,
  newKeysSchema,
  subscriptionListSchema,
  subscriptionSchema,
  type Subscription,
} from '@tollgate/contract/admin-api/subscriptions.ts';
import { fakeGateway, promised } from '../../../test/support/fake-gateway.ts';
import { runCli } from '../../../test/support/run-cli.ts';

const subscription: Subscription = {
  name: 'marketing-web',
  product: 'standard',
  consumer: 'marketing',
  costCentre: 'contoso/marketing',
  state: 'active',
  expiresAt: null,
  declaredIn: 'config',
  keys: { primary: true, secondary: false },
  createdAt: null,
};

test('list shows who may call, as a table, as JSON and as CSV', async (t) => {
  const gateway = await fakeGateway(t, {
    'GET subscriptions': promised(subscriptionListSchema, { subscriptions: [subscription] }),
  });
  const table = await runCli(['subscription', 'list'], gateway.environment);
  assert.match(
    table.out,
    /^marketing-web +standard +marketing +contoso\/marketing +active +never +set +none +config$/m,
  );
  const json = await runCli(['subscription', 'list', '--json'], gateway.environment);
  assert.deepEqual(JSON.parse(json.out), { subscriptions: [subscription] });
  const csv = await runCli(['subscription', 'list', '--format', 'csv'], gateway.environment);
  assert.match(csv.out, /\r\nmarketing-web,standard,marketing,contoso\/marketing,active,,set,none,config\r\n$/);
});

test('an empty list says how to create one', async (t) => {
  const gateway = await fakeGateway(t, {
    'GET subscriptions': promised(subscriptionListSchema, { subscriptions: [] }),
  });
  assert.match((await runCli(['subscription', 'list'], gateway.environment)).out, /subscription create --help/);
});

test('show asks for one', async (t) => {
  const gateway = await fakeGateway(t, {
    'GET subscriptions/marketing-web': promised(subscriptionSchema, subscription),
  });
  assert.match((await runCli(['subscription', 'show', 'marketing-web'], gateway.environment)).out, /^marketing-web/m);
  const missing = await runCli(['subscription', 'show', 'other'], gateway.environment);
  assert.equal(missing.status, 1);
  assert.match(missing.err, /admin_not_found/);
});

test('create sends what the contract asks for, and prints both keys once', async (t) => {
  const gateway = await fakeGateway(t, {
    'POST subscriptions': {
      status: 201,
      ...promised(newKeysSchema, { subscription: 'new', keys: { primary: 'tg_one', secondary: 'tg_two' } }),
    },
  });
  const args = ['subscription', 'create', 'new', '--product', 'standard', '--consumer', 'team', '--cost-centre', 'cc'];
  const made = await runCli([...args, '--expires', '2027-01-01'], gateway.environment);
  assert.equal(made.status, 0);
  const sent = createSubscriptionSchema.parse(gateway.asked[0]?.body);
  assert.deepEqual(sent, {
    name: 'new',
    product: 'standard',
    consumer: 'team',
    costCentre: 'cc',
    expiresAt: '2027-01-01T00:00:00.000Z',
  });
  assert.equal(made.out, 'primary    tg_one\nsecondary  tg_two\n');
  assert.match(made.err, /never shown again/);
  const json = await runCli([...args, '--json'], gateway.environment);
  assert.deepEqual(JSON.parse(json.out), { subscription: 'new', keys: { primary: 'tg_one', secondary: 'tg_two' } });
  assert.equal(json.err, '');
});

test('create needs a product, a consumer and a cost centre', async () => {
  const { status, err } = await runCli(['subscription', 'create', 'new', '--product', 'standard']);
  assert.equal(status, 2);
  assert.match(err, /--consumer/);
});

test('regenerate makes the key that was named', async (t) => {
  const gateway = await fakeGateway(t, {
    'POST subscriptions/marketing-web/keys/secondary/regenerate': promised(newKeysSchema, {
      subscription: 'marketing-web',
      keys: { secondary: 'tg_fresh' },
    }),
  });
  const { out } = await runCli(['subscription', 'regenerate', 'marketing-web', 'secondary'], gateway.environment);
  assert.equal(out, 'secondary  tg_fresh\n');
});

for (const [verb, state, says] of [
  ['suspend', 'suspended', /is suspended: both its keys are refused/],
  ['activate', 'active', /is active/],
] as const) {
  test(`${verb} tells what holds now`, async (t) => {
    const changed = { ...subscription, state };
    const gateway = await fakeGateway(t, {
      [`POST subscriptions/marketing-web/${verb}`]: promised(subscriptionSchema, changed),
    });
    assert.match((await runCli(['subscription', verb, 'marketing-web'], gateway.environment)).out, says);
    const json = await runCli(['subscription', verb, 'marketing-web', '--json'], gateway.environment);
    assert.deepEqual(JSON.parse(json.out), changed);
  });
}
