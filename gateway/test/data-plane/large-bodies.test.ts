import assert from 'node:assert/strict';
import { request as httpRequest, type ServerResponse } from 'node:http';
import { test } from 'node:test';
import { bufferBytes } from '../support/garbage.ts';
import { call, configFor, keys, startStack } from '../support/running-gateway.ts';
import { beginChatStream, endChatStream, scriptedUpstream } from '../support/scripted-upstream.ts';

const mebibyte = 1024 * 1024;
const key = { 'api-key': keys.marketing };

test('a large body is sent whole, and whole again to the next endpoint', async (context) => {
  const stack = await startStack(context);
  stack.twin.addFault({ kind: 'status', status: 500 });
  const content = `twin:tokens=3 ${'word '.repeat(600_000)}`;
  const answer = await call(`${stack.url}/openai/v1/chat/completions`, {
    headers: key,
    body: { model: 'gpt-5.4-mini', messages: [{ role: 'user', content }] },
  });
  assert.equal(answer.status, 200, answer.body.slice(0, 300));
  const [failed, served] = stack.twin.usage().attempts;
  assert.equal(failed?.status, 500);
  assert.ok((served?.inputTokens ?? 0) > 600_000);
  assert.equal((await stack.usage()).total.inputTokens, served?.inputTokens);
});

test('the body of a request is let go when its reply begins: streams that last hold no prompts', async (context) => {
  const waiting: ServerResponse[] = [];
  const upstream = await scriptedUpstream(context, (response) => {
    beginChatStream(response);
    waiting.push(response);
  });
  const endpoint = (name: string): string =>
    `  ${name}: { resource: '${upstream.url}/${name}', region: westeurope, deployment: gpt-5.4-mini, model: gpt-5.4-mini, type: GlobalStandard, auth: { key: '\${TEST_TWIN_KEY}' } }`;
  const stack = await startStack(context, {
    config: (twin) =>
      configFor(twin, {
        endpoints: endpoint('weu'),
        models: '  gpt-5.4-mini: { tiers: [[weu]] }',
        products:
          '  standard: { models: [gpt-5.4-mini], unpriced: allow-and-flag }\n  small: { models: [gpt-5.4-mini] }',
      }),
  });
  const streams = 12;
  const size = 4 * mebibyte;
  const before = await bufferBytes();
  const begun = Array.from(
    { length: streams },
    () =>
      new Promise<{ readonly ended: Promise<void> }>((resolve, reject) => {
        const request = httpRequest(`${stack.url}/openai/v1/chat/completions`, {
          method: 'POST',
          agent: false,
          headers: { ...key, 'content-type': 'application/json' },
        });
        request.once('error', reject);
        request.once('response', (response) => {
          const ended = new Promise<void>((resolveEnd) => {
            response.once('end', () => resolveEnd());
          });
          response.once('data', () => resolve({ ended }));
        });
        const content = 'x'.repeat(size);
        request.end(JSON.stringify({ model: 'gpt-5.4-mini', stream: true, messages: [{ role: 'user', content }] }));
      }),
  );
  const answers = await Promise.all(begun);
  const held = (await bufferBytes()) - before;
  assert.equal(upstream.received.length, streams);
  assert.ok(upstream.received.every(({ bytes }) => bytes > size));
  assert.ok(held < size, `${Math.round(held / mebibyte)} MiB are held for ${streams} streams of 4 MiB each`);
  for (const response of waiting) endChatStream(response);
  await Promise.all(answers.map(({ ended }) => ended));
  assert.equal((await stack.usage()).total.requests, streams);
});
