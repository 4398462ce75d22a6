import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Worker } from 'node:worker_threads';

import { systemClock, type Clock } from '#kernel/clock.ts';
import { silentLog } from '#kernel/log.ts';
import type { CountRequest } from '#proxy/usage/ports.ts';

import { createTokenCounter, type ClosableTokenCounter } from './token-counter.ts';

const unknown = { input: null, measuredInput: 'unknown', output: null };

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function embedding(input: unknown): CountRequest {
  return {
    tokenizer: 'cl100k_base',
    operation: 'embeddings',
    requestBody: json({ input }),
    delivered: undefined,
    stream: false,
  };
}

/** A clock whose timers run when told, and whose time stands still until moved. */
function handClock(): Clock & { advance(ms: number): void; fire(): void } {
  let time = 0;
  const timers = new Set<() => void>();
  return {
    now: () => time,
    monotonic: () => time,
    after(_ms, run) {
      timers.add(run);
      return { cancel: () => timers.delete(run) };
    },
    advance(ms) {
      time += ms;
    },
    fire() {
      for (const run of timers) run();
    },
  };
}

function workerThat(does: string): () => Worker {
  return () => new Worker(`const { parentPort } = require('node:worker_threads'); ${does}`, { eval: true });
}

const crashes = workerThat(`parentPort.on('message', () => { throw new Error('deliberate'); });`);
const neverAnswers = workerThat(`parentPort.on('message', () => {});`);
const answers = workerThat(
  `parentPort.on('message', ({ id }) => parentPort.postMessage({ id, counted: { input: 7, measuredInput: 'tokenized', output: null } }));`,
);

test('the real worker counts', async (t) => {
  const counter: ClosableTokenCounter = createTokenCounter({ clock: systemClock, log: silentLog });
  after(() => counter.close());

  await t.test('text of embeddings exactly, by cl100k_base', async () => {
    assert.deepEqual(await counter.count(embedding('The quick brown fox jumps over the lazy dog.')), {
      input: 10,
      measuredInput: 'tokenized',
      output: null,
    });
  });

  await t.test('chat by o200k_base, input and delivered output at once', async () => {
    const counted = await counter.count({
      tokenizer: 'o200k_base',
      operation: 'chat.completions',
      requestBody: json({ messages: [{ role: 'user', content: 'hello world' }] }),
      delivered: [
        Buffer.from('data: {"choices":[{"index":0,"delta":{"content":"hello'),
        Buffer.from(' world"}}]}\n\n'),
      ],
      stream: true,
    });
    // 3 for the message, 1 for its role, 2 for its text, 3 for the reply.
    assert.deepEqual(counted, { input: 9, measuredInput: 'estimated', output: 2 });
  });

  await t.test('what looks like a special token as the text that it is', async () => {
    const { input } = await counter.count(embedding('<|endoftext|>'));
    assert.equal(input, 7);
  });

  await t.test('many calls at once, each answered with its own count', async () => {
    const texts = Array.from({ length: 20 }, (_, index) => 'word '.repeat(index + 1).trim());
    const counts = await Promise.all(texts.map((text) => counter.count(embedding(text))));
    assert.deepEqual(
      counts.map(({ input }) => input),
      texts.map((_, index) => index + 1),
    );
  });

  await t.test('bytes that share memory with others are neither changed nor sent along', async () => {
    const pool = Buffer.alloc(1024 * 1024, 0x20);
    const body = json({ input: 'hello world' });
    body.copy(pool, 1000);
    const { input } = await counter.count({ ...embedding(''), requestBody: pool.subarray(1000, 1000 + body.length) });
    assert.equal(input, 2);
    assert.equal(pool.length, 1024 * 1024);
  });
});

test('a call on which the worker crashes is unknown, and the next one gets a new worker', async () => {
  let started = 0;
  const start = () => {
    started += 1;
    return started === 1 ? crashes() : answers();
  };
  const counter = createTokenCounter({ clock: handClock(), log: silentLog, start });
  const [first, second] = await Promise.all([counter.count(embedding('a')), counter.count(embedding('b'))]);
  assert.deepEqual(first, unknown);
  assert.equal(second.input, 7);
  assert.equal(started, 2);
  await counter.close();
});

test('a call that takes too long is unknown, and its worker is replaced', async () => {
  let started = 0;
  const start = () => {
    started += 1;
    return started === 1 ? neverAnswers() : answers();
  };
  const clock = handClock();
  const counter = createTokenCounter({ clock, log: silentLog, start });
  const slow = counter.count(embedding('a'));
  clock.fire();
  assert.deepEqual(await slow, unknown);
  assert.equal((await counter.count(embedding('b'))).input, 7);
  await counter.close();
});

test('a worker that keeps failing is left alone for a while, then tried again', async () => {
  let started = 0;
  let start = crashes;
  const clock = handClock();
  const counter = createTokenCounter({
    clock,
    log: silentLog,
    start: () => {
      started += 1;
      return start();
    },
  });
  for (let call = 0; call < 5; call++) assert.deepEqual(await counter.count(embedding('a')), unknown);
  assert.equal(started, 3);
  start = answers;
  clock.advance(30_000);
  assert.equal((await counter.count(embedding('a'))).input, 7);
  assert.equal(started, 4);
  await counter.close();
});

test('a worker that cannot be started leaves usage unknown', async () => {
  const counter = createTokenCounter({
    clock: handClock(),
    log: silentLog,
    start: () => {
      throw new Error('deliberate');
    },
  });
  assert.deepEqual(await counter.count(embedding('a')), unknown);
  await counter.close();
});

test('calls beyond the queue are unknown at once; those in it are answered', async () => {
  const counter = createTokenCounter({ clock: handClock(), log: silentLog, start: answers });
  const counts = await Promise.all(Array.from({ length: 300 }, () => counter.count(embedding('a'))));
  const answered = counts.filter(({ input }) => input === 7).length;
  // One at the worker, 256 waiting.
  assert.equal(answered, 257);
  assert.equal(counts.filter(({ input }) => input === null).length, 43);
  await counter.close();
});

test('a request body beyond the limit is not counted, what was delivered is', async () => {
  const seen = workerThat(
    `parentPort.on('message', ({ id, requestBody, delivered }) => parentPort.postMessage({ id, counted: { input: requestBody === undefined ? null : 1, measuredInput: 'unknown', output: delivered.length } }));`,
  );
  const counter = createTokenCounter({ clock: handClock(), log: silentLog, start: seen });
  const large = Buffer.alloc(4 * 1024 * 1024 + 1);
  const counted = await counter.count({ ...embedding('a'), requestBody: large, delivered: [Buffer.from('abc')] });
  assert.deepEqual(counted, { input: null, measuredInput: 'unknown', output: 3 });
  await counter.close();
});

test('closing answers what waits, and what comes later, as unknown', async () => {
  const counter = createTokenCounter({ clock: handClock(), log: silentLog, start: neverAnswers });
  const waiting = [counter.count(embedding('a')), counter.count(embedding('b'))];
  await counter.close();
  assert.deepEqual(await Promise.all([...waiting, counter.count(embedding('c'))]), [unknown, unknown, unknown]);
});
