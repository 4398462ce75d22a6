// Limits, utilisation and spillover over sockets, on a clock that the test moves.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ManualClock } from './support/manual-clock.ts';
import { call, chatPath, json, say, twinFor } from './support/call.ts';

const model = 'gpt-5.4-mini';

function estate(deployment: object, more: object = {}) {
  return { resources: { one: { region: 'westeurope', deployments: { d: { model, ...deployment }, ...more } } } };
}
const ask = { path: chatPath, body: { ...say('Hello', { max_completion_tokens: 50 }), model: 'd' } };

void suite('limits', () => {
  test('too many requests: the true 429, and service again when the window is over', async (context) => {
    const clock = new ManualClock();
    const twin = await twinFor(context, { clock, ...estate({ requestsPerMinute: 12, requestWindowSeconds: 10 }) });
    assert.equal((await call(twin, ask)).headers['x-ratelimit-remaining-requests'], '11');
    await call(twin, ask);
    clock.advance(4000);
    const refused = await call(twin, ask);
    assert.equal(refused.status, 429);
    assert.equal(json(refused).error.code, '429');
    assert.match(json(refused).error.message, /ChatCompletions_Create .* call rate limit .* retry after 6 seconds/);
    assert.equal(refused.headers['retry-after'], '6');
    assert.equal(refused.headers['retry-after-ms'], '6000');
    assert.equal(refused.headers['x-ratelimit-remaining-requests'], '0');
    assert.equal(refused.headers['x-ratelimit-limit-requests'], '12');
    clock.advance(6000);
    assert.equal((await call(twin, ask)).status, 200);
    assert.deepEqual(
      twin.usage().attempts.map((one) => one.status),
      [200, 200, 429, 200],
    );
  });

  test('too many tokens: by prompt and output limit, before anything is generated', async (context) => {
    const twin = await twinFor(context, { clock: new ManualClock(), ...estate({ tokensPerMinute: 120 }) });
    const served = await call(twin, ask);
    const left = 120 - 50 - json(served).usage.prompt_tokens;
    assert.equal(served.headers['x-ratelimit-remaining-tokens'], String(left));
    const refused = await call(twin, ask);
    assert.equal(refused.status, 429);
    assert.match(json(refused).error.message, /token rate limit/);
    assert.equal(refused.headers['x-ratelimit-reset-tokens'], '60');
  });

  test('can be set while the twin runs', async (context) => {
    const twin = await twinFor(context, { clock: new ManualClock() });
    const limits = { deployment: model, resource: 'contoso-swc', requestsPerMinute: 1 };
    const set = await call(twin, { path: '/_twin/limits', body: limits });
    assert.deepEqual(json(set), { changed: 1 });
    const path = `/contoso-swc${chatPath}`;
    assert.equal((await call(twin, { path, body: say('x') })).status, 200);
    assert.equal((await call(twin, { path, body: say('x') })).status, 429);
    assert.equal((await call(twin, { path: chatPath, body: say('x') })).status, 200, 'the other resource has its own');
  });
});

const provisioned = { type: 'ProvisionedManaged', ptu: 1, tokensPerMinutePerPtu: 600, outputTokenWeight: 1 } as const;

void suite('provisioned throughput', () => {
  test('utilisation on every reply, and refusal at 100 % until it has run down', async (context) => {
    const clock = new ManualClock();
    const twin = await twinFor(context, { clock, ...estate(provisioned) });
    const first = await call(twin, ask);
    assert.match(String(first.headers['azure-openai-deployment-utilization']), /^\d+\.\d%$/);
    assert.equal(first.headers['x-ratelimit-limit-requests'], undefined);
    let refused = first;
    while (refused.status === 200) refused = await call(twin, ask);
    assert.equal(refused.status, 429);
    assert.equal(refused.headers['azure-openai-deployment-utilization'], '100.0%');
    const wait = Number(refused.headers['retry-after-ms']);
    assert.ok(wait > 0 && wait <= 60_000);
    clock.advance(wait + 1);
    assert.equal((await call(twin, ask)).status, 200);
  });

  test('hands over to its spillover target, which serves and says so', async (context) => {
    const twin = await twinFor(context, estate({ ...provisioned, spillover: 'payg' }, { payg: { model } }));
    twin.limit({ deployment: 'd', utilization: 100 });
    const got = await call(twin, ask);
    assert.equal(got.status, 200);
    assert.equal(got.headers['x-ms-spillover-from-deployment'], 'd');
    assert.equal(got.headers['x-ms-deployment-name'], 'payg');
    assert.equal(got.headers['x-ms-spillover-error'], '429', 'what the provisioned one would have answered');
    const [attempt] = twin.usage().attempts;
    assert.deepEqual([attempt?.deployment, attempt?.spilledFrom], ['payg', 'd']);
    twin.limit({ deployment: 'd', utilization: null });
    assert.equal((await call(twin, ask)).headers['x-ms-deployment-name'], 'd');
  });

  test('a request may name the target itself; without one it is refused', async (context) => {
    const twin = await twinFor(context, estate(provisioned, { payg: { model } }));
    twin.limit({ deployment: 'd', utilization: 120 });
    assert.equal((await call(twin, ask)).status, 429);
    const got = await call(twin, { ...ask, headers: { 'x-ms-spillover-deployment': 'payg' } });
    assert.equal(got.headers['x-ms-spillover-from-deployment'], 'd');
  });

  test('spills over on an error of its own too', async (context) => {
    const twin = await twinFor(context, estate({ ...provisioned, spillover: 'payg' }, { payg: { model } }));
    twin.addFault({ kind: 'status', status: 500 });
    const got = await call(twin, ask);
    assert.equal(got.headers['x-ms-deployment-name'], 'payg');
    assert.equal(got.headers['x-ms-spillover-error'], '500');
  });

  test('a target that fails too answers for itself, and says whose call it was', async (context) => {
    const clock = new ManualClock();
    const more = { payg: { model, requestsPerMinute: 1 } };
    const twin = await twinFor(context, { clock, ...estate({ ...provisioned, spillover: 'payg' }, more) });
    twin.limit({ deployment: 'd', utilization: 100 });
    await call(twin, ask);
    const got = await call(twin, ask);
    assert.equal(got.status, 429);
    assert.equal(got.headers['x-ms-spillover-error'], '429');
    assert.equal(got.headers['x-ms-spillover-from-deployment'], 'd');
    assert.equal(got.headers['x-ms-deployment-name'], 'payg');
    assert.equal(got.headers['x-ratelimit-limit-requests'], '1');
  });
});
