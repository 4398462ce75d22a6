import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FaultInput } from '../../../twin/src/faults/fault.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { call, configFor, eventsOf, keys, startStack, type RunningStack } from '../support/running-gateway.ts';
import { until } from '../support/until.ts';

const key = { 'api-key': keys.marketing };
const path = '/openai/v1/chat/completions';
const prompt = [{ role: 'user', content: 'Name three cities in Denmark.' }];

interface Expected {
  readonly status: number;
  /** `error.code` of the answer, or of the error inside the stream. */
  readonly code?: string;
  /** Outcomes of the attempts, in the order in which they were made. */
  readonly outcomes: readonly string[];
  /** Whether the tokens of the ledger are the twin's. */
  readonly exact?: boolean;
}

interface Case {
  readonly what: string;
  readonly fault: FaultInput;
  readonly stream?: boolean;
  readonly model?: string;
  readonly expected: Expected;
}

const failedOver: Expected = { status: 200, outcomes: ['upstream-broke', 'completed'], exact: true };
const refusedOver: Expected = { status: 200, outcomes: ['refused-by-upstream', 'completed'], exact: true };
const whole: Expected = { status: 200, outcomes: ['completed'], exact: true };

const cases: readonly Case[] = [
  { what: 'a refused connection', fault: { kind: 'refuse' }, expected: failedOver },
  { what: 'a reset before the first byte', fault: { kind: 'reset' }, expected: failedOver },
  { what: 'a reset before the first byte of a stream', fault: { kind: 'reset' }, stream: true, expected: failedOver },
  { what: 'a reset after the head alone', fault: { kind: 'reset', afterBytes: 0 }, stream: true, expected: failedOver },
  ...[500, 502, 503, 504, 408].map((status): Case => ({
    what: `status ${status}`,
    fault: { kind: 'status', status },
    expected: failedOver,
  })),
  { what: 'status 429', fault: { kind: 'status', status: 429, retryAfter: 3 }, expected: refusedOver },
  { what: 'status 503 with a time', fault: { kind: 'status', status: 503, retryAfter: 3 }, expected: refusedOver },
  { what: 'status 401', fault: { kind: 'status', status: 401 }, expected: refusedOver },
  { what: 'status 404', fault: { kind: 'status', status: 404 }, expected: refusedOver },
  {
    what: 'another content-type',
    fault: { kind: 'content-type' },
    expected: { status: 200, outcomes: ['upstream-broke', 'completed'] },
  },
  {
    what: 'status 500 without another endpoint',
    fault: { kind: 'status', status: 500 },
    model: 'one-endpoint',
    expected: { status: 503, code: 'upstream_unavailable', outcomes: ['upstream-broke'] },
  },
  {
    what: 'status 401 without another endpoint',
    fault: { kind: 'status', status: 401 },
    model: 'one-endpoint',
    expected: { status: 502, code: 'upstream_misconfigured', outcomes: ['refused-by-upstream'] },
  },
  {
    what: 'malformed JSON',
    fault: { kind: 'malformed-json' },
    expected: { status: 502, code: 'upstream_invalid_reply', outcomes: ['upstream-broke'] },
  },
  {
    what: 'a reset in the middle of a stream',
    fault: { kind: 'reset', afterBytes: 1500 },
    stream: true,
    expected: { status: 200, code: 'upstream_invalid_reply', outcomes: ['upstream-broke'] },
  },
  {
    what: 'a stream that ends without its end',
    fault: { kind: 'early-end', afterEvents: 4 },
    stream: true,
    expected: { status: 200, code: 'upstream_invalid_reply', outcomes: ['upstream-broke'] },
  },
  { what: 'a missing usage', fault: { kind: 'missing-usage' }, expected: { status: 200, outcomes: ['completed'] } },
  {
    what: 'a missing usage in a stream',
    fault: { kind: 'missing-usage' },
    stream: true,
    expected: { status: 200, outcomes: ['completed'] },
  },
  { what: 'usage in a chunk that has choices', fault: { kind: 'usage-with-choices' }, stream: true, expected: whole },
  { what: 'bytes one by one', fault: { kind: 'split', sizes: [1] }, stream: true, expected: whole },
  { what: 'bytes in odd pieces', fault: { kind: 'split', sizes: [3, 1, 7, 2] }, expected: whole },
  { what: 'compression that nobody asked for', fault: { kind: 'gzip' }, expected: whole },
  { what: 'compression of a stream', fault: { kind: 'gzip' }, stream: true, expected: whole },
  { what: 'events framed by CR LF', fault: { kind: 'crlf' }, stream: true, expected: whole },
  { what: 'one giant event', fault: { kind: 'giant-event', bytes: 600_000 }, stream: true, expected: whole },
  { what: 'bytes after the end', fault: { kind: 'trailing-bytes' }, stream: true, expected: whole },
];

async function outcomesOf(stack: RunningStack): Promise<Record<string, number>> {
  const report = await stack.usage('outcome');
  return Object.fromEntries(report.rows.map((row) => [row.key, row.attempts]));
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function count(outcomes: readonly string[]): Record<string, number> {
  const counted: Record<string, number> = {};
  for (const one of outcomes) counted[one] = (counted[one] ?? 0) + 1;
  return counted;
}

function codeOf(body: string, stream: boolean): string | undefined {
  if (!stream || body.startsWith('{')) return body.startsWith('{') ? JSON.parse(body).error?.code : undefined;
  const last = eventsOf(body).at(-1) ?? '';
  return last === '[DONE]' ? undefined : JSON.parse(last).error?.code;
}

describe('whatever an upstream does, the client is told in its dialect and the ledger is right', () => {
  for (const { what, fault, stream = false, model = 'gpt-5.4-mini', expected } of cases) {
    test(what, async (context) => {
      const stack = await startStack(context);
      stack.twin.addFault(fault);
      const answer = await call(`${stack.url}${path}`, { headers: key, body: { model, messages: prompt, stream } });
      assert.equal(answer.status, expected.status, answer.body.slice(0, 300));
      assert.equal(codeOf(answer.body, stream), expected.code);
      if (stream && expected.code === undefined) assert.equal(eventsOf(answer.body).at(-1), '[DONE]');
      assert.deepEqual(await outcomesOf(stack), count(expected.outcomes));
      const { total } = await stack.usage();
      const finished = stack.twin.usage().attempts.filter((attempt) => attempt.complete);
      if (expected.exact === true) {
        // What a broken attempt had generated the twin knows and nobody else can: it is unknown, not nothing.
        assert.equal(total.outputTokens, sum(finished.map((attempt) => attempt.outputTokens)));
        assert.equal(total.inputTokens, sum(finished.map((attempt) => attempt.inputTokens)));
        const unknown = expected.outcomes.includes('upstream-broke');
        assert.equal(total.unknownUsageRequests, unknown ? 1 : 0);
      } else {
        const most = stack.twin.usage().total.outputTokens;
        assert.ok((total.outputTokens ?? 0) <= most, 'never more than was generated');
      }
      assert.deepEqual((await stack.verify()).problems, []);
      assert.ok(!answer.body.includes('contoso-weu') && !answer.body.includes('127.0.0.1'), 'no internals');
    });
  }

  test('a missing usage is counted from what was delivered, and says so', async (context) => {
    const stack = await startStack(context);
    stack.twin.addFault({ kind: 'missing-usage' });
    await call(`${stack.url}${path}`, { headers: key, body: { model: 'gpt-5.4-mini', messages: prompt } });
    const { total } = await stack.usage();
    assert.equal(total.deliveredOnlyRequests, 1);
    assert.equal(total.estimatedRequests, 1);
    assert.ok(total.outputTokens !== null && total.outputTokens > 0);
  });

  test('silence in the middle of a stream ends it with an error event', async (context) => {
    const clock = new ManualClock();
    const stack = await startStack(context, {
      overrides: { clock },
      config: (twin) =>
        configFor(twin, {
          models:
            '  gpt-5.4-mini: { tiers: [[weu], [swc]], idleTimeout: 10s }\n  gpt-5-mini: { tiers: [[reasoning]] }\n  one-endpoint: { tiers: [[weu]] }\n  classic: { tiers: [[old]] }\n  text-embedding-3-small: { tiers: [[embeddings]] }',
        }),
    });
    stack.twin.addFault({ kind: 'stall', afterBytes: 1500 });
    let begun = false;
    const answering = call(`${stack.url}${path}`, {
      headers: key,
      body: { model: 'gpt-5.4-mini', messages: prompt, stream: true },
      onData() {
        begun = true;
      },
    });
    await until(() => begun && stack.twin.held() === 1);
    // Silence counts from the last byte; the first look finds that some have come meanwhile.
    clock.advance(10_000);
    clock.advance(10_000);
    const answer = await answering;
    assert.equal(codeOf(answer.body, true), 'upstream_timeout');
    assert.deepEqual(await outcomesOf(stack), { 'timed-out': 1 });
  });

  test('the deadline ends a call that gets no first byte', async (context) => {
    const clock = new ManualClock();
    const stack = await startStack(context, {
      overrides: { clock },
      config: (twin) =>
        configFor(twin, {
          models:
            '  gpt-5.4-mini: { tiers: [[weu], [swc]], deadline: 30s }\n  gpt-5-mini: { tiers: [[reasoning]] }\n  one-endpoint: { tiers: [[weu]] }\n  classic: { tiers: [[old]] }\n  text-embedding-3-small: { tiers: [[embeddings]] }',
        }),
    });
    stack.twin.addFault({ kind: 'slow-first-byte', times: null });
    const answering = call(`${stack.url}${path}`, {
      headers: key,
      body: { model: 'gpt-5.4-mini', messages: prompt },
    });
    await until(() => stack.twin.held() === 1);
    clock.advance(30_000);
    const answer = await answering;
    assert.equal(answer.status, 504);
    assert.equal(codeOf(answer.body, false), 'upstream_timeout');
    assert.deepEqual(await outcomesOf(stack), { 'timed-out': 1 });
  });

  test('a throttled endpoint is left alone for as long as it asked', async (context) => {
    const stack = await startStack(context);
    stack.twin.addFault({
      kind: 'status',
      status: 429,
      retryAfter: 60,
      times: null,
      match: { resource: 'contoso-weu' },
    });
    for (let at = 0; at < 5; at += 1) {
      const answer = await call(`${stack.url}${path}`, {
        headers: key,
        body: { model: 'gpt-5.4-mini', messages: prompt },
      });
      assert.equal(answer.status, 200);
    }
    assert.deepEqual(await outcomesOf(stack), { 'refused-by-upstream': 1, completed: 5 });
    const health = await stack.admin('/admin/v1/deployments');
    assert.match(health.text, /"state":"throttled"/);
  });

  test('a prompt that the model cannot answer is told to its client, once, and hurts no endpoint', async (context) => {
    const stack = await startStack(context);
    const error = { message: 'The model produced invalid content.', type: 'model_error', param: null, code: null };
    stack.twin.addFault({ kind: 'status', status: 500, body: { error }, times: 12 });
    for (let at = 0; at < 12; at += 1) {
      const body = { model: 'gpt-5.4-mini', messages: prompt, stream: at % 2 === 0 };
      const answer = await call(`${stack.url}${path}`, { headers: key, body });
      assert.equal(answer.status, 500);
      assert.deepEqual(JSON.parse(answer.body), { error });
    }
    assert.deepEqual(await outcomesOf(stack), { 'upstream-broke': 12 });
    assert.equal((await stack.usage()).total.unknownUsageRequests, 12, 'it may have written much');
    assert.doesNotMatch((await stack.admin('/admin/v1/deployments')).text, /"state":"broken"/);
  });

  test('a content filter refusal reaches the client as it is and hurts no endpoint', async (context) => {
    const stack = await startStack(context);
    const answers = [];
    for (let at = 0; at < 3; at += 1) {
      answers.push(
        await call(`${stack.url}${path}`, {
          headers: key,
          body: { model: 'gpt-5.4-mini', messages: [{ role: 'user', content: 'please twin:filter-prompt' }] },
        }),
      );
    }
    for (const answer of answers) {
      assert.equal(answer.status, 400, answer.body);
      assert.equal(JSON.parse(answer.body).error.code, 'content_filter');
      assert.equal(answer.headers['x-should-retry'], undefined);
    }
    assert.deepEqual(await outcomesOf(stack), { 'filtered-prompt': 3 });
    assert.equal((await stack.usage()).total.unknownUsageRequests, 3);
    assert.doesNotMatch(
      (await stack.admin('/admin/v1/deployments')).text,
      /"state":"(throttled|broken|probing|quarantined)"/,
    );
  });
});
