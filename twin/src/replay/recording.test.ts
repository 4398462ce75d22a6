import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { readRecording } from './recording.ts';

const chatUsage = {
  prompt_tokens: 12,
  completion_tokens: 8,
  prompt_tokens_details: { cached_tokens: 4 },
  completion_tokens_details: { reasoning_tokens: 3 },
};
const expected = { inputTokens: 12, cachedInputTokens: 4, outputTokens: 8, reasoningTokens: 3 };

void suite('recordings', () => {
  test('a reply brings its usage', () => {
    const recording = readRecording('a.json', JSON.stringify({ choices: [], usage: chatUsage }));
    assert.equal(recording.status, 200);
    assert.deepEqual(recording.usage, expected);
  });

  test('lines of chat are events that end with [DONE]', () => {
    const lines = ['{"choices":[1],"usage":null}', JSON.stringify({ choices: [], usage: chatUsage }), ''].join('\n');
    const recording = readRecording('a.chunks.txt', lines);
    assert.deepEqual(
      recording.parts.map((part) => part.event),
      [undefined, undefined, undefined],
    );
    assert.equal(recording.parts.at(-1)?.data, '[DONE]');
    assert.deepEqual(recording.usage, expected);
  });

  test('lines with a type are named events, and nothing is put at their end', () => {
    const usage = {
      input_tokens: 12,
      output_tokens: 8,
      input_tokens_details: { cached_tokens: 4 },
      output_tokens_details: { reasoning_tokens: 3 },
    };
    const lines = [{ type: 'response.created' }, { type: 'response.completed', response: { usage } }].map((line) =>
      JSON.stringify(line),
    );
    const recording = readRecording('a.chunks.txt', lines.join('\n'));
    assert.deepEqual(
      recording.parts.map((part) => part.event),
      ['response.created', 'response.completed'],
    );
    assert.deepEqual(recording.usage, expected);
  });

  test('a raw stream stays as it was sent', () => {
    const raw = 'data: {"a":1}\r\n\r\n: comment\n\ndata: {"choices":[],"usage":{"prompt_tokens":1}}\n\n';
    const recording = readRecording('a.sse', raw);
    assert.equal(recording.parts.map((part) => part.raw).join(''), raw);
    assert.equal(recording.usage.inputTokens, 1);
  });

  for (const [error, status] of [
    [{ type: 'insufficient_quota', code: 'insufficient_quota' }, 429],
    [{ type: 'invalid_request_error', code: 'unknown_parameter' }, 400],
    [{ code: '401', message: 'no' }, 401],
    [{ code: 'content_filter', status: 400 }, 400],
    [{ message: 'who knows' }, 500],
  ] as const)
    test(`an error answers with a status that goes with it: ${JSON.stringify(error)}`, () => {
      assert.equal(readRecording('e.json', JSON.stringify({ error })).status, status);
    });
});
