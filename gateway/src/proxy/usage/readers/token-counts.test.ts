import assert from 'node:assert/strict';
import { test } from 'node:test';

import { promptCompletionUnits, serviceTierOf, tokenCount } from './token-counts.ts';

test('takes whole numbers from 0 to a hundred million for counts, and nothing else', () => {
  for (const value of [0, 1, 100_000_000]) assert.equal(tokenCount(value), value);
  for (const value of [-1, 0.5, 100_000_001, 1e300, '5', null, undefined, true, [], {}])
    assert.equal(tokenCount(value), null);
});

test('an echo of what was asked is not the tier that served', () => {
  assert.equal(serviceTierOf('auto'), undefined);
  assert.equal(serviceTierOf('priority'), 'priority');
  assert.equal(serviceTierOf(''), undefined);
  assert.equal(serviceTierOf(null), undefined);
});

const outputs: readonly {
  name: string;
  completion: number;
  reasoning: number | undefined;
  total: number;
  output: number;
}[] = [
  { name: 'reasoning within the completion (OpenAI)', completion: 78, reasoning: 64, total: 93, output: 78 },
  { name: 'no reasoning', completion: 78, reasoning: 0, total: 93, output: 78 },
  { name: 'reasoning untold', completion: 78, reasoning: undefined, total: 93, output: 78 },
  {
    name: 'reasoning beside the completion, as the total says (Grok)',
    completion: 300,
    reasoning: 40,
    total: 355,
    output: 340,
  },
  { name: 'reasoning larger than the completion', completion: 2, reasoning: 340, total: 0, output: 342 },
];
for (const { name, completion, reasoning, total, output } of outputs) {
  test(`the output is the provider's total: ${name}`, () => {
    const units = promptCompletionUnits({
      prompt_tokens: 15,
      completion_tokens: completion,
      total_tokens: total,
      completion_tokens_details: { reasoning_tokens: reasoning },
    });
    assert.equal(units?.output, output);
  });
}

test('a detail that is not reported is unknown, not 0', () => {
  const units = promptCompletionUnits({ prompt_tokens: 1, completion_tokens: 1 });
  assert.deepEqual(units, {
    input: 1,
    cachedInput: null,
    cacheWriteInput: null,
    audioInput: null,
    imageInput: null,
    output: 1,
    reasoning: null,
    audioOutput: null,
  });
});

test('a usage that tells neither input nor output is none', () => {
  for (const usage of [undefined, null, {}, [], 7, { total_tokens: 5 }])
    assert.equal(promptCompletionUnits(usage), undefined);
});
