import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  configInForceSchema,
  configReloadSchema,
  ledgerWorkSchema,
  type LedgerVerification,
  type LedgerWork,
} from '@tollgate/contract/admin-api/operations.ts';
import {
  deploymentListSchema,
  endpointHealthSchema,
  overrideEndpointSchema,
} from '@tollgate/contract/admin-api/routing.ts';
import { createProductSchema, productListSchema, productSchema } from '@tollgate/contract/admin-api/subscriptions.ts';
import { fakeGateway, promised, type Routes } from '../../test/support/fake-gateway.ts';
import { runCli } from '../../test/support/run-cli.ts';

const product = {
  name: 'standard',
  models: ['gpt-5.4-mini', 'gpt-5-mini'],
  caps: { maxOutputTokens: 4096, maxChoices: null, maxRequestBytes: null },
  unpriced: 'refuse',
  declaredIn: 'config',
} as const;

test('product list shows models and caps', async (t) => {
  const gateway = await fakeGateway(t, {
    'GET products': promised(productListSchema, { products: [{ ...product, models: [...product.models] }] }),
  });
  const { out } = await runCli(['product', 'list'], gateway.environment);
  assert.match(out, /^standard +gpt-5\.4-mini gpt-5-mini +4,096 +no cap +no cap +refuse +config$/m);
});

test('product create sends what the contract asks for', async (t) => {
  const gateway = await fakeGateway(t, {
    'POST products': promised(productSchema, { ...product, name: 'trial', models: ['a', 'b'], declaredIn: 'admin' }),
  });
  const args = ['product', 'create', 'trial', '--models', 'a', 'b', '--max-output-tokens', '500'];
  const { out } = await runCli([...args, '--unpriced', 'allow-and-flag'], gateway.environment);
  assert.deepEqual(createProductSchema.parse(gateway.asked[0]?.body), {
    name: 'trial',
    models: ['a', 'b'],
    caps: { maxOutputTokens: 500 },
    unpriced: 'allow-and-flag',
  });
  assert.equal(out, 'Product trial may use a, b.\n');
  await runCli(['product', 'create', 'plain', '--models', 'a'], gateway.environment);
  assert.deepEqual(gateway.asked[1]?.body, { name: 'plain', models: ['a'] }, 'what is not given is not sent');
});

const endpoint = {
  name: 'payg-weu',
  model: 'gpt-5.4-mini',
  resource: 'contoso-weu',
  region: 'westeurope',
  deployment: 'gpt-54-mini',
  deploymentType: 'GlobalStandard',
  state: 'throttled',
  until: '2026-11-23T10:21:00.000Z',
  override: 'force-closed',
  inFlight: 3,
  utilization: 0.825,
  remainingTokens: null,
  remainingRequests: null,
  lastError: '429',
} as const;

test('deployments list shows how each is doing', async (t) => {
  const gateway = await fakeGateway(t, {
    'GET deployments': promised(deploymentListSchema, {
      deployments: [endpoint],
    }),
  });
  const { out } = await runCli(['deployments', 'list'], gateway.environment);
  assert.match(out, /^payg-weu .* throttled +2026-11-23T10:21:00\.000Z +force-closed +3 +83 % +429 +contoso-weu$/m);
});

test('deployments override sends the order and its time, and says what it means', async (t) => {
  const gateway = await fakeGateway(t, {
    'POST deployments/payg-weu/override': promised(endpointHealthSchema, { ...endpoint, override: 'drain' }),
  });
  const { out } = await runCli(['deployments', 'override', 'payg-weu', 'drain', '--for', '10m'], gateway.environment);
  assert.deepEqual(overrideEndpointSchema.parse(gateway.asked[0]?.body), { override: 'drain', forSeconds: 600 });
  assert.equal(out, 'payg-weu: nothing new is sent to it; what lives there alone still is (for 10m).\n');
  const wrong = await runCli(['deployments', 'override', 'payg-weu', 'stop'], gateway.environment);
  assert.equal(wrong.status, 2);
  const never = await runCli(['deployments', 'override', 'payg-weu', 'drain', '--for', 'ever'], gateway.environment);
  assert.equal(never.status, 2);
  assert.match(never.err, /'ever' is no duration/);
});

test('deployments reset says how the endpoint stands afterwards', async (t) => {
  const gateway = await fakeGateway(t, {
    'POST deployments/payg-weu/reset': promised(endpointHealthSchema, { ...endpoint, state: 'available' }),
  });
  const { out } = await runCli(['deployments', 'reset', 'payg-weu'], gateway.environment);
  assert.equal(out, 'payg-weu is available.\n');
});

const sound: LedgerVerification = {
  ok: true,
  journal: {
    segments: 5,
    archived: 3,
    removed: null,
    opened: 12000,
    settled: 11999,
    open: 1,
    damaged: [],
    tornTailBytes: 0,
  },
  store: { records: 11999, rollUpAttempts: 11999 },
  sums: [{ meter: 'input', journal: '1234567', store: '1234567', rollUp: '1234567' }],
  lag: { records: 0, openAttempts: 1 },
  problems: [],
};

const begun: LedgerWork = {
  id: 'work-1',
  kind: 'verify',
  state: 'running',
  startedAt: '2026-11-23T10:20:30Z',
  doneBytes: 0,
  totalBytes: 0,
  error: null,
  verification: null,
  backup: null,
};

/** A verification that takes three looks. */
function verified(verification: LedgerVerification): Routes {
  const states: LedgerWork[] = [
    { ...begun, doneBytes: 1_000_000, totalBytes: 4_000_000 },
    { ...begun, doneBytes: 3_000_000, totalBytes: 4_000_000 },
  ];
  return {
    'POST ledger/work': promised(ledgerWorkSchema, begun),
    'GET ledger/work/work-1': () =>
      promised(ledgerWorkSchema, states.shift() ?? { ...begun, state: 'done', verification }),
  };
}

test('ledger verify tells counts and sums, and exits 0 where the two agree', async (t) => {
  const gateway = await fakeGateway(t, verified(sound));
  const { status, out, err } = await runCli(['ledger', 'verify'], gateway.environment);
  assert.equal(status, 0);
  assert.deepEqual(gateway.asked[0]?.body, { kind: 'verify' });
  assert.equal(err, 'Comparing journal and store: 25 % of 4.0 MB\nComparing journal and store: 75 % of 4.0 MB\n');
  assert.match(out, /12,000 attempts admitted, 11,999 settled, 1 open, in 5 segments, 3 of them archived/);
  assert.match(out, /^input +1,234,567 +1,234,567 +1,234,567$/m);
  assert.match(out, /agree/);
});

test('ledger verify exits 1 and names everything that is wrong', async (t) => {
  const bad: LedgerVerification = {
    ...sound,
    ok: false,
    journal: {
      ...sound.journal,
      removed: { segments: 2, records: 3000, to: '2026-01-31T23:59:59.000Z' },
      tornTailBytes: 7,
    },
    problems: [
      {
        fault: 'missing-in-store',
        count: 1200,
        what: '1200 entries are missing.',
        remedy: 'Ship them again.',
        where: ['ATTEMPT-A', 'ATTEMPT-B'],
      },
      { fault: 'wrong-roll-ups', count: 1, what: 'One sum is wrong.', remedy: 'Restore it.', where: [] },
    ],
  };
  const gateway = await fakeGateway(t, verified(bad));
  const { status, out } = await runCli(['ledger', 'verify'], gateway.environment);
  assert.equal(status, 1);
  for (const words of [
    'disagree',
    'missing-in-store: 1200 entries are missing.\n    Ship them again.\n    ATTEMPT-A\n    ATTEMPT-B\n    … and 1,198 more\n',
    'wrong-roll-ups: One sum is wrong.\n    Restore it.\n',
    'retention has removed 2 segments with 3,000 records, the last of 2026-01-31',
    'torn tail: 7 bytes',
  ]) {
    assert.ok(out.includes(words), words);
  }
  const json = await runCli(['ledger', 'verify', '--json'], gateway.environment);
  assert.equal(json.status, 1);
  assert.deepEqual(JSON.parse(json.out), bad);
});

test('config show prints the configuration alone on standard output, and a refused reload beside it', async (t) => {
  const inForce = {
    source: '/etc/tollgate.yaml',
    loadedAt: '2026-11-23T00:00:00.000Z',
    lastReload: { at: '2026-11-23T01:00:00.000Z', ok: false, problems: ['line 3: unknown key'] },
    config: { organisation: 'contoso' },
  };
  const gateway = await fakeGateway(t, { 'GET config': promised(configInForceSchema, inForce) });
  const { out, err } = await runCli(['config', 'show'], gateway.environment);
  assert.deepEqual(JSON.parse(out), { organisation: 'contoso' });
  assert.match(err, /from \/etc\/tollgate\.yaml/);
  assert.match(err, /refused at 2026-11-23T01:00:00\.000Z.*\n {2}line 3: unknown key/);
  const json = await runCli(['config', 'show', '--json'], gateway.environment);
  assert.deepEqual(JSON.parse(json.out), inForce);
});

test('config reload exits 1 where the file is refused, with everything that is wrong', async (t) => {
  const replies = [
    { ok: false, problems: ['line 3: unknown key', 'line 9: no such model'] },
    { ok: true, problems: [] },
  ];
  const gateway = await fakeGateway(t, {
    'POST config/reload': () => promised(configReloadSchema, replies.shift() ?? { ok: true, problems: [] }),
  });
  const refused = await runCli(['config', 'reload'], gateway.environment);
  assert.equal(refused.status, 1);
  assert.match(refused.out, /stays in force:\n {2}line 3: unknown key\n {2}line 9: no such model\n/);
  const taken = await runCli(['config', 'reload'], gateway.environment);
  assert.deepEqual([taken.status, taken.out], [0, 'The configuration is in force.\n']);
});

test('config check refuses a file that does not exist', async () => {
  const { status, err } = await runCli(['config', 'check', '/nowhere/tollgate.yaml']);
  assert.equal(status, 2);
  assert.match(err, /There is no file \/nowhere\/tollgate\.yaml/);
});
