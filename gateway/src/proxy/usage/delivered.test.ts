import assert from 'node:assert/strict';
import { test } from 'node:test';

import { countTokens } from './counting/count-tokens.ts';
import { DeliveredBytes } from './delivered.ts';
import type { TapOptions } from './tap.ts';

const options: TapOptions = { operation: 'chat.completions', stream: true, clientWantsUsage: false, keepBytes: 10_000 };

function word(index: number): Buffer {
  const delta = { content: `word${index} ` };
  return Buffer.from(`data: ${JSON.stringify({ id: 'x'.repeat(200), choices: [{ index: index % 2, delta }] })}\n\n`);
}

function wordsIn(delivered: readonly Buffer[]): number | null {
  const request = {
    tokenizer: 'o200k_base',
    operation: 'chat.completions',
    requestBody: undefined,
    stream: true,
  } as const;
  return countTokens({ ...request, delivered }, (text) => text.split(' ').filter(Boolean).length).output;
}

test('a stream far beyond the limit is counted whole, in memory within the limits', () => {
  const delivered = new DeliveredBytes(options);
  for (let index = 0; index < 1000; index++) delivered.add(word(index));
  const kept = delivered.list();
  assert.ok(kept.reduce((sum, { length }) => sum + length, 0) < 2 * options.keepBytes);
  assert.equal(wordsIn(kept), 1000);
});

test('beyond both limits, what came first is counted: a lower bound', () => {
  const delivered = new DeliveredBytes(options);
  for (let index = 0; index < 3000; index++) delivered.add(word(index));
  const kept = delivered.list();
  assert.ok(kept.reduce((sum, { length }) => sum + length, 0) < 3 * options.keepBytes);
  const counted = wordsIn(kept) ?? 0;
  assert.ok(counted > 1000 && counted < 3000, String(counted));
});

test('what the client was given is kept as references within the limit', () => {
  const delivered = new DeliveredBytes(options);
  const words = [word(1), word(2)];
  for (const one of words) delivered.add(one);
  assert.deepEqual(
    delivered.list().map((one, index) => one === words[index]),
    [true, true],
  );
});

test('nothing is kept once the usage is known, also of what comes later', () => {
  const delivered = new DeliveredBytes(options);
  for (let index = 0; index < 100; index++) delivered.add(word(index));
  delivered.free();
  delivered.add(word(1));
  assert.deepEqual(delivered.list(), []);
});

test('of embeddings nothing is kept: only their input can be counted', () => {
  const delivered = new DeliveredBytes({ ...options, operation: 'embeddings', stream: false });
  delivered.add(Buffer.from('{"data":[]}'));
  assert.deepEqual(delivered.list(), []);
});
