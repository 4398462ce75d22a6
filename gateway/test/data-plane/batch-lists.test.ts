// Lists of what is a caller's among everybody's: whole, or refused.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { APIError, type OpenAI } from 'openai';
import { batchConfig, batchStack, begin, chatLine, clientOf, upload } from '../support/batch-stack.ts';
import { keys, startStack, type RunningStack } from '../support/running-gateway.ts';

const lines = [chatLine('Hello?', 0)];

interface Listed {
  readonly data: readonly { readonly id: string; readonly filename?: string }[];
  readonly first_id: string | null;
  readonly last_id: string | null;
  readonly has_more: boolean;
}

async function page(stack: RunningStack, what: string): Promise<Listed> {
  const response = await fetch(`${stack.url}/openai/v1/${what}`, { headers: { 'api-key': keys.marketing } });
  assert.equal(response.status, 200);
  return (await response.json()) as Listed;
}

async function uploads(client: OpenAI, count: number): Promise<readonly string[]> {
  const names = Array.from({ length: count }, (_one, at) => `${at}.jsonl`);
  for (const name of names) await upload(client, lines, name);
  return names;
}

const namesOf = ({ data }: Listed): readonly (string | undefined)[] => data.map(({ filename }) => filename);
const isRefused = (status: number, code: string) => (error: unknown) =>
  error instanceof APIError && error.status === status && error.code === code;

describe('a list', () => {
  test('comes in pages that join: the newest first, the last one says so, others are not in it', async (context) => {
    const stack = await batchStack(context, { batch: '[one-batch]' });
    const client = clientOf(stack.url, keys.marketing);
    const other = clientOf(stack.url, keys.finance);
    await uploads(other, 2);
    const names = await uploads(client, 4);
    await uploads(other, 2);
    const newest = names.toReversed();
    const first = await page(stack, 'files?limit=2');
    assert.deepEqual([namesOf(first), first.has_more], [newest.slice(0, 2), true]);
    assert.deepEqual([first.first_id, first.last_id], [first.data[0]?.id, first.data[1]?.id]);
    const second = await page(stack, `files?limit=2&after=${first.last_id}`);
    assert.deepEqual(
      [namesOf(second), second.has_more],
      [newest.slice(2), false],
      'nothing of this caller is behind it',
    );
    const last = await page(stack, `files?limit=2&after=${second.last_id}`);
    assert.deepEqual(last, { object: 'list', data: [], first_id: null, last_id: null, has_more: false });
    assert.deepEqual(namesOf(await page(stack, 'files?order=desc&purpose=batch&limit=1000')), newest);
    assert.deepEqual(namesOf(await page(stack, 'files?purpose=assistants')), []);
  });

  test('of two resources has each thing once, in pages of any size', async (context) => {
    const stack = await batchStack(context);
    const client = clientOf(stack.url, keys.marketing);
    const begun: string[] = [];
    for (let at = 0; at < 5; at += 1) begun.push((await begin(client, lines)).id);
    for (const limit of [1, 2, 3, 5]) {
      const listed: string[] = [];
      for await (const { id } of client.batches.list({ limit })) listed.push(id);
      assert.deepEqual(listed.toSorted(), begun.toSorted(), `pages of ${limit}`);
    }
  });

  test('finds what is the caller’s behind many pages of others', async (context) => {
    const stack = await batchStack(context, { batch: '[one-batch]' });
    const [name] = await uploads(clientOf(stack.url, keys.marketing), 1);
    await uploads(clientOf(stack.url, keys.finance), 205);
    const listed = await page(stack, 'files');
    assert.deepEqual([namesOf(listed), listed.has_more], [[name], false]);
  });

  test('is refused where a resource does not answer, or is out of service', async (context) => {
    const stack = await batchStack(context, { pollEvery: '1h' });
    const client = clientOf(stack.url, keys.marketing);
    await uploads(client, 4);
    stack.twin.addFault({ kind: 'refuse', match: { operation: 'files.list', resource: 'two' } });
    await assert.rejects(client.files.list(), isRefused(503, 'upstream_unavailable'));
    const order = { method: 'POST', body: { override: 'force-open' } };
    assert.equal((await stack.admin('/admin/v1/deployments/two-batch/override', order)).status, 200);
    await assert.rejects(client.files.list(), isRefused(503, 'upstream_unavailable'));
    await assert.rejects(client.batches.list(), isRefused(503, 'upstream_unavailable'));
  });

  const wrong: readonly (readonly [string, number, string])[] = [
    ['limit=0', 400, 'invalid_request_body'],
    ['limit=x', 400, 'invalid_request_body'],
    ['order=asc', 400, 'unsupported_parameter'],
    ['purpose=batch_output', 400, 'unsupported_parameter'],
    ['after=file-nothing', 404, 'file_not_found'],
  ];
  test('that cannot be given as it is wanted is refused', async (context) => {
    const stack = await batchStack(context);
    for (const [query, status, code] of wrong) {
      const response = await fetch(`${stack.url}/openai/v1/files?${query}`, { headers: { 'api-key': keys.marketing } });
      const body = (await response.json()) as { error: { code: string } };
      assert.deepEqual([response.status, body.error.code], [status, code], query);
    }
  });

  test("does not begin after what is another caller's", async (context) => {
    const stack = await batchStack(context, { batch: '[one-batch]' });
    const { id } = await upload(clientOf(stack.url, keys.finance), lines);
    await assert.rejects(
      clientOf(stack.url, keys.marketing).files.list({ after: id }),
      isRefused(404, 'file_not_found'),
    );
  });
});

/** A gateway before a resource that answers every look at its files with this. */
async function before(context: TestContext, answer: (look: number) => object) {
  let looks = 0;
  const resource = createServer((request, response) => {
    request.resume();
    looks += request.url?.includes('/files?') === true ? 1 : 0;
    response.setHeader('content-type', 'application/json').end(JSON.stringify(answer(looks)));
  });
  await new Promise<void>((resolve) => {
    resource.listen(0, '127.0.0.1', resolve);
  });
  context.after(() => {
    resource.closeAllConnections();
    resource.close();
  });
  const url = `http://127.0.0.1:${(resource.address() as AddressInfo).port}`;
  const config = batchConfig(url, { batch: '[one-batch]', pollEvery: '1h' });
  const stack = await startStack(context, { config: () => config });
  return { client: clientOf(stack.url, keys.marketing), looks: () => looks };
}
const ofOthers = (look: number) =>
  Array.from({ length: 100 }, (_one, at) => ({ id: `file-${look}-${at}`, filename: `a.tg-${'0'.repeat(16)}.jsonl` }));

describe('of a resource whose lists never end', () => {
  test('a bounded number of looks is made, and it is told that what was found is not all', async (context) => {
    const { client, looks } = await before(context, (look) => ({ data: ofOthers(look), has_more: true }));
    await assert.rejects(client.files.list(), isRefused(400, 'list_too_long'));
    assert.equal(looks(), 100);
  });

  for (const [name, data] of [
    ['nothing', []],
    ['the same again', ofOthers(0)],
  ] as const)
    test(`one that goes on with ${name} is no list`, async (context) => {
      const { client, looks } = await before(context, () => ({ data, has_more: true }));
      await assert.rejects(client.files.list(), isRefused(502, 'upstream_invalid_reply'));
      assert.ok(looks() <= 2);
    });
});
