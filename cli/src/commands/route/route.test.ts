import assert from 'node:assert/strict';
import { test } from 'node:test';
import { routeExplanationSchema, routeTraceSchema } from '@tollgate/contract/admin-api/routing.ts';
import { fakeGateway, promised, refused } from '../../../test/support/fake-gateway.ts';
import { runCli } from '../../../test/support/run-cli.ts';

const endpoint = {
  endpoint: 'ptu',
  tier: 1,
  balancer: 'weighted-random',
  weight: 1,
  state: 'available',
  until: null,
  override: 'none',
  objection: 'yielding',
  share: 0.125,
  inFlight: 3,
  latencyMs: 250.5,
  room: 0.1,
  utilization: 0.875,
  yieldAt: 0.9,
} as const;

const explanation = {
  model: 'gpt-5.4-mini',
  subscription: 'marketing-web',
  product: 'standard',
  priority: 'standard',
  allowed: true,
  endpoints: [
    endpoint,
    {
      ...endpoint,
      endpoint: 'payg',
      tier: 2,
      objection: null,
      share: 0.875,
      latencyMs: null,
      room: 1,
      utilization: null,
      yieldAt: null,
    },
  ],
  fallback: [],
  queue: null,
  waitMs: null,
};

test('route explain says where a call would go and why', async (t) => {
  const gateway = await fakeGateway(t, { 'GET routes/explain': promised(routeExplanationSchema, explanation) });
  const args = ['route', 'explain', '--model', 'gpt-5.4-mini', '--as', 'marketing', '--stream'];
  const { out } = await runCli(args, gateway.environment);
  assert.deepEqual(gateway.asked[0]?.query, { model: 'gpt-5.4-mini', as: 'marketing', stream: 'true' });
  assert.match(out, /^A call of gpt-5\.4-mini by marketing-web \(product standard, priority standard\), now\.$/m);
  assert.match(out, /^ +1 +ptu +12\.5 % +yielding .* 250\.5 +10 % +87\.5 % +90 %$/m);
  assert.doesNotMatch(out, /wait/);
  assert.match(out, /^ +2 +payg +87\.5 % +weighted-random/m);
});

test('route explain says when nothing can be taken, and when the product does not include the model', async (t) => {
  const gateway = await fakeGateway(t, {
    'GET routes/explain': ({ query }) =>
      promised(routeExplanationSchema, { ...explanation, allowed: query['as'] === 'finance', waitMs: 2_500 }),
  });
  const ask = (as: string) => runCli(['route', 'explain', '--model', 'm', '--as', as], gateway.environment);
  assert.match((await ask('finance')).out, /Nothing can be taken now; the first may be tried in 2\.5 s\./);
  assert.match((await ask('marketing')).out, /may not call gpt-5\.4-mini: its product does not include it/);
});

test('route explain says that nothing can be taken, and that no wait helps', async (t) => {
  const drained = { ...endpoint, objection: 'drained', share: 0 } as const;
  const gateway = await fakeGateway(t, {
    'GET routes/explain': promised(routeExplanationSchema, { ...explanation, endpoints: [drained] }),
  });
  const { out } = await runCli(['route', 'explain', '--model', 'm', '--as', 'marketing'], gateway.environment);
  assert.match(out, /now\. Nothing can be taken now, and it does not end by itself\.$/m);
});

test('route explain says who waits for capacity', async (t) => {
  const queue = { maxWaitMs: 10_000, maxLength: 50, interactive: 1, standard: 0, batch: 7, longestMs: 2_400 };
  const gateway = await fakeGateway(t, {
    'GET routes/explain': promised(routeExplanationSchema, { ...explanation, queue }),
  });
  const { out } = await runCli(['route', 'explain', '--model', 'm', '--as', 'marketing'], gateway.environment);
  assert.match(out, /^8 calls wait for capacity \(1 interactive, 0 standard, 7 batch\), the first for 2\.4 s\.$/m);
});

test('route explain says which models the call may fall back to', async (t) => {
  const fallback = [
    { model: 'gpt-5-mini', takes: false },
    { model: 'gpt-5', takes: true },
  ];
  const gateway = await fakeGateway(t, {
    'GET routes/explain': promised(routeExplanationSchema, { ...explanation, fallback }),
  });
  const { out } = await runCli(['route', 'explain', '--model', 'm', '--as', 'marketing'], gateway.environment);
  assert.match(out, /lets it fall back to gpt-5-mini \(which could not take it now\), then gpt-5\.$/m);
});

test('route explain needs a model and a caller, and says what is no name', async (t) => {
  const gateway = await fakeGateway(t, {});
  for (const args of [
    ['--model', 'm'],
    ['--as', 'x'],
    ['--model', '../m', '--as', 'x'],
    ['--model', 'm', '--as', 'X Y'],
  ]) {
    const { status } = await runCli(['route', 'explain', ...args], gateway.environment);
    assert.equal(status, 2, args.join(' '));
  }
  assert.deepEqual(gateway.asked, []);
});

test('route show tells every choice, what was passed over, and what came of the attempt', async (t) => {
  const attempt = {
    id: 'A1',
    outcome: 'refused-by-upstream',
    fault: 'throttled',
    status: 429,
    firstByteMs: 3,
    upstreamMs: 4,
  };
  const trace = {
    requestId: '01JNK',
    receivedAt: '2026-11-23T10:00:00.000Z',
    subscription: 'marketing-web',
    model: 'gpt-5.4-mini',
    steps: [
      {
        model: 'gpt-5.4-mini',
        hedge: false,
        unmade: null,
        atMs: 1.5,
        taken: 'ptu',
        candidates: [
          { endpoint: 'ptu', tier: 1, passed: null },
          { endpoint: 'payg', tier: 2, passed: 'later-tier' },
        ],
        waited: null,
        attempt,
      },
      {
        model: 'gpt-5.4',
        hedge: false,
        unmade: null,
        atMs: 7,
        taken: null,
        candidates: [
          { endpoint: 'ptu', tier: 1, passed: 'tried' },
          { endpoint: 'payg', tier: 2, passed: 'broken' },
        ],
        waited: { ms: 1200.5, how: 'expired' },
        attempt: null,
      },
    ],
  };
  const gateway = await fakeGateway(t, { 'GET routes/requests/01JNK': promised(routeTraceSchema, trace) });
  const { out } = await runCli(['route', 'show', '01JNK'], gateway.environment);
  assert.match(out, /^ +1 +1\.5 +gpt-5\.4-mini +1 +ptu +taken +refused-by-upstream +throttled +429 +3 +4 +A1$/m);
  assert.match(out, /^ +1 +1\.5 +gpt-5\.4-mini +2 +payg +later-tier$/m);
  assert.match(out, /^ +2 +7 +1200\.5 +expired +gpt-5\.4 +2 +payg +broken$/m);
  const { out: json } = await runCli(['route', 'show', '01JNK', '--json'], gateway.environment);
  assert.deepEqual(JSON.parse(json), trace);
});

test('route show says when a request is not remembered, and what is no id', async (t) => {
  const error = { code: 'admin_not_found', message: 'Nothing is known of it.', id: 'x' };
  const gateway = await fakeGateway(t, { 'GET routes/requests/gone': refused(404, error) });
  const gone = await runCli(['route', 'show', 'gone'], gateway.environment);
  assert.equal(gone.status, 1);
  assert.match(gone.err, /Nothing is known of it\./);
  assert.equal((await runCli(['route', 'show', '../usage'], gateway.environment)).status, 2);
});
