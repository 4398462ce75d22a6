// What stands on the wire: headers, error bodies, the order and fields of streams.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { suite, test } from 'node:test';
import { call, chatPath, chunks, events, json, say, twinFor, v1, type Asked } from './support/call.ts';

const classic = '/openai/deployments/gpt-5.4-mini/chat/completions';
const hello = { messages: [{ role: 'user', content: 'Hello' }] };

interface Refused {
  readonly asked: Asked;
  readonly status: number;
  readonly code: string | null;
  readonly param?: string;
}

const refusals: Readonly<Record<string, Refused>> = {
  'a wrong key': { asked: { path: chatPath, body: say('x'), headers: { 'api-key': 'no' } }, status: 401, code: '401' },
  'a wrong bearer token': {
    asked: { path: chatPath, body: say('x'), headers: { 'api-key': '', authorization: 'Bearer no' } },
    status: 401,
    code: '401',
  },
  'an unknown deployment': {
    asked: { path: '/openai/deployments/none/chat/completions?api-version=2024-10-21', body: hello },
    status: 404,
    code: 'DeploymentNotFound',
  },
  'an unknown deployment in the body': {
    asked: { path: chatPath, body: { ...hello, model: 'none' } },
    status: 404,
    code: 'DeploymentNotFound',
  },
  'a classic path without an api-version': { asked: { path: classic, body: hello }, status: 404, code: '404' },
  'a classic path with a malformed api-version': {
    asked: { path: `${classic}?api-version=latest`, body: hello },
    status: 404,
    code: '404',
  },
  'a dated api-version on v1': {
    asked: { path: `${chatPath}?api-version=2024-10-21`, body: say('x') },
    status: 400,
    code: 'BadRequest',
  },
  'an unknown resource': { asked: { path: `/fabrikam${chatPath}`, body: say('x') }, status: 404, code: '404' },
  'an unknown operation': { asked: { path: `${v1}/images/generations`, body: {} }, status: 404, code: '404' },
  'the wrong method': { asked: { path: chatPath }, status: 405, code: '405' },
  'a body that is no JSON': { asked: { path: chatPath, body: '{"model":' }, status: 400, code: null },
  'a missing field': {
    asked: { path: chatPath, body: { model: 'gpt-5.4-mini' } },
    status: 400,
    code: 'missing_required_parameter',
    param: 'messages',
  },
  'chat with an embedding model': {
    asked: { path: chatPath, body: { ...say('x'), model: 'text-embedding-3-small' } },
    status: 400,
    code: 'OperationNotSupported',
  },
  'stream_options where the surface has none yet': {
    asked: {
      path: `${classic}?api-version=2024-06-01`,
      body: { ...hello, stream: true, stream_options: { include_usage: true } },
    },
    status: 400,
    code: null,
    param: 'stream_options',
  },
  'a previous response of another resource': {
    asked: { path: `${v1}/responses`, body: { model: 'gpt-5.4-mini', input: 'x', previous_response_id: 'resp_no' } },
    status: 400,
    code: 'previous_response_not_found',
    param: 'previous_response_id',
  },
  'background work': {
    asked: { path: `${v1}/responses`, body: { model: 'gpt-5.4-mini', input: 'x', background: true } },
    status: 400,
    code: 'unsupported_parameter',
    param: 'background',
  },
};

void suite('refusals', () => {
  for (const [name, { asked, status, code, param }] of Object.entries(refusals))
    test(name, async (context) => {
      const twin = await twinFor(context);
      const got = await call(twin, asked);
      assert.equal(got.status, status);
      assert.equal(json(got).error.code, code);
      assert.ok(json(got).error.message.length > 0);
      if (param !== undefined) assert.equal(json(got).error.param, param);
      const { total } = twin.usage();
      assert.deepEqual([total.inputTokens, total.outputTokens, total.requests], [0, 0, 0]);
    });

  test('the key as a bearer token opens v1, but not the classic surface', async (context) => {
    const twin = await twinFor(context);
    const get = (path: string): Promise<number> =>
      call(twin, { path, headers: { authorization: `Bearer ${twin.key}`, 'api-key': '' } }).then((got) => got.status);
    // An empty api-key is still a key, and a wrong one.
    assert.equal(await get(`${v1}/models`), 401);
    const bearer = async (path: string): Promise<number> => {
      const response = await fetch(`${twin.url}${path}`, { headers: { authorization: `Bearer ${twin.key}` } });
      await response.arrayBuffer();
      return response.status;
    };
    assert.equal(await bearer(`${v1}/models`), 200);
    assert.equal(await bearer('/openai/models?api-version=2024-10-21'), 401);
  });

  test('a strict twin refuses what reasoning models refuse', async (context) => {
    const twin = await twinFor(context, { strict: true });
    const got = await call(twin, { path: chatPath, body: say('x', { max_tokens: 20 }) });
    assert.equal(got.status, 400);
    assert.equal(json(got).error.code, 'unsupported_parameter');
  });
});

void suite('headers', () => {
  test('every reply carries ids, region and the caller’s own id; a served one its limits', async (context) => {
    const twin = await twinFor(context);
    const headers = { 'x-ms-client-request-id': 'attempt-7' };
    const served = await call(twin, { path: `/contoso-swc${chatPath}`, body: say('x'), headers });
    const refused = await call(twin, { path: `/contoso-swc${chatPath}`, body: {}, headers });
    for (const got of [served, refused]) {
      assert.equal(got.headers['x-ms-region'], 'Sweden Central');
      assert.equal(got.headers['x-ms-client-request-id'], 'attempt-7');
      assert.match(String(got.headers['apim-request-id']), /^[0-9a-f-]{36}$/);
      assert.match(String(got.headers['x-request-id']), /^[0-9a-f-]{36}$/);
    }
    for (const name of ['limit-requests', 'remaining-requests', 'limit-tokens', 'remaining-tokens', 'reset-tokens'])
      assert.match(String(served.headers[`x-ratelimit-${name}`]), /^\d+$/, name);
    assert.equal(served.headers['x-ms-deployment-name'], 'gpt-5.4-mini');
    assert.deepEqual(
      twin.usage().attempts.map((one) => one.id),
      ['attempt-7', 'attempt-7'],
    );
  });
});

void suite('streams', () => {
  test('chat: prompt annotation first, usage: null on chunks, usage last with no choices, then [DONE]', async (context) => {
    const twin = await twinFor(context);
    const body = say('twin:tokens=6', {
      stream: true,
      stream_options: { include_usage: true },
      reasoning_effort: 'none',
    });
    const got = await call(twin, { path: chatPath, body });
    assert.equal(got.headers['content-type'], 'text/event-stream; charset=utf-8');
    const all = events(got);
    assert.equal(all.at(-1), '[DONE]');
    const parsed = chunks(got);
    assert.deepEqual(parsed[0].choices, []);
    assert.equal(parsed[0].prompt_filter_results[0].prompt_index, 0);
    assert.deepEqual(parsed[1].choices[0].delta, { content: '', refusal: null, role: 'assistant' });
    for (const chunk of parsed.slice(1, -1)) assert.equal(chunk.usage, null);
    assert.equal(parsed.at(-2).choices[0].finish_reason, 'stop');
    assert.deepEqual(parsed.at(-1).choices, []);
    assert.equal(parsed.at(-1).usage.completion_tokens, 6);
    assert.ok(parsed[2].obfuscation.length > 0);
  });

  test('chat without include_usage has no usage at all', async (context) => {
    const twin = await twinFor(context);
    const got = await call(twin, { path: chatPath, body: say('x', { stream: true }) });
    assert.ok(!got.body.includes('"usage"'));
    assert.ok(twin.usage().total.outputTokens > 0);
  });

  test('each event is a write of its own', async (context) => {
    const twin = await twinFor(context);
    const got = await call(twin, { path: chatPath, body: say('twin:tokens=40', { stream: true }) });
    assert.ok(got.pieces.length > 5, `${got.pieces.length} pieces`);
  });

  test('several choices are interleaved', async (context) => {
    const twin = await twinFor(context);
    const got = await call(twin, { path: chatPath, body: say('twin:tokens=5', { stream: true, n: 2 }) });
    const order = chunks(got).flatMap((chunk) => chunk.choices.map((choice: { index: number }) => choice.index));
    assert.deepEqual(order.slice(0, 6), [0, 1, 0, 1, 0, 1]);
  });

  test('sequence numbers of Responses count up from 0, and each event line names its type', async (context) => {
    const twin = await twinFor(context);
    const got = await call(twin, {
      path: `${v1}/responses`,
      body: { model: 'gpt-5.4-mini', input: 'x', stream: true },
    });
    const parsed = chunks(got);
    assert.deepEqual(
      parsed.map((event) => event.sequence_number),
      [...parsed.keys()],
    );
    const named = [...got.body.toString().matchAll(/^event: (.+)$/gm)].map((match) => match[1]);
    assert.deepEqual(
      named,
      parsed.map((event) => event.type),
    );
    assert.ok(!events(got).includes('[DONE]'));
  });
});

void suite('limits of a reply', () => {
  for (const field of ['max_tokens', 'max_completion_tokens'])
    test(`${field} is kept to the token, reasoning included`, async (context) => {
      const twin = await twinFor(context);
      const got = await call(twin, { path: chatPath, body: say('twin:tokens=500', { [field]: 33 }) });
      assert.equal(json(got).usage.completion_tokens, 33);
      assert.equal(json(got).choices[0].finish_reason, 'length');
      assert.ok(json(got).choices[0].message.content.length > 0);
    });

  test('max_output_tokens makes a response incomplete, streamed and not', async (context) => {
    const twin = await twinFor(context);
    const body = { model: 'gpt-5.4-mini', input: 'twin:tokens=500', max_output_tokens: 20 };
    const whole = json(await call(twin, { path: `${v1}/responses`, body }));
    const last = chunks(await call(twin, { path: `${v1}/responses`, body: { ...body, stream: true } })).at(-1);
    assert.equal(last.type, 'response.incomplete');
    for (const response of [whole, last.response]) {
      assert.equal(response.status, 'incomplete');
      assert.deepEqual(response.incomplete_details, { reason: 'max_output_tokens' });
      assert.equal(response.usage.output_tokens, 20);
    }
  });

  test('a stop sequence ends the text before it; what was generated up to it counts', async (context) => {
    const twin = await twinFor(context);
    const body = say('twin:say=one two three four', { stop: ['thr', ' four'], reasoning_effort: 'none' });
    const reply = json(await call(twin, { path: chatPath, body }));
    assert.equal(reply.choices[0].message.content, 'one two ');
    assert.equal(reply.usage.completion_tokens, 3);
  });

  for (const effort of ['none', 'minimal'])
    test(`effort ${effort} means no reasoning`, async (context) => {
      const twin = await twinFor(context);
      const chat = json(await call(twin, { path: chatPath, body: say('x', { reasoning_effort: effort }) }));
      assert.equal(chat.usage.completion_tokens_details.reasoning_tokens, 0);
      const body = { model: 'gpt-5.4-mini', input: 'x', reasoning: { effort } };
      const response = json(await call(twin, { path: `${v1}/responses`, body }));
      assert.equal(response.usage.output_tokens_details.reasoning_tokens, 0);
      assert.deepEqual(
        response.output.map((item: { type: string }) => item.type),
        ['message'],
      );
    });
});

void suite('counting', () => {
  test('the framing of a prompt is another with another seed, the text too', async (context) => {
    const counts = new Set<number>();
    const texts = new Set<string>();
    for (const seed of [1, 2, 3, 4, 5]) {
      const twin = await twinFor(context, { seed });
      const reply = json(await call(twin, { path: chatPath, body: say('The same question') }));
      counts.add(reply.usage.prompt_tokens);
      texts.add(reply.choices[0].message.content);
    }
    assert.ok(counts.size > 1, [...counts].join());
    assert.equal(texts.size, 5);
  });

  test('a long prompt that comes again is read from the cache; another deployment has its own', async (context) => {
    const twin = await twinFor(context);
    const body = say('word '.repeat(1500));
    const cached = async (path: string): Promise<number> =>
      json(await call(twin, { path, body })).usage.prompt_tokens_details.cached_tokens;
    assert.equal(await cached(chatPath), 0);
    const second = await cached(chatPath);
    assert.ok(second >= 1408 && second % 128 === 0, String(second));
    assert.equal(await cached(`/contoso-swc${chatPath}`), 0);
    assert.equal(twin.usage().total.cachedInputTokens, second);
  });

  test('token lists count as they are', async (context) => {
    const twin = await twinFor(context, { seed: 9 });
    const count = async (input: unknown): Promise<number> => {
      const body = { model: 'text-embedding-3-small', input };
      return json(await call(twin, { path: `${v1}/embeddings`, body })).usage.prompt_tokens;
    };
    assert.equal(await count([1, 2, 3, 4]), (await count([1, 2, 3])) + 1);
    assert.equal(await count('Hello world'), await count([5, 6]));
    assert.equal(await count([[1], [2]]), 2 * (await count([1])));
  });
});

void suite('content filter', () => {
  test('a prompt with the marker is refused with the verdict, on chat and Responses', async (context) => {
    const twin = await twinFor(context);
    const chat = await call(twin, { path: chatPath, body: say('twin:filter-prompt', { stream: true }) });
    const body = { model: 'gpt-5.4-mini', input: 'twin:filter-prompt' };
    const response = await call(twin, { path: `${v1}/responses`, body });
    for (const got of [chat, response]) {
      assert.equal(got.status, 400);
      assert.equal(json(got).error.code, 'content_filter');
      assert.equal(json(got).error.innererror.code, 'ResponsibleAIPolicyViolation');
      assert.equal(json(got).error.innererror.content_filter_result.violence.filtered, true);
    }
    assert.equal(json(response).error.content_filters[0].source_type, 'prompt');
  });

  test('a completion with the marker is stopped: whole, it has usage', async (context) => {
    const twin = await twinFor(context);
    const reply = json(await call(twin, { path: chatPath, body: say('twin:filter-completion') }));
    assert.equal(reply.choices[0].finish_reason, 'content_filter');
    assert.equal(reply.choices[0].content_filter_results.violence.filtered, true);
    assert.equal(reply.usage.completion_tokens, twin.usage().total.outputTokens);
  });

  test('streamed, the end follows at once and without usage', async (context) => {
    const twin = await twinFor(context);
    const body = say('twin:filter-completion', { stream: true, stream_options: { include_usage: true } });
    const got = await call(twin, { path: chatPath, body });
    assert.equal(chunks(got).at(-1).choices[0].finish_reason, 'content_filter');
    assert.equal(events(got).at(-1), '[DONE]');
    assert.ok(twin.usage().total.outputTokens > 0);
  });

  test('Responses become incomplete, with usage', async (context) => {
    const twin = await twinFor(context);
    const body = { model: 'gpt-5.4-mini', input: 'twin:filter-completion', stream: true };
    const last = chunks(await call(twin, { path: `${v1}/responses`, body })).at(-1);
    assert.equal(last.type, 'response.incomplete');
    assert.deepEqual(last.response.incomplete_details, { reason: 'content_filter' });
    assert.equal(last.response.content_filters[1].blocked, true);
    assert.equal(last.response.usage.output_tokens, twin.usage().total.outputTokens);
  });

  const asynchronous = {
    resources: {
      one: {
        region: 'westeurope',
        deployments: { d: { model: 'gpt-5.4-mini', contentFilter: 'asynchronous' as const } },
      },
    },
  };

  test('the asynchronous filter sends verdicts in choices without delta, also after the finish', async (context) => {
    const twin = await twinFor(context, asynchronous);
    const body = { ...say('twin:tokens=20', { stream: true, stream_options: { include_usage: true } }), model: 'd' };
    const parsed = chunks(await call(twin, { path: chatPath, body }));
    const finish = parsed.findIndex((chunk) => chunk.choices[0]?.finish_reason === 'stop');
    const annotations = [...parsed.entries()].filter(
      ([, chunk]) => chunk.choices[0]?.content_filter_offsets !== undefined,
    );
    assert.ok(annotations.length >= 2);
    for (const [, chunk] of annotations) assert.ok(!('delta' in chunk.choices[0]));
    assert.ok(annotations.some(([at]) => at > finish));
    assert.ok(parsed.at(-1).usage.completion_tokens > 20);
  });

  test('the asynchronous filter blocks with an annotation that finishes', async (context) => {
    const twin = await twinFor(context, asynchronous);
    const body = { ...say('twin:filter-completion', { stream: true }), model: 'd' };
    const got = await call(twin, { path: chatPath, body });
    const last = chunks(got).at(-1);
    assert.equal(last.choices[0].finish_reason, 'content_filter');
    assert.ok(!('delta' in last.choices[0]));
    assert.equal(events(got).at(-1), '[DONE]');
  });
});

void suite('markers', () => {
  test('twin:say says it, twin:tokens has that length', async (context) => {
    const twin = await twinFor(context);
    const said = json(await call(twin, { path: chatPath, body: say('twin:say=It is 42 ° – 漢字 🦊') }));
    assert.equal(said.choices[0].message.content, 'It is 42 ° – 漢字 🦊');
    const long = json(await call(twin, { path: chatPath, body: say('twin:tokens=777', { reasoning_effort: 'none' }) }));
    assert.equal(long.usage.completion_tokens, 777);
    assert.equal(long.choices[0].finish_reason, 'stop');
  });

  test('twin:tools calls each tool once, twin:refuse refuses', async (context) => {
    const twin = await twinFor(context);
    const tools = ['a', 'b'].map((name) => ({ type: 'function', function: { name, parameters: { type: 'object' } } }));
    const called = json(await call(twin, { path: chatPath, body: say('twin:tools', { tools }) }));
    const names = called.choices[0].message.tool_calls.map((one: { function: { name: string } }) => one.function.name);
    assert.deepEqual(names, ['a', 'b']);
    const refused = json(await call(twin, { path: chatPath, body: say('twin:refuse') }));
    assert.equal(refused.choices[0].message.content, null);
    assert.ok(refused.choices[0].message.refusal.length > 0);
  });

  test('after a tool’s result the model answers', async (context) => {
    const twin = await twinFor(context);
    const tools = [{ type: 'function', function: { name: 'a', parameters: { type: 'object' } } }];
    const messages = [
      { role: 'user', content: 'twin:tool' },
      { role: 'assistant', tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'a', arguments: '{}' } }] },
      { role: 'tool', tool_call_id: 'call_1', content: 'done' },
    ];
    const reply = json(await call(twin, { path: chatPath, body: { model: 'gpt-5.4-mini', messages, tools } }));
    assert.equal(reply.choices[0].finish_reason, 'stop');
    assert.ok(reply.choices[0].message.content.length > 0);
  });
});

void suite('callers that break off', () => {
  test('while they still send their request: an attempt with status 0 and no tokens', async (context) => {
    const twin = await twinFor(context);
    const socket = connect(twin.port, '127.0.0.1');
    socket.write(
      `POST ${chatPath} HTTP/1.1\r\nhost: twin\r\napi-key: ${twin.key}\r\ncontent-length: 1000\r\n\r\n{"model":`,
    );
    while (twin.usage().running === 0) await new Promise((resolve) => setImmediate(resolve));
    socket.destroy();
    while (twin.usage().running > 0) await new Promise((resolve) => setImmediate(resolve));
    const [attempt] = twin.usage().attempts;
    assert.deepEqual([attempt?.status, attempt?.complete, attempt?.inputTokens], [0, false, 0]);
  });
});

const functions = ['look_up', 'book'].map((name) => ({
  name,
  parameters: { type: 'object', properties: { when: { type: 'string' }, seats: { type: 'integer' } } },
}));
const chatTools = functions.map((one) => ({ type: 'function', function: one }));
const responseTools = functions.map((one) => ({ type: 'function', ...one }));
const responses = `${v1}/responses`;
const completions = `${v1}/completions`;
const response = (input: string, more: object = {}): object => ({ model: 'gpt-5.4-mini', input, ...more });

const sameEitherWay: Readonly<Record<string, Asked>> = {
  'plain chat': { path: chatPath, body: say('Hello') },
  'chat with choices': { path: chatPath, body: say('Hello', { n: 3, max_completion_tokens: 21 }) },
  'chat with tools': { path: chatPath, body: say('twin:tools', { tools: chatTools }) },
  'chat with tools cut short': {
    path: chatPath,
    body: say('twin:tools', { tools: chatTools, max_completion_tokens: 31, reasoning_effort: 'none' }),
  },
  'chat with a stop sequence': { path: chatPath, body: say('twin:tokens=80', { stop: [',', '.'] }) },
  'chat with JSON': { path: chatPath, body: say('Hello', { response_format: { type: 'json_object' } }) },
  'chat that refuses': { path: chatPath, body: say('twin:refuse') },
  'chat that is filtered': { path: chatPath, body: say('twin:filter-completion') },
  completions: { path: completions, body: { model: 'gpt-5.4-mini', prompt: ['a', [1, 2]], n: 2, max_tokens: 9 } },
  'a response': { path: responses, body: response('Hello', { instructions: 'Be brief.' }) },
  'a response with tools': { path: responses, body: response('twin:tools', { tools: responseTools }) },
  'a response cut short': { path: responses, body: response('twin:tokens=99', { max_output_tokens: 16 }) },
  'a response that is filtered': { path: responses, body: response('twin:filter-completion') },
  'a response that refuses': { path: responses, body: response('twin:refuse') },
};

void suite('the record', () => {
  for (const [name, asked] of Object.entries(sameEitherWay))
    test(`is the same streamed and whole, and the same as reported: ${name}`, async (context) => {
      const twin = await twinFor(context, { seed: 99 });
      const { usage } = json(await call(twin, asked));
      const body = Object.assign({ stream: true }, asked.body);
      await call(twin, { ...asked, body });
      const [whole, streamed] = twin.usage().attempts;
      assert.ok(whole !== undefined && streamed !== undefined);
      assert.ok(whole.outputTokens > 0 && whole.complete && streamed.complete);
      for (const figure of ['inputTokens', 'outputTokens', 'reasoningTokens'] as const)
        assert.equal(streamed[figure], whole[figure], figure);
      assert.equal(usage.prompt_tokens ?? usage.input_tokens, whole.inputTokens);
      assert.equal(usage.completion_tokens ?? usage.output_tokens, whole.outputTokens);
      const details = usage.completion_tokens_details ?? usage.output_tokens_details ?? { reasoning_tokens: 0 };
      assert.equal(details.reasoning_tokens, whole.reasoningTokens);
    });
});
