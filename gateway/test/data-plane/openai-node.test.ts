// The npm package `openai`, unchanged but for base URL and key, through the gateway to the twin.
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import {
  APIUserAbortError,
  AuthenticationError,
  AzureOpenAI,
  BadRequestError,
  NotFoundError,
  OpenAI,
  PermissionDeniedError,
  RateLimitError,
} from 'openai';
import { keyOf, keys, startStack, type RunningStack } from '../support/running-gateway.ts';
import { until } from '../support/until.ts';
import { ManualClock } from '../support/manual-clock.ts';

const model = 'gpt-5.4-mini';
const messages = [{ role: 'user' as const, content: 'Name three cities in Denmark.' }];

interface Client {
  readonly name: string;
  readonly make: (stack: RunningStack, apiKey?: string) => OpenAI;
}

const clients: readonly Client[] = [
  {
    name: 'AzureOpenAI, classic surface',
    make: (stack, apiKey = keys.marketing) =>
      new AzureOpenAI({ endpoint: stack.url, apiKey, apiVersion: '2024-10-21', maxRetries: 0 }),
  },
  {
    name: 'OpenAI, /openai/v1',
    make: (stack, apiKey = keys.marketing) => new OpenAI({ baseURL: `${stack.url}/openai/v1`, apiKey, maxRetries: 0 }),
  },
  {
    name: 'OpenAI, /v1',
    make: (stack, apiKey = keys.marketing) => new OpenAI({ baseURL: `${stack.url}/v1`, apiKey, maxRetries: 0 }),
  },
];

/** The ledger's totals are the twin's, to the token, and no attempt is missing or double. */
async function agreesWithTwin(stack: RunningStack): Promise<void> {
  const report = await stack.usage();
  const { total } = stack.twin.usage();
  assert.deepEqual(report.lag, { records: 0, openAttempts: 0 });
  for (const name of ['inputTokens', 'cachedInputTokens', 'outputTokens', 'reasoningTokens'] as const) {
    assert.equal(report.total[name], total[name], name);
  }
  const verified = await stack.verify();
  assert.deepEqual(verified.problems, []);
}

async function stackFor(context: TestContext): Promise<RunningStack> {
  return startStack(context);
}

for (const { name, make } of clients) {
  describe(name, () => {
    test('chat', async (context) => {
      const stack = await stackFor(context);
      const reply = await make(stack).chat.completions.create({ model, messages });
      assert.ok((reply.choices[0]?.message.content ?? '').length > 0);
      assert.equal(reply.usage?.prompt_tokens, stack.twin.usage().total.inputTokens);
      await agreesWithTwin(stack);
    });

    test('streamed chat that did not ask for usage gets none, and is metered all the same', async (context) => {
      const stack = await stackFor(context);
      const stream = await make(stack).chat.completions.create({ model, messages, stream: true });
      let text = '';
      let chunks = 0;
      for await (const chunk of stream) {
        chunks += 1;
        assert.ok(chunk.usage === undefined || chunk.usage === null);
        text += chunk.choices[0]?.delta?.content ?? '';
      }
      assert.ok(chunks > 3);
      assert.ok(text.length > 0);
      assert.ok(stack.twin.usage().total.outputTokens > 0);
      await agreesWithTwin(stack);
    });

    test('streamed chat that asks for usage gets it', async (context) => {
      const stack = await stackFor(context);
      const stream = await make(stack).chat.completions.create({
        model,
        messages,
        stream: true,
        stream_options: { include_usage: true },
      });
      let tokens: number | undefined;
      for await (const chunk of stream) tokens = chunk.usage?.completion_tokens ?? tokens;
      assert.equal(tokens, stack.twin.usage().total.outputTokens);
      await agreesWithTwin(stack);
    });

    test('tools, streamed and not', async (context) => {
      const stack = await stackFor(context);
      const client = make(stack);
      const tools = [
        {
          type: 'function' as const,
          function: {
            name: 'get_weather',
            parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
          },
        },
      ];
      const whole = await client.chat.completions.create({ model, messages, tools, tool_choice: 'required' });
      const called = whole.choices[0]?.message.tool_calls?.[0];
      assert.ok(called?.type === 'function');
      assert.equal(called.function.name, 'get_weather');
      assert.equal(typeof JSON.parse(called.function.arguments).city, 'string');
      let args = '';
      for await (const chunk of await client.chat.completions.create({
        model,
        messages,
        tools,
        tool_choice: 'required',
        stream: true,
      })) {
        args += chunk.choices[0]?.delta?.tool_calls?.[0]?.function?.arguments ?? '';
      }
      assert.equal(typeof JSON.parse(args).city, 'string');
      await agreesWithTwin(stack);
    });

    test('embeddings', async (context) => {
      const stack = await stackFor(context);
      const reply = await make(stack).embeddings.create({ model: 'text-embedding-3-small', input: ['one', 'two'] });
      assert.equal(reply.data.length, 2);
      assert.ok((reply.data[0]?.embedding.length ?? 0) > 100);
      await agreesWithTwin(stack);
    });

    test('models.list shows what the caller may use', async (context) => {
      const stack = await stackFor(context);
      const listed: string[] = [];
      for await (const one of make(stack).models.list()) listed.push(one.id);
      assert.deepEqual(listed.toSorted(), [
        'classic',
        'gpt-5-mini',
        'gpt-5.4-mini',
        'one-endpoint',
        'text-embedding-3-small',
      ]);
      const few: string[] = [];
      for await (const one of make(stack, keyOf('small')).models.list()) few.push(one.id);
      assert.deepEqual(few, ['text-embedding-3-small']);
    });

    test('a stream broken off in the middle is recorded as delivered-only, with no more than was generated', async (context) => {
      const stack = await stackFor(context);
      const stream = await make(stack).chat.completions.create({
        model,
        messages: [{ role: 'user', content: 'Tell a long story.' }],
        stream: true,
      });
      let seen = 0;
      for await (const chunk of stream) {
        if (chunk.choices[0]?.delta?.content) seen += 1;
        if (seen === 3) break;
      }
      const report = await untilSettled(stack, 1);
      assert.equal(report.total.deliveredOnlyRequests, 1);
      const { outputTokens } = report.total;
      assert.ok(outputTokens !== null && outputTokens >= 1);
      assert.ok(outputTokens <= stack.twin.usage().total.outputTokens);
      assert.deepEqual((await stack.verify()).problems, []);
    });

    test('errors are the typed errors of the client, with the request id', async (context) => {
      // Throttled is what is so for 700 ms, however long the test takes.
      const stack = await startStack(context, { overrides: { clock: new ManualClock() } });
      await assert.rejects(
        make(stack, 'wrong').chat.completions.create({ model, messages }),
        (error) =>
          error instanceof AuthenticationError &&
          error.code === 'invalid_api_key' &&
          /^[0-9A-Z]{26}$/.test(error.requestID ?? ''),
      );
      await assert.rejects(
        make(stack).chat.completions.create({ model: 'nobody-knows', messages }),
        (error) => error instanceof NotFoundError,
      );
      await assert.rejects(
        make(stack, keyOf('small')).chat.completions.create({ model, messages }),
        (error) => error instanceof PermissionDeniedError && error.code === 'model_not_allowed',
      );
      await assert.rejects(
        make(stack).chat.completions.create({ model, messages: [] }),
        (error) => error instanceof BadRequestError && error.param === 'messages',
      );
      stack.twin.addFault({ kind: 'status', status: 429, retryAfterMs: 700, times: null });
      await assert.rejects(
        make(stack).chat.completions.create({ model, messages }),
        (error) =>
          error instanceof RateLimitError &&
          error.code === 'upstream_throttled' &&
          error.headers?.get('retry-after') === '1',
      );
      await agreesWithTwin(stack);
    });
  });
}

async function untilSettled(stack: RunningStack, attempts: number) {
  let report = await stack.usage();
  await until(async () => {
    report = await stack.usage();
    return report.total.attempts >= attempts && report.lag.openAttempts === 0;
  }, `${attempts} attempts that are settled`);
  return report;
}

/** The classic surface has Responses from a later api-version on than chat. */
const responsesClients: readonly Client[] = [
  {
    name: 'AzureOpenAI, classic surface',
    make: (stack, apiKey = keys.finance) =>
      new AzureOpenAI({ endpoint: stack.url, apiKey, apiVersion: '2025-04-01-preview', maxRetries: 0 }),
  },
  ...clients.filter((one) => one.name === 'OpenAI, /openai/v1'),
];

for (const { name, make } of responsesClients) {
  describe(`Responses with ${name}`, () => {
    test('a response, streamed and not', async (context) => {
      const stack = await stackFor(context);
      const client = make(stack, keys.finance);
      const whole = await client.responses.create({ model, input: 'Say hello.' });
      assert.ok(whole.output_text.length > 0);
      let text = '';
      let completed: number | undefined;
      for await (const event of await client.responses.create({ model, input: 'Say more.', stream: true })) {
        if (event.type === 'response.output_text.delta') text += event.delta;
        if (event.type === 'response.completed') completed = event.response.usage?.output_tokens;
      }
      assert.ok(text.length > 0);
      assert.ok((completed ?? 0) > 0);
      await agreesWithTwin(stack);
    });

    test('background is refused, and a conversation that nobody began', async (context) => {
      const stack = await stackFor(context);
      const client = make(stack, keys.finance);
      await assert.rejects(
        client.responses.create({ model, input: 'x', background: true }),
        (error) => error instanceof BadRequestError && error.param === 'background',
      );
      await assert.rejects(client.responses.create({ model, input: 'x', conversation: 'conv_1' }), {
        status: 404,
        code: 'conversation_not_found',
        param: 'conversation',
      });
      const first = await client.responses.create({ model: 'gpt-5-mini', input: 'Say hello.' });
      const next = await client.responses.create({
        model: 'gpt-5-mini',
        input: 'And again.',
        previous_response_id: first.id,
      });
      assert.equal(next.previous_response_id, first.id);
      await agreesWithTwin(stack);
    });
  });
}

test('the retries of the client do not multiply those of the gateway', async (context) => {
  const stack = await stackFor(context);
  stack.twin.addFault({ kind: 'status', status: 500, times: null });
  const client = new OpenAI({ baseURL: `${stack.url}/openai/v1`, apiKey: keys.marketing, maxRetries: 5 });
  await assert.rejects(client.chat.completions.create({ model, messages }));
  assert.equal(stack.twin.usage().attempts.length, 2, 'one attempt at each endpoint, and no more');
});

test('an aborted call ends as the client wants, and is settled', async (context) => {
  const stack = await stackFor(context);
  stack.twin.addFault({ kind: 'slow-first-byte' });
  const client = new OpenAI({ baseURL: `${stack.url}/openai/v1`, apiKey: keys.marketing, maxRetries: 0 });
  const abort = new AbortController();
  const call = client.chat.completions.create({ model, messages }, { signal: abort.signal });
  await until(() => stack.twin.held() > 0);
  abort.abort();
  await assert.rejects(call, (error) => error instanceof APIUserAbortError);
  const report = await untilSettled(stack, 1);
  assert.equal(report.total.deliveredOnlyRequests, 1);
  assert.equal(report.total.outputTokens, 0);
});

test('a client that leaves a model that is drained is recorded exactly', async (context) => {
  const stack = await stackFor(context);
  const client = new OpenAI({ baseURL: `${stack.url}/openai/v1`, apiKey: keys.marketing, maxRetries: 0 });
  const stream = await client.chat.completions.create({ model: 'gpt-5-mini', messages, stream: true });
  for await (const chunk of stream) {
    if (chunk.choices[0]?.delta?.content) break;
  }
  const report = await untilSettled(stack, 1);
  assert.equal(report.total.deliveredOnlyRequests, 0);
  await agreesWithTwin(stack);
});
