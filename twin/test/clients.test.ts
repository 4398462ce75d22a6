// The real client libraries against the twin over sockets: what they take for Azure OpenAI.
import assert from 'node:assert/strict';
import { suite, test, type TestContext } from 'node:test';
import OpenAI, {
  APIError,
  AuthenticationError,
  AzureOpenAI,
  BadRequestError,
  NotFoundError,
  RateLimitError,
} from 'openai';
import type { RunningTwin } from '#server.ts';
import type { TwinOptions } from '../src/options.ts';
import { twinFor } from './support/call.ts';

interface Clients {
  readonly twin: RunningTwin;
  readonly azure: AzureOpenAI;
  readonly openai: OpenAI;
}

async function clientsFor(context: TestContext, options: TwinOptions = {}): Promise<Clients> {
  const twin = await twinFor(context, options);
  const common = { apiKey: twin.key, maxRetries: 0 };
  return {
    twin,
    azure: new AzureOpenAI({ ...common, endpoint: `${twin.url}/contoso-weu`, apiVersion: '2025-04-01-preview' }),
    openai: new OpenAI({ ...common, baseURL: `${twin.url}/contoso-swc/openai/v1` }),
  };
}

const model = 'gpt-5.4-mini';
const user = (content: string): { role: 'user'; content: string }[] => [{ role: 'user', content }];
const weather: OpenAI.ChatCompletionFunctionTool = {
  type: 'function',
  function: {
    name: 'get_weather',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string' }, unit: { enum: ['celsius', 'fahrenheit'] } },
      required: ['city', 'unit'],
      additionalProperties: false,
    },
  },
};

void suite('client libraries', () => {
  for (const name of ['azure', 'openai'] as const) {
    test(`${name}: chat`, async (context) => {
      const clients = await clientsFor(context);
      const reply = await clients[name].chat.completions.create({ model, messages: user('Hello') });
      assert.ok((reply.choices[0]?.message.content ?? '').length > 10);
      assert.equal(reply.choices[0]?.finish_reason, 'stop');
      const { total } = clients.twin.usage();
      assert.equal(reply.usage?.prompt_tokens, total.inputTokens);
      assert.equal(reply.usage?.completion_tokens, total.outputTokens);
      assert.equal(reply.usage?.completion_tokens_details?.reasoning_tokens, total.reasoningTokens);
      assert.ok(total.reasoningTokens > 0);
    });

    test(`${name}: streamed chat is the unstreamed one in pieces`, async (context) => {
      const clients = await clientsFor(context);
      const whole = await clients[name].chat.completions.create({ model, messages: user('Tell me') });
      const stream = await clients[name].chat.completions.create({
        model,
        messages: user('Tell me'),
        stream: true,
        stream_options: { include_usage: true },
      });
      let text = '';
      let usage: OpenAI.CompletionUsage | null | undefined;
      for await (const chunk of stream) {
        text += chunk.choices[0]?.delta?.content ?? '';
        usage = chunk.usage ?? usage;
      }
      assert.equal(text, whole.choices[0]?.message.content);
      assert.deepEqual(usage, whole.usage);
    });

    test(`${name}: a forced tool call has arguments that fit, streamed and not`, async (context) => {
      const clients = await clientsFor(context);
      const ask = { model, messages: user('Weather?'), tools: [weather], tool_choice: 'required' as const };
      const whole = await clients[name].chat.completions.create(ask);
      assert.equal(whole.choices[0]?.finish_reason, 'tool_calls');
      const [called] = whole.choices[0].message.tool_calls ?? [];
      assert.ok(called?.type === 'function');
      const given: { city: unknown; unit: unknown } = JSON.parse(called.function.arguments);
      assert.equal(typeof given.city, 'string');
      assert.ok(given.unit === 'celsius' || given.unit === 'fahrenheit');
      const streamed = await clients[name].chat.completions.stream(ask).finalChatCompletion();
      const [again] = streamed.choices[0]?.message.tool_calls ?? [];
      assert.ok(again?.type === 'function');
      assert.equal(again.function.arguments, called.function.arguments);
    });

    test(`${name}: embeddings, decoded from base64, and as numbers, and shortened`, async (context) => {
      const clients = await clientsFor(context);
      const ask = { model: 'text-embedding-3-small', input: ['a red fox', 'a red fox in the snow', 'tax returns'] };
      const decoded = await clients[name].embeddings.create(ask);
      const numbers = await clients[name].embeddings.create({ ...ask, encoding_format: 'float' });
      const [fox, snow, tax] = decoded.data.map((one) => Array.from(one.embedding));
      assert.ok(fox !== undefined && snow !== undefined && tax !== undefined);
      assert.equal(fox.length, 1536);
      numbers.data[0]?.embedding.forEach((value, at) => assert.equal(Math.fround(value), Math.fround(fox[at] ?? 0)));
      assert.ok(similarity(fox, snow) > 0.5 && similarity(fox, tax) < 0.2, 'texts with words in common are near');
      const short = await clients[name].embeddings.create({ ...ask, dimensions: 256 });
      assert.equal(short.data[0]?.embedding.length, 256);
      assert.equal(decoded.usage.prompt_tokens * 3, clients.twin.usage().total.inputTokens);
    });

    test(`${name}: Responses, streamed and not`, async (context) => {
      const clients = await clientsFor(context);
      const whole = await clients[name].responses.create({ model, input: 'Say something.' });
      assert.equal(whole.status, 'completed');
      assert.ok(whole.output_text.length > 10);
      const types: string[] = [];
      let text = '';
      const stream = await clients[name].responses.create({ model, input: 'Say something.', stream: true });
      for await (const event of stream) {
        types.push(event.type);
        if (event.type === 'response.output_text.delta') text += event.delta;
        if (event.type === 'response.completed') assert.deepEqual(event.response.usage, whole.usage);
      }
      assert.equal(text, whole.output_text);
      assert.deepEqual(
        [...new Set(types)],
        [
          'response.created',
          'response.in_progress',
          'response.output_item.added',
          'response.output_item.done',
          'response.content_part.added',
          'response.output_text.delta',
          'response.output_text.done',
          'response.content_part.done',
          'response.completed',
        ],
      );
    });

    test(`${name}: a function call through Responses, and its result`, async (context) => {
      const clients = await clientsFor(context);
      const tools = [
        { ...weather.function, parameters: weather.function.parameters ?? {}, type: 'function' as const, strict: true },
      ];
      const first = await clients[name].responses.create({ model, input: 'Weather? twin:tool', tools });
      const called = first.output.find((item) => item.type === 'function_call');
      assert.ok(called !== undefined);
      const second = await clients[name].responses.create({
        model,
        previous_response_id: first.id,
        tools,
        input: [{ type: 'function_call_output', call_id: called.call_id, output: 'sunny' }],
      });
      assert.ok(second.output_text.length > 0, 'after the result it answers');
      assert.ok(
        (second.usage?.input_tokens ?? 0) > (first.usage?.input_tokens ?? 0),
        'the first response is brought along',
      );
    });

    test(`${name}: models`, async (context) => {
      const clients = await clientsFor(context);
      const ids: string[] = [];
      for await (const one of clients[name].models.list()) ids.push(one.id);
      assert.ok(ids.includes(name === 'azure' ? 'gpt-5.4-mini-2026-03-17' : 'gpt-5.4-mini'), ids.join());
      const first = await clients[name].models.retrieve(ids[0] ?? '');
      assert.equal(first.object, 'model');
    });

    test(`${name}: errors are the typed ones`, async (context) => {
      const clients = await clientsFor(context);
      const client = clients[name];
      const chat = (more: object): Promise<unknown> =>
        client.chat.completions.create({ model, messages: user('Hello'), ...more });
      const stranger = client.withOptions({ apiKey: 'wrong' });
      await assert.rejects(stranger.models.list().asResponse(), AuthenticationError);
      await assert.rejects(stranger.responses.create({ model, input: 'Hello' }), AuthenticationError);
      await assert.rejects(chat({ model: 'unknown' }), (error) => {
        assert.ok(error instanceof NotFoundError);
        assert.equal(error.code, 'DeploymentNotFound');
        return true;
      });
      await assert.rejects(chat({ messages: [] }), BadRequestError);
      await assert.rejects(chat({ messages: user('twin:filter-prompt') }), (error) => {
        assert.ok(error instanceof BadRequestError);
        assert.equal(error.code, 'content_filter');
        return true;
      });
      clients.twin.addFault({ kind: 'status', status: 429, retryAfterMs: 1500 });
      await assert.rejects(chat({}), (error) => {
        assert.ok(error instanceof RateLimitError);
        assert.equal(error.headers.get('retry-after-ms'), '1500');
        return true;
      });
      const statuses = clients.twin.usage().attempts.map((one) => one.status);
      assert.deepEqual(statuses, [401, 404, 400, 400, 429]);
      assert.equal(clients.twin.usage().total.inputTokens, 0);
    });

    test(`${name}: completions, several prompts and choices, streamed and not`, async (context) => {
      const clients = await clientsFor(context);
      const ask = { model, prompt: ['Once upon', 'In the end'], n: 2, max_tokens: 5 };
      const whole = await clients[name].completions.create(ask);
      assert.deepEqual(
        whole.choices.map((choice) => choice.index),
        [0, 1, 2, 3],
      );
      assert.equal(whole.usage?.completion_tokens, 4 * 5);
      const texts = ['', '', '', ''];
      const stream = await clients[name].completions.create({
        ...ask,
        stream: true,
        stream_options: { include_usage: true },
      });
      let usage: OpenAI.CompletionUsage | null | undefined;
      for await (const chunk of stream) {
        for (const choice of chunk.choices) texts[choice.index] += choice.text;
        usage = chunk.usage ?? usage;
      }
      assert.deepEqual(
        texts,
        whole.choices.map((choice) => choice.text),
      );
      assert.deepEqual(usage, whole.usage);
    });
  }

  test('structured output fits its schema', async (context) => {
    const { openai } = await clientsFor(context);
    const schema = {
      type: 'object',
      properties: { title: { type: 'string' }, year: { type: 'integer', minimum: 1900, maximum: 2100 } },
      required: ['title', 'year'],
      additionalProperties: false,
    };
    const chat = await openai.chat.completions.create({
      model,
      messages: user('A book, as JSON'),
      response_format: { type: 'json_schema', json_schema: { name: 'book', schema, strict: true } },
    });
    const response = await openai.responses.create({
      model,
      input: 'A book, as JSON',
      text: { format: { type: 'json_schema', name: 'book', schema, strict: true } },
    });
    for (const text of [chat.choices[0]?.message.content ?? '', response.output_text]) {
      const book: { title: unknown; year: number } = JSON.parse(text);
      assert.equal(typeof book.title, 'string');
      assert.ok(book.year >= 1900 && book.year <= 2100);
    }
  });

  test('a stream that is broken off is in the record with what was generated until then', async (context) => {
    const { openai, twin } = await clientsFor(context);
    const ask = { model, messages: user('twin:tokens=5000'), reasoning_effort: 'none' as const };
    const stream = await openai.chat.completions.create({ ...ask, stream: true });
    let seen = 0;
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta?.content) seen += 1;
      if (seen === 10) break;
    }
    while (twin.usage().running > 0) await new Promise((resolve) => setImmediate(resolve));
    const [attempt] = twin.usage().attempts;
    assert.equal(attempt?.complete, false);
    assert.equal(attempt.status, 200);
    assert.ok(attempt.outputTokens >= 10 && attempt.outputTokens < 5000, String(attempt.outputTokens));
    assert.ok(attempt.inputTokens > 0);
  });

  test('the usage of many calls at once adds up to the record', async (context) => {
    const { openai, azure, twin } = await clientsFor(context, { seed: 4711 });
    const counted = { input: 0, output: 0 };
    await Promise.all(
      Array.from({ length: 40 }, async (_, at) => {
        const client = at % 2 === 0 ? openai : azure;
        const reply = await client.chat.completions.create({
          model,
          messages: user(`Question ${at}`),
          n: 1 + (at % 3),
        });
        counted.input += reply.usage?.prompt_tokens ?? 0;
        counted.output += reply.usage?.completion_tokens ?? 0;
      }),
    );
    const { total, attempts } = twin.usage();
    assert.equal(attempts.length, 40);
    assert.deepEqual(counted, { input: total.inputTokens, output: total.outputTokens });
  });

  test('an error inside a stream reaches the client as an error', async (context) => {
    const { openai, twin } = await clientsFor(context);
    twin.addFault({ kind: 'error-event', afterEvents: 4 });
    const stream = await openai.chat.completions.create({ model, messages: user('Hello'), stream: true });
    await assert.rejects(async () => {
      for await (const chunk of stream) assert.ok(chunk);
    }, APIError);
  });
});

function similarity(left: readonly number[], right: readonly number[]): number {
  return left.reduce((sum, value, at) => sum + value * (right[at] ?? 0), 0);
}
