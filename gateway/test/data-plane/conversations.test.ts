import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import OpenAI, { NotFoundError } from 'openai';
import type { RunningTwin } from '../../../twin/src/server.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { call, configFor, keyOf, keys, startStack, type RunningStack } from '../support/running-gateway.ts';
import { until } from '../support/until.ts';

const model = 'gpt-5.4-mini';
/** Two resources in turns: what is not brought back to where it lives is lost every other time. */
const models = `  gpt-5.4-mini: { tiers: [[weu, swc]], balancer: weighted-round-robin }
  gpt-5-mini: { tiers: [[reasoning]] }
  one-endpoint: { tiers: [[weu]] }
  classic: { tiers: [[old]] }
  text-embedding-3-small: { tiers: [[embeddings]] }`;

/** A caller of one model, so that both resources are as good to it. */
const products =
  '  standard: { models: [gpt-5.4-mini, one-endpoint], unpriced: allow-and-flag }\n  small: { models: [gpt-5.4-mini], unpriced: allow-and-flag }';

const clientOf = (url: string, apiKey: string): OpenAI =>
  new OpenAI({ baseURL: `${url}/openai/v1`, apiKey, maxRetries: 0 });

const homes = (twin: RunningTwin): readonly string[] => twin.usage().attempts.map(({ resource }) => resource);

function stackFor(context: TestContext, more = ''): Promise<RunningStack> {
  return startStack(context, { config: (twin) => `${configFor(twin, { models, products })}${more}` });
}

describe('a conversation', () => {
  test('goes on where it began, streamed or not, and costs what it brings along', async (context) => {
    const stack = await stackFor(context);
    const client = clientOf(stack.url, keys.finance);
    const began = await client.conversations.create({ items: [{ role: 'user', content: 'We speak of Denmark.' }] });
    assert.match(began.id, /^conv_[\w-]{80,}$/);
    let before = 0;
    for (let turn = 0; turn < 4; turn += 1) {
      const ask = { model, input: `Turn ${turn}`, conversation: turn === 0 ? { id: began.id } : began.id };
      if (turn % 2 === 0) {
        const reply = await client.responses.create(ask);
        assert.equal(reply.conversation?.id, began.id, 'as the client knows it');
        assert.ok((reply.usage?.input_tokens ?? 0) > before);
        before = reply.usage?.total_tokens ?? 0;
        const again = await client.responses.retrieve(reply.id);
        assert.deepEqual([again.id, again.conversation], [reply.id, { id: began.id }]);
      } else {
        for await (const event of await client.responses.create({ ...ask, stream: true }))
          if ('response' in event) assert.equal(event.response.conversation?.id, began.id);
      }
    }
    assert.equal(new Set(homes(stack.twin)).size, 1, homes(stack.twin).join(' '));
    const items = await client.conversations.items.list(began.id);
    assert.equal(items.data.filter(({ type }) => type === 'message').length, 1 + 4 * 2);
    const truth = stack.twin.usage().total;
    const { total } = await stack.usage();
    assert.deepEqual([total.attempts, total.inputTokens], [4, truth.inputTokens]);
    assert.deepEqual((await stack.verify()).problems, []);
  });

  test('is retrieved, changed, added to, and deleted where it lives, on both surfaces', async (context) => {
    const stack = await stackFor(context);
    const client = clientOf(stack.url, keys.finance);
    for (let at = 0; at < 4; at += 1) {
      const { id } = await client.conversations.create({ metadata: { topic: 'one' } });
      const changed = await client.conversations.update(id, { metadata: { topic: `two of ${id}` } });
      assert.deepEqual([changed.id, changed.metadata], [id, { topic: `two of ${id}` }]);
      const added = await client.conversations.items.create(id, { items: [{ role: 'user', content: 'Hello' }] });
      const [first] = added.data;
      assert.ok(first?.id != null);
      const item = await client.conversations.items.retrieve(first.id, { conversation_id: id });
      assert.equal(item.id, first.id);
      assert.equal((await client.conversations.items.delete(first.id, { conversation_id: id })).id, id);
      await assert.rejects(client.conversations.items.retrieve(first.id, { conversation_id: id }), NotFoundError);
      const classic = await call(`${stack.url}/openai/conversations/${id}?api-version=2025-04-01-preview`, {
        headers: { 'api-key': keys.finance },
      });
      assert.equal(JSON.parse(classic.body).id, id);
      assert.deepEqual(await client.conversations.delete(id), { id, object: 'conversation.deleted', deleted: true });
      await assert.rejects(client.conversations.retrieve(id), { status: 404, code: 'conversation_not_found' });
    }
    assert.equal((await stack.usage()).total.attempts, 0);
  });

  test('of another caller does not exist, whatever is asked of it; nor does one that somebody made up', async (context) => {
    const stack = await stackFor(context);
    const made = await clientOf(stack.url, keys.marketing).conversations.create();
    const response = await clientOf(stack.url, keys.finance).responses.create({ model, input: 'Hello' });
    const finance = clientOf(stack.url, keys.finance);
    const items = { items: [{ role: 'user', content: 'Hello' }] } as const;
    const asked = stack.twin.usage().attempts.length;
    for (const id of [made.id, 'conv_1', `conv_${response.id.slice(5)}`, `${made.id.slice(0, -2)}AA`]) {
      for (const asking of [
        () => finance.conversations.retrieve(id),
        () => finance.conversations.update(id, { metadata: null }),
        () => finance.conversations.delete(id),
        () => finance.conversations.items.list(id),
        () => finance.conversations.items.create(id, { items: [...items.items] }),
        () => finance.conversations.items.retrieve('msg_1', { conversation_id: id }),
        () => finance.conversations.items.delete('msg_1', { conversation_id: id }),
        () => finance.responses.create({ model, input: 'And?', conversation: id }),
        () => finance.responses.create({ model: 'one-endpoint', input: 'And?', conversation: { id } }),
      ]) {
        await assert.rejects(async () => await asking(), { status: 404, code: 'conversation_not_found' });
      }
    }
    assert.equal(stack.twin.usage().attempts.length, asked, 'nobody upstream was asked');
    assert.equal((await clientOf(stack.url, keys.marketing).conversations.retrieve(made.id)).id, made.id);
  });

  test('begins elsewhere where a resource cannot take it, and is refused by a model that is not served there', async (context) => {
    const stack = await stackFor(context);
    const client = clientOf(stack.url, keys.finance);
    for (const fault of [{ kind: 'status', status: 503 }, { kind: 'refuse' }] as const) {
      stack.twin.reset();
      stack.twin.addFault({
        ...fault,
        times: null,
        match: { resource: 'contoso-weu', operation: 'conversations.create' },
      });
      for (let at = 0; at < 3; at += 1) {
        const { id } = await client.conversations.create();
        await client.responses.create({ model, input: 'Hello', conversation: id });
        assert.equal(homes(stack.twin).at(-1), 'contoso-swc');
        await assert.rejects(client.responses.create({ model: 'one-endpoint', input: 'x', conversation: id }), {
          status: 400,
          code: 'affinity_not_supported',
        });
      }
    }
    stack.twin.reset();
    stack.twin.addFault({
      kind: 'status',
      status: 429,
      retryAfter: 7,
      times: null,
      match: { operation: 'conversations.create' },
    });
    await assert.rejects(client.conversations.create(), { code: 'upstream_throttled' });
  });

  test("begins where most of the caller's models are served", async (context) => {
    const stack = await startStack(context, { config: (twin) => configFor(twin, { models }) });
    const client = clientOf(stack.url, keys.finance);
    for (let at = 0; at < 4; at += 1) {
      const { id } = await client.conversations.create();
      await client.responses.create({ model: 'one-endpoint', input: 'Hello', conversation: id });
      assert.equal(homes(stack.twin).at(-1), 'contoso-weu');
    }
  });

  test('and a previous response exclude each other; a body that is no JSON is refused', async (context) => {
    const stack = await stackFor(context);
    const client = clientOf(stack.url, keys.finance);
    const { id } = await client.conversations.create();
    const made = await client.responses.create({ model, input: 'Hello', conversation: id });
    await assert.rejects(
      client.responses.create({ model, input: 'x', conversation: id, previous_response_id: made.id }),
      { status: 400, param: 'previous_response_id' },
    );
    for (const [path, body] of [
      ['conversations', '[]'],
      [`conversations/${id}`, '{'],
    ]) {
      const answer = await call(`${stack.url}/openai/v1/${path}`, { headers: { 'api-key': keys.finance }, body });
      assert.deepEqual([answer.status, JSON.parse(answer.body).error.code], [400, 'invalid_json']);
    }
  });
});

describe('what uses no tokens', () => {
  const limited =
    '  standard: { models: [gpt-5.4-mini], unpriced: allow-and-flag, perSubscription: { limits: { requestsPerMinute: 3, concurrentRequests: 1 } } }\n  small: { models: [gpt-5.4-mini], unpriced: allow-and-flag }';

  test('is a request all the same: limits on requests count it, and an answer says what remains', async (context) => {
    const clock = new ManualClock();
    const stack = await startStack(context, {
      config: (twin) => configFor(twin, { models: '  gpt-5.4-mini: { tiers: [[weu, swc]] }', products: limited }),
      overrides: { clock },
    });
    const client = clientOf(stack.url, keys.finance);
    const { id } = await client.responses.create({ model, input: 'Hello' });
    const { response } = await client.responses.retrieve(id).withResponse();
    assert.deepEqual(
      ['limit', 'remaining'].map((what) => response.headers.get(`x-ratelimit-${what}-requests`)),
      ['3', '1'],
    );
    await client.conversations.create();
    for (const asking of [
      () => client.responses.retrieve(id),
      () => client.responses.delete(id),
      () => client.conversations.create(),
    ])
      await assert.rejects(async () => await asking(), { status: 429, code: 'rate_limit_exceeded' });
    assert.equal((await clientOf(stack.url, keyOf('small')).conversations.create()).object, 'conversation');
    clock.advance(60_000);
    assert.equal((await client.responses.retrieve(id)).id, id, 'one after the other: each gives its place back');
  });

  test('counts as one under way until it is answered', async (context) => {
    const stack = await startStack(context, {
      config: (twin) =>
        configFor(twin, {
          models: '  gpt-5.4-mini: { tiers: [[weu, swc]] }',
          products: limited.replace('requestsPerMinute: 3, ', ''),
        }),
    });
    const client = clientOf(stack.url, keys.finance);
    const { id } = await client.responses.create({ model, input: 'Hello' });
    stack.twin.addFault({ kind: 'slow-first-byte', match: { operation: 'responses.retrieve' } });
    const slow = client.responses.retrieve(id);
    await until(() => stack.twin.held() === 1);
    await assert.rejects(client.responses.retrieve(id), { status: 429 });
    stack.twin.release();
    assert.equal((await slow).id, id);
    assert.equal((await client.responses.retrieve(id)).id, id);
  });
});
