import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { call, configFor, eventsOf, keys, startStack, type RunningStack } from '../support/running-gateway.ts';
import { assertNotLogged } from '../support/logged.ts';
import { until } from '../support/until.ts';

const key = { 'api-key': keys.marketing };
const path = '/openai/v1/chat/completions';
const messages = [{ role: 'user', content: 'Tell a long story. twin:tokens=60' }];

/** Begins a call over the agent's connection and resolves with the head of its answer. */
function begin(stack: RunningStack, agent: Agent, body: object): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      `${stack.url}${path}`,
      { method: 'POST', agent, headers: { ...key, 'content-type': 'application/json' } },
      resolve,
    );
    request.once('error', reject);
    request.end(JSON.stringify(body));
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

test('a drain lets the stream in flight finish, refuses what is new, and leaves the ledger whole', async (context) => {
  const stack = await startStack(context);
  stack.twin.addFault({ kind: 'stall', afterBytes: 1500 });
  const agent = new Agent({ keepAlive: true });
  context.after(() => agent.destroy());
  const response = await begin(stack, agent, { model: 'gpt-5.4-mini', messages, stream: true });
  await until(() => stack.twin.held() > 0);
  const drained = stack.gateway.drain('test');
  await assert.rejects(call(`${stack.url}/readyz`, {}), /ECONNREFUSED/, 'nothing new is accepted');
  stack.twin.release();
  const text = await textOf(response);
  assert.equal(eventsOf(text).at(-1), '[DONE]');
  await drained;
  assert.equal(stack.twin.usage().attempts.at(-1)?.complete, true);
});

test('a drain cuts what does not end in time, and it is recorded', async (context) => {
  const stack = await startStack(context, { config: (twin) => configFor(twin, { listen: ', drainTimeout: 50ms' }) });
  stack.twin.addFault({ kind: 'stall', afterBytes: 1500 });
  const agent = new Agent({ keepAlive: true });
  context.after(() => agent.destroy());
  const response = await begin(stack, agent, { model: 'gpt-5.4-mini', messages, stream: true });
  await until(() => stack.twin.held() > 0);
  const cut = textOf(response).then(
    (text) => text,
    () => 'broken',
  );
  await stack.gateway.drain('test');
  assert.ok(!(await cut).includes('[DONE]'));
});

test('a request keeps the configuration that it started with; the next has the new one', async (context) => {
  const stack = await startStack(context);
  stack.twin.addFault({ kind: 'slow-first-byte' });
  const slow = call(`${stack.url}${path}`, { headers: key, body: { model: 'gpt-5.4-mini', messages } });
  await until(() => stack.twin.held() > 0);
  const before = readFileSync(stack.configFile, 'utf8');
  const after = before.replace('models: [gpt-5.4-mini, gpt-5-mini,', 'models: [gpt-5-mini,');
  assert.notEqual(after, before);
  writeFileSync(stack.configFile, after);
  const reloaded = await stack.admin('/admin/v1/config/reload', { method: 'POST' });
  assert.match(reloaded.text, /"ok":true/);
  stack.twin.release();
  assert.equal((await slow).status, 200);
  assert.equal(
    (await call(`${stack.url}${path}`, { headers: key, body: { model: 'gpt-5.4-mini', messages } })).status,
    403,
  );
});

test('a bad configuration keeps the old one in force and says why', async (context) => {
  const stack = await startStack(context);
  const before = readFileSync(stack.configFile, 'utf8');
  writeFileSync(stack.configFile, before.replace('organisation: contoso', 'organization: contoso'));
  const { json } = await stack.admin('/admin/v1/config/reload', { method: 'POST' });
  const { ok, problems } = json as { ok: boolean; problems: string[] };
  assert.equal(ok, false);
  assert.ok(
    problems.some((problem) => /organi[sz]ation/.test(problem) && problem.includes(':2:')),
    problems.join('\n'),
  );
  assert.equal(
    (await call(`${stack.url}${path}`, { headers: key, body: { model: 'gpt-5.4-mini', messages } })).status,
    200,
  );
});

test('a key is made, used, regenerated and suspended without a restart', async (context) => {
  const stack = await startStack(context);
  const made = await stack.admin('/admin/v1/subscriptions', {
    method: 'POST',
    body: { name: 'new-app', product: 'standard', consumer: 'newcomers', costCentre: 'finance' },
  });
  assert.equal(made.status, 201, made.text);
  const { keys: fresh } = made.json as { keys: { primary: string; secondary: string } };
  const statusWith = async (apiKey: string): Promise<number> =>
    (await call(`${stack.url}${path}`, { headers: { 'api-key': apiKey }, body: { model: 'gpt-5.4-mini', messages } }))
      .status;
  assert.deepEqual([await statusWith(fresh.primary), await statusWith(fresh.secondary)], [200, 200]);
  const again = await stack.admin('/admin/v1/subscriptions/new-app/keys/primary/regenerate', { method: 'POST' });
  const { keys: next } = again.json as { keys: { primary: string } };
  assert.deepEqual(
    [await statusWith(fresh.primary), await statusWith(next.primary), await statusWith(fresh.secondary)],
    [401, 200, 200],
  );
  await stack.admin('/admin/v1/subscriptions/new-app/suspend', { method: 'POST' });
  assert.equal(await statusWith(next.primary), 403);
  assert.equal((await stack.usage()).rows.find((row) => row.key === 'newcomers')?.requests, 4);
  assertNotLogged(stack, next.primary);
});
