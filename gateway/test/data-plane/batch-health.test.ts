// What uploads and batches show of the deployments that run them: by the rules for calls, because nothing else is sent there.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { APIError, type OpenAI } from 'openai';
import type { DeploymentList } from '@tollgate/contract/admin-api/routing.ts';
import { batchStack, begin, chatLine, clientOf, upload } from '../support/batch-stack.ts';
import { keys, type RunningStack } from '../support/running-gateway.ts';

const lines = [chatLine('Hello?', 0)];
/** What stands against an endpoint does not end by itself while a test looks. */
const more = 'health: { openFor: 1h, openAtMost: 1h, quarantine: 1h }';
const one = { batch: '[one-batch]', pollEvery: '1h', more } as const;

async function stateOf(stack: RunningStack, name: string): Promise<string | undefined> {
  const { json } = await stack.admin('/admin/v1/deployments');
  return (json as DeploymentList).deployments.find((found) => found.name === name)?.state;
}

const statusOf = async (work: Promise<unknown>): Promise<number | undefined> => {
  try {
    await work;
    return 200;
  } catch (thrown) {
    assert.ok(thrown instanceof APIError, String(thrown));
    return thrown.status;
  }
};

const create = async (client: OpenAI, input_file_id: string): Promise<OpenAI.Batch> =>
  await client.batches.create({ input_file_id, endpoint: '/v1/chat/completions', completion_window: '24h' });

describe('an upload that fails', () => {
  const failures = [
    { name: 'throttled', fault: { kind: 'status', status: 429, retryAfter: 3600 }, times: 1, state: 'throttled' },
    {
      name: 'unavailable for a time',
      fault: { kind: 'status', status: 503, retryAfter: 3600 },
      times: 1,
      state: 'throttled',
    },
    { name: 'a key that is refused', fault: { kind: 'status', status: 401 }, times: 1, state: 'quarantined' },
    { name: 'a right that is missing', fault: { kind: 'status', status: 403 }, times: 1, state: 'quarantined' },
    { name: 'no such deployment', fault: { kind: 'status', status: 404 }, times: 1, state: 'quarantined' },
    { name: 'errors, one after the other', fault: { kind: 'status', status: 500 }, times: 5, state: 'broken' },
    { name: 'no connection, one after the other', fault: { kind: 'refuse' }, times: 5, state: 'broken' },
    { name: 'one error', fault: { kind: 'status', status: 500 }, times: 1, state: 'available' },
  ] as const;
  for (const { name, fault, times, state } of failures)
    test(`is shown by the endpoint: ${name}`, async (context) => {
      const stack = await batchStack(context, one);
      const client = clientOf(stack.url, keys.marketing);
      stack.twin.addFault({ ...fault, times: null, match: { operation: 'files.create', resource: 'one' } });
      for (let at = 0; at < times; at += 1) await assert.rejects(upload(client, lines), APIError);
      assert.equal(await stateOf(stack, 'one-batch'), state);
      assert.equal(await stateOf(stack, 'one-mini'), 'available', 'calls have nothing to do with it');
    });

  test('is the last one that goes there, while another resource is well', async (context) => {
    const stack = await batchStack(context, { pollEvery: '1h', more });
    const client = clientOf(stack.url, keys.marketing);
    stack.twin.addFault({
      kind: 'status',
      status: 429,
      retryAfter: 3600,
      times: null,
      match: { operation: 'files.create', resource: 'one' },
    });
    const told: (number | undefined)[] = [];
    for (let at = 0; at < 12; at += 1) told.push(await statusOf(upload(client, lines)));
    // By chance the first few may all go to the other one.
    assert.ok(told.filter((status) => status !== 200).length <= 1, String(told));
  });

  test('is not sent where every resource has asked for a wait: the wait is told', async (context) => {
    const stack = await batchStack(context, one);
    const client = clientOf(stack.url, keys.marketing);
    stack.twin.addFault({ kind: 'status', status: 429, retryAfter: 3600, match: { operation: 'files.create' } });
    assert.equal(await statusOf(upload(client, lines)), 429);
    // The fault is used up: where this were sent, it would be taken.
    await assert.rejects(upload(client, lines), (error) => {
      assert.ok(error instanceof APIError && error.status === 429 && error.code === 'upstream_throttled');
      const wait = Number(error.headers?.get('retry-after'));
      return wait > 1 && wait <= 4320;
    });
    assert.deepEqual((await client.files.list()).data, []);
  });
});

describe('what says nothing of the deployment is not held against it', () => {
  const harmless: readonly {
    readonly name: string;
    readonly run: (stack: RunningStack, client: OpenAI) => Promise<unknown>;
  }[] = [
    {
      name: 'a file that is gone',
      async run(_stack, client) {
        const { id } = await upload(client, lines);
        await client.files.delete(id);
        await assert.rejects(client.files.retrieve(id), APIError);
        await assert.rejects(client.files.content(id), APIError);
        await assert.rejects(create(client, id), APIError);
      },
    },
    {
      name: 'a right to delete that is missing',
      async run(stack, client) {
        const { id } = await upload(client, lines);
        stack.twin.addFault({ kind: 'status', status: 403, match: { operation: 'files.delete' } });
        await assert.rejects(client.files.delete(id), APIError);
      },
    },
    {
      name: 'a batch that the resource does not take',
      async run(stack, client) {
        const { id } = await upload(client, lines);
        stack.twin.addFault({ kind: 'status', status: 400, times: null, match: { operation: 'batches.create' } });
        for (let at = 0; at < 6; at += 1) await assert.rejects(create(client, id), APIError);
      },
    },
    {
      name: 'files that are wrong',
      async run(_stack, client) {
        for (let at = 0; at < 6; at += 1) await assert.rejects(upload(client, [...lines, '{']), APIError);
      },
    },
  ];
  for (const { name, run } of harmless)
    test(name, async (context) => {
      const stack = await batchStack(context, one);
      await run(stack, clientOf(stack.url, keys.marketing));
      assert.equal(await stateOf(stack, 'one-batch'), 'available');
    });
});

test('a batch that cannot be begun, or looked at, is shown, too', async (context) => {
  const stack = await batchStack(context, one);
  const client = clientOf(stack.url, keys.marketing);
  const { id } = await begin(client, lines);
  stack.twin.addFault({ kind: 'status', status: 500, times: null, match: { operation: 'batches.retrieve' } });
  for (let at = 0; at < 5; at += 1) await assert.rejects(client.batches.retrieve(id), APIError);
  assert.equal(await stateOf(stack, 'one-batch'), 'broken');
});

test('an endpoint that was broken comes back by the calls that it answers', async (context) => {
  const stack = await batchStack(context, { ...one, more: 'health: { openFor: 100ms, openAtMost: 100ms }' });
  const client = clientOf(stack.url, keys.marketing);
  stack.twin.addFault({ kind: 'status', status: 500, times: 5, match: { operation: 'files.create' } });
  for (let at = 0; at < 5; at += 1) await assert.rejects(upload(client, lines), APIError);
  // Its time is over sooner or later; until then it is tried all the same, because there is no other.
  for (let look = 0; look < 2000 && (await stateOf(stack, 'one-batch')) !== 'available'; look += 1)
    assert.equal(await statusOf(upload(client, lines)), 200);
  assert.equal(await stateOf(stack, 'one-batch'), 'available');
});
