import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import OpenAI, { BadRequestError } from 'openai';
import type { RunningTwin } from '../../../twin/src/server.ts';
import {
  call,
  configFor,
  eventsOf,
  keys,
  startStack,
  type Answer,
  type RunningStack,
} from '../support/running-gateway.ts';
import { assertNotLogged } from '../support/logged.ts';

const model = 'gpt-5.4-mini';
/** Two resources in turns: what is not brought back to where it was made is refused every other time. */
const models = `  gpt-5.4-mini: { tiers: [[weu, swc]], balancer: weighted-round-robin }
  gpt-5-mini: { tiers: [[reasoning]] }
  one-endpoint: { tiers: [[weu]] }
  classic: { tiers: [[old]] }
  text-embedding-3-small: { tiers: [[embeddings]] }`;

function start(context: TestContext, more = ''): Promise<RunningStack> {
  return startStack(context, { config: (twin) => `${configFor(twin, { models })}${more}` });
}

const clientOf = ({ url }: Pick<RunningStack, 'url'>, apiKey: string = keys.marketing): OpenAI =>
  new OpenAI({ baseURL: `${url}/openai/v1`, apiKey, maxRetries: 0 });

const homes = (twin: RunningTwin): readonly string[] => twin.usage().attempts.map(({ resource }) => resource);

type Items = OpenAI.Responses.ResponseInputItem[];

const terms = {
  model,
  store: false,
  include: ['reasoning.encrypted_content'],
  reasoning: { effort: 'low' },
} satisfies OpenAI.Responses.ResponseCreateParams;

const isReasoning = (item: object): item is OpenAI.Responses.ResponseReasoningItem =>
  'type' in item && item.type === 'reasoning';

const contentOf = (items: readonly object[]): string =>
  items.find(isReasoning)?.encrypted_content ?? assert.fail('nothing was thought');

/** As a client puts it into its next request. */
const kept = (output: readonly object[]): Items => JSON.parse(JSON.stringify(output));

/** A turn, and what it added. */
async function turn(client: OpenAI, input: Items, stream = false): Promise<Items> {
  if (!stream) return [...input, ...kept((await client.responses.create({ ...terms, input })).output)];
  const done: OpenAI.Responses.ResponseOutputItem[] = [];
  let whole: OpenAI.Responses.Response | undefined;
  for await (const event of await client.responses.create({ ...terms, input, stream: true })) {
    if (event.type === 'response.output_item.done') done.push(event.item);
    if (event.type === 'response.completed') whole = event.response;
  }
  assert.deepEqual(done, whole?.output, 'the same in the events and in the end');
  return [...input, ...kept(done)];
}

const said = (content: string): Items[number] => ({ role: 'user', content });

/** The same question until both resources have answered: an output of each. */
async function ofEach(stack: RunningStack): Promise<Record<'contoso-weu' | 'contoso-swc', Items>> {
  const made = new Map<string, Items>();
  for (let at = 0; at < 2; at += 1) {
    const output = await turn(clientOf(stack), [said('Hello')]);
    made.set(homes(stack.twin).at(-1) ?? '', output.slice(1));
  }
  const of = (name: string): Items => made.get(name) ?? assert.fail(`${name} was not asked`);
  return { 'contoso-weu': of('contoso-weu'), 'contoso-swc': of('contoso-swc') };
}

const respond = ({ url }: RunningStack, body: object, key: string = keys.marketing): Promise<Answer> =>
  call(`${url}/openai/v1/responses`, { headers: { 'api-key': key }, body });

const refusal = (pattern: RegExp) => (error: unknown) =>
  error instanceof BadRequestError && error.code === 'invalid_encrypted_content' && pattern.test(error.message);

describe('encrypted reasoning that clients keep themselves', () => {
  for (const stream of [false, true]) {
    test(`goes back to the resource that can read it, ${stream ? 'streamed' : 'whole'}`, async (context) => {
      const stack = await start(context);
      const client = clientOf(stack);
      for (let talk = 0; talk < 3; talk += 1) {
        const began = homes(stack.twin).length;
        let items: Items = [];
        for (let at = 0; at < 4; at += 1) items = await turn(client, [...items, said(`Turn ${at}`)], stream);
        assert.equal(items.filter(isReasoning).length, 4);
        assert.ok(items.filter(isReasoning).every((item) => item.encrypted_content?.startsWith('tg1_')));
        assert.equal(new Set(homes(stack.twin).slice(began)).size, 1, homes(stack.twin).join(' '));
      }
      const { total } = await stack.usage();
      const truth = stack.twin.usage().total;
      assert.deepEqual(
        [total.inputTokens, total.outputTokens, total.reasoningTokens],
        [truth.inputTokens, truth.outputTokens, truth.reasoningTokens],
      );
      assert.deepEqual((await stack.verify()).problems, []);
    });
  }

  test('is refused by the other resource, which proves that the twin is as strict as the service', async (context) => {
    const stack = await start(context);
    const { 'contoso-weu': made } = await ofEach(stack);
    const [reasoning] = made.filter(isReasoning);
    assert.ok(reasoning !== undefined);
    const raw = { ...reasoning, encrypted_content: contentOf(made).replace(/^tg1_[^.]+\./, '') };
    for (const [resource, item, status] of [
      ['contoso-weu', raw, 200],
      ['contoso-swc', raw, 400],
      ['contoso-weu', { ...raw, id: 'rs_another' }, 400],
    ] as const) {
      const answer = await call(`${stack.twin.url}/${resource}/openai/v1/responses`, {
        headers: { 'api-key': stack.twin.key },
        body: { ...terms, input: [said('Hello'), item, said('And?')] },
      });
      assert.equal(answer.status, status, answer.body);
      if (status === 400) assert.equal(JSON.parse(answer.body).error.code, 'invalid_encrypted_content');
    }
  });

  test('of another caller, changed, moved, or of two resources is refused, and nobody upstream is asked', async (context) => {
    const stack = await start(context);
    const { 'contoso-weu': weu, 'contoso-swc': swc } = await ofEach(stack);
    const client = clientOf(stack);
    const stored = await client.responses.create({ model: 'one-endpoint', input: 'Hello' });
    const [reasoning] = weu.filter(isReasoning);
    const other = contentOf(swc);
    assert.ok(reasoning !== undefined);
    const before = homes(stack.twin).length;
    const more = said('And?');
    await assert.rejects(turn(clientOf(stack, keys.finance), [said('Hello'), ...weu, more]), refusal(/input\[1\]/));
    const changed = `${contentOf(weu).slice(0, 20)}${contentOf(weu)[20] === 'A' ? 'B' : 'A'}${contentOf(weu).slice(21)}`;
    const moved = contentOf(weu).slice(0, 36) + other.slice(36);
    for (const content of [changed, moved, 'tg1_', `tg1_${'A'.repeat(31)}.gAAAAAB`])
      await assert.rejects(
        turn(client, [{ ...reasoning, encrypted_content: content }, more]),
        refusal(/input\[0\] could not be verified/),
      );
    await assert.rejects(turn(client, [...weu, more, ...swc, more]), refusal(/input\[0\] and input\[3\]/));
    await assert.rejects(
      client.responses.create({ ...terms, input: [...swc, more], previous_response_id: stored.id }),
      refusal(/previous_response_id/),
    );
    const elsewhere = await respond(stack, { ...terms, model: 'one-endpoint', input: [...swc, more] });
    assert.equal(JSON.parse(elsewhere.body).error.code, 'affinity_not_supported');
    assert.equal(homes(stack.twin).length, before);
    await client.responses.create({ ...terms, input: [...weu, more], previous_response_id: stored.id });
    assertNotLogged(stack, 'gAAAAAB', 'what was thought is in no log');
  });

  test('binds a call as an id does: its resource throttled, the client waits; drained, it is still served', async (context) => {
    const stack = await start(context);
    const { 'contoso-weu': made } = await ofEach(stack);
    const input = [...made, said('And?')];
    await stack.admin(`/admin/v1/deployments/weu/override`, { method: 'POST', body: { override: 'drain' } });
    for (let at = 0; at < 3; at += 1) await turn(clientOf(stack), input);
    assert.deepEqual(homes(stack.twin).slice(-3), ['contoso-weu', 'contoso-weu', 'contoso-weu']);
    stack.twin.addFault({ kind: 'status', status: 429, retryAfter: 30, match: { resource: 'contoso-weu' } });
    const answer = await respond(stack, { ...terms, input });
    assert.equal(answer.status, 429);
    assert.ok(Number(answer.headers['retry-after']) >= 29);
  });

  test('is refused in few words however much there is of it and however deep it lies', async (context) => {
    const stack = await start(context, 'routing: { affinity: { unsigned: refuse } }\n');
    const many = Array.from({ length: 5_000 }, () => ({ type: 'reasoning', encrypted_content: 'tg1_' }));
    const deep = 50_000;
    const nested = `${'['.repeat(deep)}{"encrypted_content":"x"}${']'.repeat(deep)}`;
    for (const input of [`[${nested}]`, JSON.stringify(many)]) {
      const answer = await call(`${stack.url}/openai/v1/responses`, {
        headers: { 'api-key': keys.marketing, 'content-type': 'application/json' },
        body: `{"model":"${model}","input":${input}}`,
      });
      assert.equal(answer.status, 400, answer.body);
      assert.match(answer.body, /invalid_encrypted_content/);
      assert.ok(answer.body.length < 1_000);
    }
    const harmless = await call(`${stack.url}/openai/v1/chat/completions`, {
      headers: { 'api-key': keys.marketing, 'content-type': 'application/json' },
      body: `{"model":"${model}","messages":[{"role":"user","content":${'['.repeat(deep)}${']'.repeat(deep)}}]}`,
    });
    assert.equal(harmless.status, 200, 'what nests as deep and is nothing of the kind');
    const lax = await start(context);
    const answer = await respond(lax, { model, input: many });
    assert.equal(answer.status, 400);
    assert.match(answer.body, /input\[0\], input\[1\].*input\[19\], and others could not be verified/);
    assert.ok(answer.body.length < 1_000);
  });

  test('without a tag goes wherever the call goes, unless it is to be refused', async (context) => {
    for (const [setting, status] of [
      ['', 200],
      ['routing: { affinity: { unsigned: refuse } }\n', 400],
    ] as const) {
      const stack = await start(context, setting);
      const output = await turn(clientOf(stack), [said('Hello')]);
      const content = contentOf(output).replace(/^tg1_[^.]+\./, '');
      const text = JSON.stringify({ ...terms, input: [output[1], said('And?')] });
      assert.ok(text.includes(contentOf(output)));
      const spellings = [content, content.replace('g', '\\u0067')].map((one) => text.replace(contentOf(output), one));
      spellings.push(
        text.replace(contentOf(output), content).replace('encrypted_content":', 'encrypted\\u005fcontent":'),
      );
      // Behind one that is signed another one is hidden, which is what the resource reads.
      const hidden = `"encrypted_content":"${contentOf(output)}"`;
      if (status === 400)
        for (const name of ['encrypted_content', 'encrypted\\u005fcontent'])
          spellings.push(text.replace(hidden, `${hidden},"${name}":"${content}"`));
      for (const body of spellings) {
        const answers: number[] = [];
        for (let at = 0; at < 2; at += 1) {
          const answer = await call(`${stack.url}/openai/v1/responses`, {
            headers: { 'api-key': keys.marketing },
            body,
          });
          answers.push(answer.status);
        }
        assert.deepEqual(
          answers.toSorted((one, other) => one - other),
          status === 200 ? [200, 400] : [400, 400],
        );
      }
      await turn(clientOf(stack), [...output, said('And?')]);
    }
  });

  test('is tagged in compactions, in what is stored and in conversations, too', async (context) => {
    const stack = await start(context);
    const client = clientOf(stack);
    const compacting = { ...terms, context_management: [{ type: 'compaction', compact_threshold: 1 }] };
    for (let at = 0; at < 3; at += 1) {
      const made = await respond(stack, { ...compacting, input: 'Hello' });
      const [compaction] = JSON.parse(made.body).output;
      assert.equal(compaction.type, 'compaction');
      assert.match(compaction.encrypted_content, /^tg1_/);
      await respond(stack, { ...terms, input: [compaction, said('And?')] }).then(({ status }) =>
        assert.equal(status, 200),
      );
      assert.equal(new Set(homes(stack.twin).slice(-2)).size, 1);
    }
    for (let at = 0; at < 3; at += 1) {
      const { id, output } = await client.responses.create({ ...terms, input: 'Hello', store: true });
      const got = await client.responses.retrieve(id);
      assert.equal(contentOf(got.output), contentOf(output));
      const talk = await client.conversations.create({ items: kept([said('Hello'), ...output]) });
      const { data } = await client.conversations.items.list(talk.id);
      assert.equal(contentOf(data), contentOf(output), 'put in without its tag, and given out with it');
      await client.responses.create({
        ...terms,
        input: kept([...output, said('And?')]),
        conversation: talk.id,
        store: true,
      });
      assert.equal(new Set(homes(stack.twin).slice(-2)).size, 1);
    }
    const { 'contoso-weu': weu, 'contoso-swc': swc } = await ofEach(stack);
    const talk = await client.conversations.create({ items: weu });
    await client.conversations.items.create(talk.id, { items: weu });
    await assert.rejects(client.conversations.items.create(talk.id, { items: swc }), refusal(/the conversation/));
    await assert.rejects(clientOf(stack, keys.finance).conversations.create({ items: weu }), refusal(/items\[0\]/));
  });

  test('keeps the events of a stream whole, wherever their bytes are cut, and leaves metadata of that name alone', async (context) => {
    const stack = await start(context);
    for (const [sizes, metadata] of [
      [[1, 7, 3], {}],
      [[4096], { encrypted_content: 'not what it seems' }],
    ] as const) {
      stack.twin.addFault({ kind: 'split', sizes: [...sizes] });
      const answer = await respond(stack, { ...terms, input: 'twin:tokens=40', stream: true, metadata });
      const events = eventsOf(answer.body).map((event) => JSON.parse(event));
      const last = events.at(-1);
      assert.equal(last.type, 'response.completed');
      assert.deepEqual(last.response.metadata, metadata);
      const items = events.filter(({ item }) => item?.type === 'reasoning').map(({ item }) => item.encrypted_content);
      assert.equal(items.length, 2);
      assert.equal(items.at(-1), contentOf(last.response.output));
      assert.equal(
        items.every((content) => content.startsWith('tg1_')),
        sizes.length > 1,
      );
    }
  });
});
