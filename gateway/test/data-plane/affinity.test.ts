import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import OpenAI, { BadRequestError, NotFoundError } from 'openai';
import { startTwin, type RunningTwin } from '../../../twin/src/server.ts';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { call, configFor, eventsOf, keyOf, keys, startStack, type RunningStack } from '../support/running-gateway.ts';

const model = 'gpt-5.4-mini';
/** Two resources in turns: what is not brought back to where it lives is lost every other time. */
const models = `  gpt-5.4-mini: { tiers: [[weu, swc]], balancer: weighted-round-robin }
  gpt-5-mini: { tiers: [[reasoning]] }
  one-endpoint: { tiers: [[weu]] }
  classic: { tiers: [[old]] }
  text-embedding-3-small: { tiers: [[embeddings]] }`;
const config =
  (more = '') =>
  (twin: string) =>
    `${configFor(twin, { models })}${more}`;

const clientOf = (url: string, apiKey: string): OpenAI =>
  new OpenAI({ baseURL: `${url}/openai/v1`, apiKey, maxRetries: 0 });

const homes = (twin: RunningTwin): readonly string[] => twin.usage().attempts.map(({ resource }) => resource);

function stackFor(context: TestContext, more = ''): Promise<RunningStack> {
  return startStack(context, { config: config(more) });
}

describe('what lives in one resource', () => {
  test('is found again: a conversation stays where it began, streamed or not', async (context) => {
    const stack = await stackFor(context);
    const client = clientOf(stack.url, keys.marketing);
    for (const stream of [false, true]) {
      let previous: string | undefined;
      const began = homes(stack.twin).length;
      for (let turn = 0; turn < 4; turn += 1) {
        const ask = {
          model,
          input: `Turn ${turn}`,
          ...(previous === undefined ? {} : { previous_response_id: previous }),
        };
        let id = '';
        if (stream) {
          for await (const event of await client.responses.create({ ...ask, stream: true })) {
            if (!('response' in event)) continue;
            assert.ok(id === '' || id === event.response.id, 'one id in all events of a stream');
            id = event.response.id;
            assert.equal(event.response.previous_response_id ?? undefined, previous);
          }
        } else {
          const reply = await client.responses.create(ask);
          ({ id } = reply);
          assert.equal(reply.previous_response_id ?? undefined, previous, 'as the client knows it');
        }
        assert.match(id, /^resp_[\w-]{80,}$/);
        previous = id;
      }
      assert.equal(new Set(homes(stack.twin).slice(began)).size, 1, homes(stack.twin).join(' '));
    }
    const truth = stack.twin.usage().total;
    const { total } = await stack.usage();
    assert.deepEqual([total.inputTokens, total.outputTokens], [truth.inputTokens, truth.outputTokens]);
    assert.deepEqual((await stack.verify()).problems, []);
  });

  test('is retrieved, listed, cancelled and deleted where it lives, on both surfaces, and is not in the ledger', async (context) => {
    const stack = await stackFor(context);
    const client = clientOf(stack.url, keys.marketing);
    for (let at = 0; at < 3; at += 1) {
      const made = await client.responses.create({ model, input: 'Hello' });
      const got = await client.responses.retrieve(made.id);
      assert.deepEqual([got.id, got.output_text, got.usage], [made.id, made.output_text, made.usage]);
      const classic = await call(`${stack.url}/openai/responses/${made.id}?api-version=2025-04-01-preview`, {
        headers: { 'api-key': keys.marketing },
      });
      assert.equal(JSON.parse(classic.body).id, made.id);
      const next = await client.responses.create({ model, input: 'And?', previous_response_id: made.id });
      assert.equal((await client.responses.retrieve(next.id)).previous_response_id, made.id);
      const items = await client.responses.inputItems.list(made.id, { limit: 10, order: 'asc' });
      assert.equal(items.data.length, 1);
      await assert.rejects(client.responses.cancel(made.id), (error) => error instanceof BadRequestError);
      await client.responses.delete(made.id);
      await assert.rejects(
        client.responses.retrieve(made.id),
        (error) => error instanceof NotFoundError && error.code === 'response_not_found',
      );
    }
    assert.equal((await stack.usage()).total.attempts, 6);
  });

  test('of another caller does not exist, whatever is asked of it; nor does anything that somebody made up', async (context) => {
    const stack = await stackFor(context);
    const made = await clientOf(stack.url, keys.marketing).responses.create({ model, input: 'Hello' });
    const raw = `resp_${'0'.repeat(48)}`;
    const finance = clientOf(stack.url, keys.finance);
    const before = stack.twin.usage().attempts.length;
    for (const id of [made.id, raw, `${made.id.slice(0, -2)}AA`]) {
      for (const asking of [
        () => finance.responses.retrieve(id),
        () => finance.responses.delete(id),
        () => finance.responses.cancel(id),
        () => finance.responses.inputItems.list(id),
        () => finance.responses.create({ model, input: 'And?', previous_response_id: id }),
        () => finance.responses.create({ model, input: 'And?', previous_response_id: id, stream: true }),
      ]) {
        await assert.rejects(
          async () => await asking(),
          (error) => error instanceof NotFoundError && String(error.code).endsWith('response_not_found'),
        );
      }
    }
    assert.equal(stack.twin.usage().attempts.length, before, 'nobody upstream was asked');
    assert.equal(
      (await clientOf(stack.url, keys.marketing).responses.retrieve(made.id)).id,
      made.id,
      'it is still there',
    );
  });

  test('may belong to all subscriptions of a consumer, where the configuration says so', async (context) => {
    const second = `subscriptions:\n  marketing-app: { product: standard, consumer: marketing, costCentre: marketing, keys: { primary: '\${TEST_KEY_SMALL}' } }\n  marketing-web: { product: standard, consumer: marketing, costCentre: marketing, keys: { primary: '\${TEST_KEY_MARKETING}' } }\n`;
    for (const boundTo of ['subscription', 'consumer'] as const) {
      const stack = await startStack(context, {
        config: (twin) =>
          `${configFor(twin, { models }).replace(/subscriptions:\n(?: {2}.*\n)+/, second)}routing: { affinity: { boundTo: ${boundTo} } }\n`,
      });
      const made = await clientOf(stack.url, keys.marketing).responses.create({ model, input: 'Hello' });
      const other = clientOf(stack.url, keyOf('small')).responses.retrieve(made.id);
      if (boundTo === 'consumer') assert.equal((await other).id, made.id);
      else await assert.rejects(other, NotFoundError);
    }
  });

  test('is not tried elsewhere: its resource throttled, the client is told to wait; drained, it is still served', async (context) => {
    const stack = await stackFor(context);
    const client = clientOf(stack.url, keys.marketing);
    const made = await client.responses.create({ model, input: 'Hello' });
    const [home] = homes(stack.twin);
    const endpoint = home === 'contoso-weu' ? 'weu' : 'swc';
    await stack.admin(`/admin/v1/deployments/${endpoint}/override`, { method: 'POST', body: { override: 'drain' } });
    for (let at = 0; at < 3; at += 1)
      await client.responses.create({ model, input: 'More', previous_response_id: made.id });
    assert.ok(homes(stack.twin).every((one) => one === home));
    await client.responses.create({ model, input: 'Something new' });
    assert.notEqual(homes(stack.twin).at(-1), home, 'new calls go elsewhere');
    assert.equal((await client.responses.retrieve(made.id)).id, made.id, 'drained, too');
    await stack.admin(`/admin/v1/deployments/${endpoint}/override`, {
      method: 'POST',
      body: { override: 'force-open' },
    });
    const { length } = homes(stack.twin);
    await assert.rejects(client.responses.create({ model, input: 'More', previous_response_id: made.id }), {
      code: 'upstream_unavailable',
    });
    assert.equal((await client.responses.retrieve(made.id)).id, made.id, 'by another endpoint of the resource');
    assert.equal(homes(stack.twin).length, length, 'nothing at all is sent to what is forced open');
    await stack.admin(`/admin/v1/deployments/${endpoint}/override`, { method: 'POST', body: { override: 'drain' } });
    stack.twin.addFault({ kind: 'status', status: 429, retryAfter: 30, match: { resource: home ?? '' } });
    const answer = await call(`${stack.url}/openai/v1/responses`, {
      headers: { 'api-key': keys.marketing },
      body: { model, input: 'More', previous_response_id: made.id },
    });
    assert.equal(answer.status, 429);
    assert.ok(Number(answer.headers['retry-after']) >= 29);
    const { json } = await stack.admin(`/admin/v1/routes/requests/${String(answer.headers['x-request-id'])}`);
    assert.match(JSON.stringify(json), /"passed":"elsewhere"/);
  });

  test('is refused by a model that is not served where it lives, and in an error its id is the one that the client knows', async (context) => {
    const stack = await stackFor(context);
    const client = clientOf(stack.url, keys.marketing);
    const ids = new Map<string, string>();
    for (let at = 0; at < 2; at += 1) {
      const { id } = await client.responses.create({ model, input: 'Hello' });
      ids.set(homes(stack.twin).at(-1) ?? '', id);
    }
    await assert.rejects(
      client.responses.create({
        model: 'one-endpoint',
        input: 'More',
        previous_response_id: ids.get('contoso-swc') ?? '',
      }),
      (error) => error instanceof BadRequestError && error.code === 'affinity_not_supported',
    );
    const gone = ids.get('contoso-weu') ?? '';
    await client.responses.create({ model: 'one-endpoint', input: 'More', previous_response_id: gone });
    await client.responses.delete(gone);
    await assert.rejects(
      client.responses.create({ model, input: 'More', previous_response_id: gone }),
      (error) => error instanceof BadRequestError && error.message.includes(gone),
    );
  });

  test('passes through a failing resource as an error of the dialect', async (context) => {
    const stack = await stackFor(context);
    const client = clientOf(stack.url, keys.marketing);
    const { id } = await client.responses.create({ model, input: 'Hello' });
    for (const [status, code] of [
      [500, 'upstream_unavailable'],
      [429, 'upstream_throttled'],
      [401, 'upstream_misconfigured'],
    ] as const) {
      stack.twin.addFault({ kind: 'status', status, match: { operation: 'responses.retrieve' } });
      await assert.rejects(client.responses.retrieve(id), { code });
    }
    stack.twin.addFault({ kind: 'reset', match: { operation: 'responses.retrieve' } });
    await assert.rejects(client.responses.retrieve(id), { code: 'upstream_unavailable' });
    for (const kind of ['malformed-json', 'content-type'] as const) {
      stack.twin.addFault({ kind, match: { operation: 'responses.retrieve' } });
      if (kind === 'malformed-json')
        await assert.rejects(client.responses.retrieve(id), { code: 'upstream_invalid_reply' });
      else assert.equal((await client.responses.retrieve(id)).id, id, 'its content says that it is JSON');
    }
    await assert.rejects(client.responses.retrieve(id, { stream: true }), { code: 'unsupported_parameter' });
    assert.equal((await client.responses.retrieve(id)).id, id);
  });

  test('tells the health of an endpoint that cannot be reached, and of nothing that concerns one operation alone', async (context) => {
    const stack = await stackFor(context);
    const client = clientOf(stack.url, keys.marketing);
    const { id } = await client.responses.create({ model: 'one-endpoint', input: 'Hello' });
    const match = { operation: 'responses.retrieve' } as const;
    const state = async (): Promise<string | undefined> =>
      /tollgate_endpoint_state\{endpoint="weu",state="(\w+)"\} 1/.exec((await stack.admin('/metrics')).text)?.[1];
    for (const status of [403, 404, 429, 500, 503]) {
      stack.twin.addFault({ kind: 'status', status, retryAfter: 60, times: 6, match });
      for (let at = 0; at < 6; at += 1) await assert.rejects(client.responses.retrieve(id));
    }
    assert.equal(await state(), 'available', 'it makes responses as well as ever');
    stack.twin.addFault({ kind: 'reset', times: 5, match });
    for (let at = 0; at < 5; at += 1) await assert.rejects(client.responses.retrieve(id));
    assert.equal(await state(), 'broken');
    assert.equal(
      (await client.responses.retrieve(id)).id,
      id,
      'there is no other way to it, so it is tried all the same',
    );
  });

  test('keeps the bytes of a stream but for the ids, and cuts no event', async (context) => {
    const stack = await stackFor(context);
    stack.twin.addFault({ kind: 'split', sizes: [1, 7, 3] });
    const answer = await call(`${stack.url}/openai/v1/responses`, {
      headers: { 'api-key': keys.marketing },
      body: { model, input: 'twin:tokens=40', stream: true },
    });
    const events = eventsOf(answer.body).map((event) => JSON.parse(event));
    const named = new Set(events.flatMap((event) => (event.response === undefined ? [] : [event.response.id])));
    assert.equal(named.size, 1);
    assert.equal(events.at(-1).type, 'response.completed');
    assert.equal(events.at(-1).response.usage.output_tokens, stack.twin.usage().total.outputTokens);
  });
});

test('two gateway processes with one signing key continue, retrieve and delete responses and conversations that the other began; the old key may rotate out', async (context) => {
  const twin = await startTwin({ port: 0, key: 'twin-key-of-the-test' });
  context.after(() => twin.close());
  const environment = {
    TEST_TWIN_KEY: twin.key,
    TEST_KEY_MARKETING: keys.marketing,
    TEST_KEY_FINANCE: keys.finance,
    TEST_KEY_SMALL: keyOf('small'),
    OLD_KEY: 'the-old-signing-key-of-the-test-0123456789',
    NEW_KEY: 'the-new-signing-key-of-the-test-0123456789',
  };
  const start = (signing: string) =>
    startGatewayProcess(context, {
      environment,
      config: config(`routing: { affinity: { keys: [${signing}] } }\n`)(twin.url),
    });
  const [one, other] = await Promise.all([start("'${OLD_KEY}'"), start("'${NEW_KEY}', '${OLD_KEY}'")]);
  const [first, second] = [one, other].map(({ url }) => clientOf(url, keys.marketing));
  assert.ok(first !== undefined && second !== undefined);
  for (let at = 0; at < 4; at += 1) {
    const began: OpenAI.Responses.Response = await first.responses.create({ model, input: `Hello ${at}` });
    const went: OpenAI.Responses.Response = await second.responses.create({
      model,
      input: 'And on',
      previous_response_id: began.id,
    });
    assert.equal(went.previous_response_id, began.id);
    assert.equal((await second.responses.retrieve(began.id)).output_text, began.output_text);
    const [home, next] = homes(twin).slice(-2);
    assert.equal(next, home);
    await assert.rejects(clientOf(other.url, keys.finance).responses.retrieve(began.id), NotFoundError);
    const talk: OpenAI.Conversations.Conversation = await first.conversations.create();
    const said: OpenAI.Responses.Response = await second.responses.create({
      model,
      input: 'In a conversation',
      conversation: talk.id,
    });
    assert.equal(said.conversation?.id, talk.id);
    assert.equal((await first.conversations.items.list(talk.id)).data[0]?.type, 'message');
    await assert.rejects(clientOf(other.url, keys.finance).conversations.retrieve(talk.id), NotFoundError);
    const asking = {
      model,
      store: false,
      include: ['reasoning.encrypted_content' as const],
      reasoning: { effort: 'low' as const },
    };
    const thought: OpenAI.Responses.Response = await first.responses.create({ ...asking, input: 'Think' });
    const input: OpenAI.Responses.ResponseInputItem[] = JSON.parse(JSON.stringify(thought.output));
    await second.responses.create({ ...asking, input: [...input, { role: 'user', content: 'And on' }] });
    assert.equal(new Set(homes(twin).slice(-2)).size, 1, 'what was thought is read where it was thought');
    await assert.rejects(
      clientOf(other.url, keys.finance).responses.create({ ...asking, input }),
      (error) => error instanceof BadRequestError && error.code === 'invalid_encrypted_content',
    );
    await second.responses.delete(began.id);
    await assert.rejects(first.responses.retrieve(began.id), NotFoundError);
    await assert.rejects(
      first.responses.retrieve(went.id),
      NotFoundError,
      'signed with a key that the first has not yet',
    );
  }
});
