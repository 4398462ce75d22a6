import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '#kernel/random.ts';
import type { CallTrace, TracedCall } from '#model/call-trace.ts';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { Tracer } from './tracer.ts';

function callOf(trace: CallTrace): TracedCall {
  return {
    trace,
    requestId: 'r',
    receivedAt: 0,
    startedAt: 0,
    endedAt: 1,
    method: 'POST',
    operation: null,
    surface: null,
    model: null,
    stream: false,
    caller: null,
    status: 200,
    code: null,
    waitedMs: 0,
  };
}

function setUp() {
  const clock = new ManualClock();
  const sent: { readonly count: number; readonly answer: PromiseWithResolvers<void> }[] = [];
  const tracer = new Tracer({
    clock,
    timers: clock,
    random: seededRandom(1),
    rules: () => ({ share: 1, followed: 0, parentBased: false }),
    async send(text) {
      const answer = Promise.withResolvers<void>();
      sent.push({ count: JSON.parse(text).calls.length, answer });
      await answer.promise;
    },
  });
  const end = (count: number): void => {
    for (let made = 0; made < count; made += 1) {
      const trace = tracer.begin({});
      assert.ok(trace !== undefined);
      tracer.end(callOf(trace));
    }
  };
  return { clock, tracer, sent, end, counts: () => sent.map(({ count }) => count) };
}

async function settled(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}

test('calls are handed on together: so many, or after a second', () => {
  const { clock, end, counts } = setUp();
  end(255);
  assert.deepEqual(counts(), []);
  end(1);
  assert.deepEqual(counts(), [256]);
  end(3);
  clock.advance(999);
  assert.deepEqual(counts(), [256]);
  clock.advance(1);
  assert.deepEqual(counts(), [256, 3]);
});

test('where nobody takes them, so many wait and the others are dropped and counted', async () => {
  const { tracer, sent, end, counts } = setUp();
  end(4 * 256);
  assert.deepEqual(counts(), [256, 256, 256, 256]);
  end(5000);
  assert.equal(sent.length, 4, 'no more at a time');
  assert.equal(tracer.dropped, 5000 - 4096);
  for (const { answer } of sent) answer.resolve();
  await settled();
});

test('at the end everything that waits is handed on', async () => {
  const { tracer, sent, end, counts } = setUp();
  end(5 * 256 + 1);
  const flushed = tracer.flush();
  for (let turn = 0; turn < 10; turn += 1) {
    for (const { answer } of sent) answer.resolve();
    // oxlint-disable-next-line no-await-in-loop -- What is sent next follows from the answer before.
    await settled();
  }
  await flushed;
  assert.deepEqual(counts(), [256, 256, 256, 256, 257]);
  assert.equal(tracer.dropped, 0);
});

test('what a worker took that has ended since is counted as dropped', async () => {
  const { tracer, sent, end } = setUp();
  end(256);
  sent[0]?.answer.reject(new Error('The telemetry worker ended.'));
  await settled();
  assert.equal(tracer.dropped, 256);
});
