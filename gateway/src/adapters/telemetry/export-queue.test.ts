import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Log } from '#kernel/log.ts';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { ExportQueue } from './export-queue.ts';
import { Tally } from './tally.ts';

const of = { exporter: 'otlp', signal: 'spans' } as const;

async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1)
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
}

/** A queue whose exports are answered by the test, one by one. */
function setUp() {
  const clock = new ManualClock();
  const tally = new Tally();
  const lines: string[] = [];
  const write = (_fields: object, message: string): void => void lines.push(message);
  const log: Log = { debug: write, info: write, warn: write, error: write };
  const asked: { readonly items: readonly number[]; readonly answer: PromiseWithResolvers<number> }[] = [];
  const queue = new ExportQueue<number>({
    of,
    tally,
    clock,
    log,
    export(items) {
      const answer = Promise.withResolvers<number>();
      asked.push({ items, answer });
      return answer.promise;
    },
  });
  return {
    clock,
    queue,
    asked,
    lines,
    counts: () => [tally.get(of, 'exported'), tally.get(of, 'dropped')],
    take: async (): Promise<void> => {
      asked.at(-1)?.answer.resolve(asked.at(-1)?.items.length ?? 0);
      await settled();
    },
    refuse: async (): Promise<void> => {
      asked.at(-1)?.answer.reject(new Error('away'));
      await settled();
    },
  };
}

const many = (count: number): number[] => Array.from({ length: count }, (_, at) => at);

test('one export at a time, so many items each', async () => {
  const { queue, asked, take, counts } = setUp();
  queue.push(many(1000));
  queue.push(many(100));
  assert.equal(asked.length, 1);
  await take();
  await take();
  await take();
  assert.deepEqual(
    asked.map(({ items }) => items.length),
    [512, 512, 76],
  );
  assert.deepEqual(counts(), [1100, 0]);
});

test('what does not fit is dropped and counted', async () => {
  const { queue, asked, counts } = setUp();
  queue.push(many(512));
  queue.push(many(10_000));
  assert.equal(asked.length, 1);
  assert.deepEqual(counts(), [0, 10_000 - 8192]);
  await settled();
});

test('a part that was refused is dropped, the rest is not', async () => {
  const { queue, asked, counts, lines } = setUp();
  queue.push(many(10));
  asked[0]?.answer.resolve(7);
  await settled();
  assert.deepEqual(counts(), [7, 3]);
  assert.equal(lines.length, 1);
});

test('whoever is away is told of once, and told of when it is back', async () => {
  const { clock, queue, refuse, take, lines, counts } = setUp();
  for (const pause of [1000, 2000]) {
    queue.push([1]);
    await settled();
    await refuse();
    clock.advance(pause);
    await settled();
  }
  assert.deepEqual(lines, ['telemetry could not be exported: it is dropped, and counted']);
  queue.push([1]);
  await settled();
  await take();
  assert.equal(lines.at(-1), 'telemetry can be exported again');
  assert.deepEqual(counts(), [1, 2]);
});

test('pauses double up to half a minute', async () => {
  const { clock, queue, asked, refuse, lines } = setUp();
  for (const pause of [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]) {
    queue.push([1]);
    await settled();
    const before = asked.length;
    await refuse();
    queue.push([2]);
    clock.advance(pause - 1);
    await settled();
    assert.equal(asked.length, before, `left alone for ${pause} ms`);
    clock.advance(1);
    await settled();
    assert.equal(asked.length, before + 1);
  }
  assert.equal(lines.length, 1, 'told once');
});

test('an export that takes too long is given up', async () => {
  const { clock, queue, asked, counts } = setUp();
  queue.push(many(5));
  clock.advance(30_000);
  await settled();
  assert.deepEqual(counts(), [0, 5]);
  asked[0]?.answer.reject(new Error('late'));
  await settled();
});

test('at the end what is left is tried at once', async () => {
  const { queue, asked, refuse, take, counts } = setUp();
  queue.push([1]);
  await refuse();
  queue.push([2]);
  const finished = queue.finish();
  await settled();
  assert.equal(asked.length, 2);
  await take();
  await finished;
  assert.deepEqual(counts(), [1, 1]);
});
