import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { SharedSecret } from './shared-secret.ts';

test('a secret that one thread sets is what another reads, never half of two', async () => {
  const shared = new SharedSecret();
  // Of different lengths, and each of one letter only: a mixture would show.
  const letters = ['a', 'b', 'c', 'd', 'e', 'f'];
  const textOf = (turn: number): string => (letters[turn % letters.length] ?? '').repeat(1 + ((turn * 37) % 300));
  shared.set(textOf(0));
  const module = new URL('shared-secret.ts', import.meta.url).href;
  const worker = new Worker(
    `const { workerData, parentPort } = require('node:worker_threads');
     import(${JSON.stringify(module)}).then(({ SharedSecret }) => {
       const shared = new SharedSecret(workerData);
       const seen = new Set();
       parentPort.postMessage('reading');
       for (let text = ''; text !== 'the last';) seen.add(text = shared.get());
       shared.refuse();
       parentPort.postMessage([...seen]);
     });`,
    { eval: true, workerData: shared.buffer },
  );
  await once(worker, 'message');
  for (let turn = 0; turn < 20_000; turn += 1) shared.set(textOf(turn));
  assert.equal(shared.refusals(), 0);
  shared.set('the last');
  const [seen] = (await once(worker, 'message')) as [string[]];
  const mixed = seen.filter((text) => text !== 'the last' && new Set(text).size !== 1);
  assert.deepEqual(mixed, []);
  assert.equal(shared.refusals(), 1);
  await worker.terminate();
});

test('what is no password for its length is refused, and the one before stays', () => {
  const shared = new SharedSecret();
  shared.set('pässword');
  assert.throws(() => shared.set('x'.repeat(40_000)), /more than 32 KiB/);
  assert.equal(shared.get(), 'pässword');
  shared.set('');
  assert.equal(shared.get(), '');
});
