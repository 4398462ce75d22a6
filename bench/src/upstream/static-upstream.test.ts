import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { listenLocally } from '#processes/listen.ts';
import { Pacer, readStreamMarker, streamMarker } from './pacer.ts';
import { eventsPerStream } from './replies.ts';
import { StaticUpstream } from './static-upstream.ts';
import type { UpstreamCount } from './static-upstream.ts';

interface Running {
  readonly port: number;
  readonly upstream: StaticUpstream;
  readonly pacer: Pacer;
}

async function start(context: TestContext): Promise<Running> {
  const pacer = new Pacer();
  const upstream = new StaticUpstream(pacer);
  const port = await listenLocally(upstream.server);
  context.after(() => upstream.close());
  return { port, upstream, pacer };
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function call(port: number, path: string, body: object | null): Promise<Answer> {
  return await new Promise((resolve, reject) => {
    const outgoing = request(
      { host: '127.0.0.1', port, path, method: body === null ? 'GET' : 'POST', agent: false },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => (text += part));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
        response.on('error', reject);
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body === null ? undefined : JSON.stringify(body));
  });
}

interface ChatUsage {
  prompt_tokens: number;
  completion_tokens: number;
  prompt_tokens_details: { cached_tokens: number };
  completion_tokens_details: { reasoning_tokens: number };
}

function eventsOf(text: string): string[] {
  return text.split('\n\n').filter((event) => event !== '');
}

const chatPath = '/openai/v1/chat/completions';

test('counts exactly what its unstreamed replies report, also when they differ', async (context) => {
  const { port, upstream } = await start(context);
  const sums = { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0, reasoningTokens: 0 };
  const inputs = new Set<number>();
  for (let index = 0; index < 20; index += 1) {
    const { status, text } = await call(port, chatPath, { model: 'm', messages: [] });
    assert.equal(status, 200);
    const { usage } = JSON.parse(text) as { usage: ChatUsage };
    sums.inputTokens += usage.prompt_tokens;
    sums.cachedInputTokens += usage.prompt_tokens_details.cached_tokens;
    sums.outputTokens += usage.completion_tokens;
    sums.reasoningTokens += usage.completion_tokens_details.reasoning_tokens;
    inputs.add(usage.prompt_tokens);
  }
  assert.deepEqual(upstream.count, { requests: 20, reported: 20, brokenOff: 0, ...sums } satisfies UpstreamCount);
  assert.ok(inputs.size > 10);
  assert.ok(sums.cachedInputTokens > 0 && sums.reasoningTokens > 0);
  const told = await call(port, '/_upstream/usage', null);
  assert.deepEqual(JSON.parse(told.text), upstream.count);
});

test('a reply is of about 600 bytes, as small chat replies are', async (context) => {
  const { port } = await start(context);
  const { text } = await call(port, chatPath, { messages: [] });
  assert.ok(text.length > 550 && text.length < 650, String(text.length));
});

test('answers on the Responses path in the Responses shape', async (context) => {
  const { port, upstream } = await start(context);
  const { text } = await call(port, '/openai/v1/responses', { model: 'm', input: 'x' });
  const reply = JSON.parse(text) as { object: string; usage: { input_tokens: number } };
  assert.equal(reply.object, 'response');
  assert.equal(reply.usage.input_tokens, upstream.count.inputTokens);
});

test('streams with usage when it is asked for, and counts only what it has reported', async (context) => {
  const { port, upstream } = await start(context);
  const without = eventsOf((await call(port, chatPath, { stream: true })).text);
  assert.equal(without.length, eventsPerStream.withoutUsage);
  assert.equal(without.at(-1), 'data: [DONE]');
  assert.equal(upstream.count.reported, 0);
  assert.equal(upstream.count.inputTokens, 0);

  const withUsage = eventsOf(
    (await call(port, chatPath, { stream: true, stream_options: { include_usage: true } })).text,
  );
  assert.equal(withUsage.length, eventsPerStream.withUsage);
  const last = JSON.parse(withUsage.at(-2)?.slice('data: '.length) ?? '') as { choices: unknown[]; usage: ChatUsage };
  assert.deepEqual(last.choices, []);
  assert.equal(last.usage.prompt_tokens, upstream.count.inputTokens);
  assert.equal(last.usage.completion_tokens, upstream.count.outputTokens);
  assert.deepEqual([upstream.count.requests, upstream.count.reported], [2, 1]);
});

test('the word "stream" in a text does not make a call a streamed one', async (context) => {
  const { port } = await start(context);
  const { text } = await call(port, chatPath, {
    messages: [{ role: 'user', content: 'what is "stream": true' }],
    stream: false,
  });
  assert.equal((JSON.parse(text) as { object: string }).object, 'chat.completion');
});

test('a paced stream goes on only when its client has received the event before', async (context) => {
  const { port, pacer } = await start(context);
  const seen: number[] = [];
  await new Promise<void>((resolve, reject) => {
    const body = JSON.stringify({ stream: true, messages: [{ role: 'user', content: `${streamMarker('c7')} hello` }] });
    const outgoing = request({ host: '127.0.0.1', port, path: chatPath, method: 'POST', agent: false }, (response) => {
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        seen.push(eventsOf(part).length);
        pacer.received('c7');
      });
      response.on('end', resolve);
      response.on('error', reject);
    });
    outgoing.end(body);
  });
  assert.deepEqual(new Set(seen), new Set([1]));
  assert.equal(seen.length, eventsPerStream.withoutUsage);
  assert.equal(pacer.nudges, 0);
});

test('a paced stream whose client stays silent is pushed on after a while, and that is counted', async (context) => {
  const { port, pacer } = await start(context);
  const text = await new Promise<string>((resolve, reject) => {
    const body = JSON.stringify({ stream: true, messages: [{ role: 'user', content: streamMarker('silent') }] });
    let received = '';
    const outgoing = request({ host: '127.0.0.1', port, path: chatPath, method: 'POST', agent: false }, (response) => {
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        received += part;
        for (let tick = 0; tick < 3; tick += 1) pacer.tick(3);
      });
      response.on('end', () => resolve(received));
      response.on('error', reject);
    });
    outgoing.end(body);
  });
  assert.equal(eventsOf(text).length, eventsPerStream.withoutUsage);
  assert.equal(pacer.nudges, eventsPerStream.withoutUsage - 1);
});

test('counts a stream whose caller goes away, and reports nothing for it', async (context) => {
  const { port, upstream, pacer } = await start(context);
  await new Promise<void>((resolve) => {
    const body = JSON.stringify({
      stream: true,
      stream_options: { include_usage: true },
      messages: [{ role: 'user', content: streamMarker('leaver') }],
    });
    const outgoing = request({ host: '127.0.0.1', port, path: chatPath, method: 'POST', agent: false }, (response) => {
      response.once('data', () => {
        response.destroy();
        resolve();
      });
      response.on('error', () => undefined);
    });
    outgoing.end(body);
  });
  while (upstream.count.brokenOff === 0) await new Promise((resolve) => setImmediate(resolve));
  pacer.received('leaver');
  assert.deepEqual([upstream.count.requests, upstream.count.reported, upstream.count.outputTokens], [1, 0, 0]);
});

test('reads the marker of a paced stream wherever it stands in a body', () => {
  assert.equal(readStreamMarker(Buffer.from(`{"a":"${streamMarker('c00012')} text"}`)), 'c00012');
  assert.equal(readStreamMarker(Buffer.from('{"a":"[streams are"}')), undefined);
  assert.equal(readStreamMarker(Buffer.from('{"a":"[stream without an end"}')), undefined);
});
