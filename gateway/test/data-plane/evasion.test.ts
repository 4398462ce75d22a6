import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { call, configFor, keys, startStack } from '../support/running-gateway.ts';

const key = { 'api-key': keys.marketing };
const path = '/openai/v1/chat/completions';
const messages = '[{"role":"user","content":"Name three cities in Denmark. twin:tokens=60"}]';

describe('a body that is spelled oddly is metered and capped like any other', () => {
  // [what, members beside model and messages]
  const bodies = [
    ['escaped letters in the place of a member that the gateway sets', '"stream":true,"s\\tream_op\\tio\\ns":{}'],
    ['no usage wanted, in escapes', '"stream":true,"stream_op\\u0074ions":{"include_usage":false}'],
    ['stream_options null', '"stream":true,"stream_options":null'],
    ['odd white space', ' \r\n\t"stream"\t:\r\ntrue ,\n"stream_options" : { } '],
  ] as const;
  for (const [what, members] of bodies) {
    test(what, async (context) => {
      const stack = await startStack(context);
      const body = `{"model":"gpt-5.4-mini","messages":${messages},${members}}`;
      const answer = await call(`${stack.url}${path}`, { headers: key, body });
      assert.equal(answer.status, 200, answer.body);
      const { total } = await stack.usage();
      assert.equal(total.deliveredOnlyRequests, 0, 'the upstream was asked for its usage');
      assert.equal(total.inputTokens, stack.twin.usage().total.inputTokens);
      assert.equal(total.outputTokens, stack.twin.usage().total.outputTokens);
    });
  }

  test('the cap on output tokens holds where a name resembles it', async (context) => {
    const stack = await startStack(context, {
      config: (twin) =>
        configFor(twin, {
          products:
            '  standard: { models: [gpt-5.4-mini], caps: { maxOutputTokens: 5 }, unpriced: allow-and-flag }\n  small: { models: [gpt-5.4-mini] }',
        }),
    });
    const body = `{"model":"gpt-5.4-mini","messages":${messages},"max_comple\\tio\\n_tokens":1,"reasoning_effort":"none"}`;
    const answer = await call(`${stack.url}${path}`, { headers: key, body });
    assert.equal(answer.status, 200, answer.body);
    assert.ok((JSON.parse(answer.body).usage?.completion_tokens ?? Infinity) <= 5, answer.body);
  });
});
