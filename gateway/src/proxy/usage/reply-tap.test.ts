import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createTap } from './create-tap.ts';
import type { Reading, Tap, TapOptions } from './tap.ts';

function tapFor(operation: TapOptions['operation'], keepBytes = 256 * 1024): Tap {
  return createTap({ operation, stream: false, clientWantsUsage: false, keepBytes });
}

function chunksOf(bytes: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  );
}

/** Reads a whole reply in chunks of 16 KiB. */
function read(operation: TapOptions['operation'], reply: unknown): Reading {
  const tap = tapFor(operation);
  const text = typeof reply === 'string' ? reply : JSON.stringify(reply);
  for (const chunk of chunksOf(Buffer.from(text), 16 * 1024)) tap.push(chunk);
  tap.end();
  return tap.reading();
}

const chat = {
  model: 'gpt-5-mini',
  choices: [{ index: 0, message: { content: 'Hi' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 },
};

test('passes the very chunks on, one behind, and keeps the last one back', () => {
  const tap = tapFor('chat.completions');
  const chunks = chunksOf(Buffer.from(JSON.stringify(chat)), 40);
  const sent = chunks.map((chunk) => tap.push(chunk));
  assert.deepEqual(
    sent.map((chunk, index) => chunk === chunks[index - 1]),
    chunks.map(() => true),
  );
  assert.equal(tap.terminal, false);
  tap.end();
  assert.equal(tap.terminal, true);
  assert.equal(tap.held(), chunks.at(-1));
});

test('an empty chunk does not push the last one out', () => {
  const tap = tapFor('chat.completions');
  tap.push(Buffer.from(JSON.stringify(chat)));
  assert.equal(tap.push(Buffer.alloc(0)), undefined);
});

test('an empty reply holds nothing and says nothing', () => {
  const tap = tapFor('chat.completions');
  tap.end();
  assert.equal(tap.held(), undefined);
  assert.equal(tap.reading().ending, null);
});

test('nothing is known before the end', () => {
  const tap = tapFor('chat.completions');
  tap.push(Buffer.from(JSON.stringify(chat)));
  assert.equal(tap.reading().measuredOutput, 'unknown');
  tap.end();
  assert.equal(tap.reading().measuredOutput, 'reported');
});

for (const [name, reply] of [
  ['malformed', `${JSON.stringify(chat)}}`],
  ['cut off', JSON.stringify(chat).slice(0, -1)],
  ['no object', '[]'],
  ['no JSON', '<html></html>'],
] as const) {
  test(`a reply that is ${name} is unknown, whatever usage stands in it`, () => {
    const { units, measuredInput, measuredOutput, ending } = read('chat.completions', reply);
    assert.deepEqual(
      [units.input, units.output, measuredInput, measuredOutput, ending],
      [null, null, 'unknown', 'unknown', null],
    );
  });
}

test('a reply without usage is complete, but unknown, and is kept for counting with its last chunk', () => {
  const tap = tapFor('chat.completions');
  const { usage: _, ...without } = chat;
  const bytes = Buffer.from(JSON.stringify(without));
  for (const chunk of chunksOf(bytes, 40)) tap.push(chunk);
  tap.end();
  assert.equal(tap.reading().ending, 'completed');
  assert.equal(tap.reading().measuredOutput, 'unknown');
  assert.equal(Buffer.concat(tap.delivered()).equals(bytes), true);
});

test('what was delivered is freed when the usage is known', () => {
  const tap = tapFor('chat.completions');
  for (const chunk of chunksOf(Buffer.from(JSON.stringify(chat)), 40)) tap.push(chunk);
  assert.equal(tap.delivered().length > 0, true);
  tap.end();
  assert.deepEqual(tap.delivered(), []);
});

test('no more than the limit is kept', () => {
  const tap = tapFor('chat.completions', 100);
  for (const chunk of chunksOf(Buffer.from(JSON.stringify(chat)), 40)) tap.push(chunk);
  assert.equal(Buffer.concat(tap.delivered()).toString(), JSON.stringify(chat).slice(0, 100));
});

/** The wire is larger than what is parsed whole. */
const long = 'x"\\\u00e4'.repeat(200_000);

test('a large reply of embeddings is read though not kept, wherever its usage stands', () => {
  const data = Array.from({ length: 40 }, (_, index) => ({
    index,
    embedding: Array.from({ length: 1536 }, (__, at) => at / 7),
  }));
  const members = { model: 'text-embedding-3-small', usage: { prompt_tokens: 80, total_tokens: 80 } };
  for (const reply of [
    { ...members, data },
    { object: 'list', data, ...members },
  ]) {
    assert.ok(JSON.stringify(reply).length > 500_000);
    const { units, reportedModel, ending } = read('embeddings', reply);
    assert.deepEqual(
      [units.input, units.output, reportedModel, ending],
      [80, 0, 'text-embedding-3-small', 'completed'],
    );
  }
});

test('a large chat reply tells its usage, its tier and that it was filtered', () => {
  const reply = {
    service_tier: 'priority',
    choices: [{ message: { content: long, usage: { prompt_tokens: 1 } }, finish_reason: 'content_filter', index: 0 }],
    usage: chat.usage,
    model: chat.model,
  };
  const { units, serviceTier, ending } = read('chat.completions', reply);
  assert.deepEqual([units.input, units.output, serviceTier, ending], [5, 2, 'priority', 'filtered-completion']);
});

test('a large response tells its hosted tools', () => {
  const reply = {
    status: 'completed',
    model: 'gpt-5-mini',
    output: [
      { type: 'image_generation_call', result: long },
      { type: 'web_search_call', action: { sources: [{ url: long }], type: 'search' } },
      { type: 'code_interpreter_call', outputs: [long], container_id: 'cntr_1' },
    ],
    usage: { input_tokens: 5, output_tokens: 2 },
  };
  const { units } = read('responses', reply);
  assert.deepEqual(units.toolCalls, { image_generation: 1, web_search: 1, code_interpreter: 1 });
  assert.deepEqual([units.input, units.output], [5, 2]);
});

test('a large reply that is cut off is unknown', () => {
  const text = JSON.stringify({ usage: chat.usage, choices: [{ message: { content: long } }] });
  assert.equal(read('chat.completions', text.slice(0, -1)).measuredInput, 'unknown');
});

test('a reply in the background has no ending yet', () => {
  assert.equal(read('responses', { status: 'in_progress', usage: null }).ending, null);
});
