// Each fault, seen from the caller's side and in the record.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { FaultInput } from '../src/faults/fault.ts';
import { ManualClock } from './support/manual-clock.ts';
import { call, chatPath, chunks, events, json, say, twinFor, v1 } from './support/call.ts';

const whole = { path: chatPath, body: say('Hello') };
const streamed = { path: chatPath, body: say('Hello', { stream: true, stream_options: { include_usage: true } }) };
const response = { path: `${v1}/responses`, body: { model: 'gpt-5.4-mini', input: 'Hello', stream: true } };

void suite('faults', () => {
  test('refuse: nothing comes back, and no token was used', async (context) => {
    const twin = await twinFor(context);
    twin.addFault({ kind: 'refuse' });
    await assert.rejects(call(twin, whole), /ECONNRESET|socket hang up/);
    const { attempts, total } = twin.usage();
    assert.deepEqual([attempts[0]?.status, attempts[0]?.complete, total.inputTokens], [0, false, 0]);
    assert.equal((await call(twin, whole)).status, 200, 'only once');
  });

  test('reset before the first byte: status 0, but the model was at work', async (context) => {
    const twin = await twinFor(context);
    twin.addFault({ kind: 'reset' });
    await assert.rejects(call(twin, whole), /ECONNRESET|socket hang up/);
    const [attempt] = twin.usage().attempts;
    assert.equal(attempt?.status, 0);
    assert.equal(attempt.complete, false);
    assert.ok(attempt.inputTokens > 0 && attempt.outputTokens > 0);
  });

  test('a break after 700 bytes: so many came, and the record knows what was generated', async (context) => {
    const twin = await twinFor(context);
    twin.addFault({ kind: 'reset', afterBytes: 700 });
    const got = await call(twin, streamed);
    assert.ok(got.broken !== undefined);
    assert.equal(got.body.length, 700);
    const [attempt] = twin.usage().attempts;
    assert.deepEqual([attempt?.status, attempt?.complete], [200, false]);
  });

  test('a TCP reset within the body', async (context) => {
    const twin = await twinFor(context);
    twin.addFault({ kind: 'reset', how: 'reset', afterBytes: 700 });
    // The reset may overtake what was sent before it.
    await call(twin, streamed).then(
      (got) => assert.ok(got.broken !== undefined && got.body.length <= 700),
      (error: unknown) => assert.match(String(error), /ECONNRESET/),
    );
    const [attempt] = twin.usage().attempts;
    assert.deepEqual([attempt?.status, attempt?.complete], [200, false]);
  });

  test('reset within an unstreamed body', async (context) => {
    const twin = await twinFor(context);
    twin.addFault({ kind: 'reset', afterBytes: 10 });
    const got = await call(twin, whole);
    assert.ok(got.broken !== undefined);
    assert.equal(got.body.length, 10);
    assert.equal(twin.usage().attempts[0]?.complete, false);
  });

  test('stall: the stream stops, and goes on when it is released', async (context) => {
    const twin = await twinFor(context);
    twin.addFault({ kind: 'stall', afterBytes: 500 });
    const pending = call(twin, streamed);
    while (twin.held() === 0) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(twin.usage().running, 1);
    assert.equal(twin.release(), 1);
    const got = await pending;
    assert.equal(events(got).at(-1), '[DONE]');
    assert.equal(twin.usage().attempts[0]?.complete, true);
  });

  test('slow first byte: held until released, of one attempt by its id', async (context) => {
    const twin = await twinFor(context);
    twin.addFault({ kind: 'slow-first-byte', times: 2 });
    const first = call(twin, { ...streamed, headers: { 'x-ms-client-request-id': 'first' } });
    const second = call(twin, { ...streamed, headers: { 'x-ms-client-request-id': 'second' } });
    while (twin.held() < 2) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(twin.release('second'), 1);
    await second;
    assert.deepEqual(
      twin.usage().attempts.map((one) => one.id),
      ['second'],
    );
    twin.release();
    assert.equal((await first).status, 200);
  });

  test('slow first byte by the clock, after the headers', async (context) => {
    const clock = new ManualClock();
    const twin = await twinFor(context, { clock });
    twin.addFault({ kind: 'slow-first-byte', ms: 30_000, after: 'headers' });
    const pending = call(twin, whole);
    await clock.waitedFor();
    clock.advance(29_999);
    assert.equal(twin.usage().running, 1);
    clock.advance(1);
    assert.equal((await pending).status, 200);
  });

  for (const status of [401, 403, 404, 408, 429, 500, 502, 503])
    test(`status ${status} as the service words it`, async (context) => {
      const twin = await twinFor(context);
      twin.addFault({ kind: 'status', status, retryAfter: 7, retryAfterMs: 6500, headers: { 'x-extra': 'yes' } });
      const got = await call(twin, streamed);
      assert.equal(got.status, status);
      assert.equal(got.headers['retry-after'], '7');
      assert.equal(got.headers['retry-after-ms'], '6500');
      assert.equal(got.headers['x-extra'], 'yes');
      assert.ok(json(got).error.message.length > 0);
      assert.deepEqual([twin.usage().attempts[0]?.status, twin.usage().total.inputTokens], [status, 0]);
    });

  test('status, slowly: held until released, stopped in the middle, in pieces, broken off, or never begun', async (context) => {
    const twin = await twinFor(context);
    const slow: readonly [FaultInput, boolean][] = [
      [{ kind: 'slow-first-byte' }, true],
      [{ kind: 'slow-first-byte', after: 'headers' }, true],
      [{ kind: 'stall', afterBytes: 20 }, true],
      [{ kind: 'split', sizes: [1, 2] }, false],
    ];
    for (const [fault, held] of slow) {
      twin.addFault({ kind: 'status', status: 429, retryAfter: 7 });
      twin.addFault(fault);
      const pending = call(twin, streamed);
      if (held) {
        while (twin.held() === 0) await new Promise((resolve) => setImmediate(resolve));
        twin.release();
      }
      const got = await pending;
      assert.deepEqual([got.status, got.headers['retry-after'], json(got).error.code], [429, '7', '429'], fault.kind);
      assert.equal(twin.usage().attempts.at(-1)?.complete, true);
    }
    for (const fault of [{ kind: 'reset', afterBytes: 20 }, { kind: 'reset' }] as const) {
      twin.addFault({ kind: 'status', status: 503 });
      twin.addFault(fault);
      await call(twin, streamed).catch(() => undefined);
      assert.equal(twin.usage().attempts.at(-1)?.complete, false);
    }
    assert.equal(twin.usage().total.inputTokens, 0);
  });

  test('status with a date to retry after and a body of one’s own', async (context) => {
    const twin = await twinFor(context);
    const retryAfter = 'Wed, 21 Oct 2026 07:28:00 GMT';
    twin.addFault({ kind: 'status', status: 503, retryAfter, body: '<h1>no</h1>' });
    const got = await call(twin, whole);
    assert.equal(got.headers['retry-after'], retryAfter);
    assert.equal(got.body.toString(), '<h1>no</h1>');
  });

  test('wrong content-type', async (context) => {
    const twin = await twinFor(context);
    twin.addFault({ kind: 'content-type', value: 'text/plain', times: 2 });
    assert.equal((await call(twin, whole)).headers['content-type'], 'text/plain');
    assert.equal((await call(twin, streamed)).headers['content-type'], 'text/plain');
  });

  test('malformed JSON, in a body and in one event of a stream', async (context) => {
    const twin = await twinFor(context);
    twin.addFault({ kind: 'malformed-json', afterEvents: 3, times: 2 });
    const body = await call(twin, whole);
    assert.throws(() => json(body));
    assert.equal(body.broken, undefined);
    const data = events(await call(twin, streamed));
    const broken = data.map((one, at) => ({ at, good: one === '[DONE]' || isJson(one) })).filter((one) => !one.good);
    assert.deepEqual(
      broken.map((one) => one.at),
      [3],
    );
  });

  test('missing usage, on every dialect; the record has it all the same', async (context) => {
    const twin = await twinFor(context);
    twin.addFault({ kind: 'missing-usage', times: null });
    assert.equal(json(await call(twin, whole)).usage, undefined);
    const chat = chunks(await call(twin, streamed));
    assert.ok(chat.every((chunk) => (chunk.usage ?? null) === null));
    assert.equal(chat.at(-1).choices[0].finish_reason, 'stop');
    assert.equal(chunks(await call(twin, response)).at(-1).response.usage, undefined);
    const input = { model: 'text-embedding-3-small', input: 'x' };
    assert.equal(json(await call(twin, { path: `${v1}/embeddings`, body: input })).usage, undefined);
    assert.ok(twin.usage().attempts.every((one) => one.inputTokens > 0));
  });

  test('usage in the chunk of the finish, and in no other', async (context) => {
    const twin = await twinFor(context);
    twin.addFault({ kind: 'usage-with-choices' });
    const chat = chunks(await call(twin, streamed));
    const withUsage = chat.filter((chunk) => (chunk.usage ?? null) !== null);
    assert.equal(withUsage.length, 1);
    assert.equal(withUsage[0].choices[0].finish_reason, 'stop');
    assert.equal(withUsage[0].usage.completion_tokens, twin.usage().total.outputTokens);
  });

  test('split: the same bytes in other pieces', async (context) => {
    const twin = await twinFor(context);
    const ask = { path: chatPath, body: say('twin:say=漢字 🦊', { stream: true }) };
    const plain = chunks(await call(twin, ask)).map((chunk) => chunk.choices[0]?.delta?.content ?? '');
    twin.addFault({ kind: 'split', sizes: [1, 2] });
    const got = await call(twin, ask);
    assert.deepEqual(
      chunks(got).map((chunk) => chunk.choices[0]?.delta?.content ?? ''),
      plain,
    );
    assert.ok(got.pieces.length > 100, `${got.pieces.length} pieces`);
    assert.equal(twin.usage().attempts[1]?.complete, true);
  });

  test('gzip, although nobody asked for it', async (context) => {
    const twin = await twinFor(context);
    twin.addFault({ kind: 'gzip', times: 2 });
    for (const asked of [whole, streamed]) {
      const got = await call(twin, { ...asked, headers: { 'accept-encoding': 'identity' } });
      assert.equal(got.headers['content-encoding'], 'gzip');
      assert.match(gunzipSync(got.body).toString(), /"content"/);
    }
    assert.ok(twin.usage().attempts.every((one) => one.complete));
  });

  test('CR LF framing', async (context) => {
    const twin = await twinFor(context);
    twin.addFault({ kind: 'crlf' });
    const got = await call(twin, response);
    assert.ok(got.body.toString().endsWith('\r\n\r\n'));
    assert.ok(!/[^\r]\n/.test(got.body.toString()));
    assert.equal(chunks(got).at(-1).type, 'response.completed');
  });

  test('one giant event', async (context) => {
    const twin = await twinFor(context);
    twin.addFault({ kind: 'giant-event', bytes: 300_000, times: 2 });
    for (const asked of [streamed, response]) {
      const sizes = events(await call(twin, asked)).map((data) => data.length);
      assert.equal(sizes.filter((size) => size > 300_000).length, 1);
    }
  });

  test('headers beside those of the service, whatever the answer is', async (context) => {
    const twin = await twinFor(context);
    const headers = { 'x-ratelimit-remaining-tokens': '0', 'retry-after': '30' };
    twin.addFault({ kind: 'headers', headers, times: 3 });
    twin.addFault({ kind: 'status', status: 503, skip: 2 });
    for (const [asked, status] of [
      [whole, 200],
      [streamed, 200],
      [whole, 503],
    ] as const) {
      const got = await call(twin, asked);
      assert.equal(got.status, status);
      assert.deepEqual(Object.fromEntries(Object.keys(headers).map((name) => [name, got.headers[name]])), headers);
    }
  });

  test('events that are larger', async (context) => {
    const twin = await twinFor(context);
    twin.addFault({ kind: 'large-events', bytes: 5_000, times: 2 });
    for (const asked of [streamed, response]) {
      const data = events(await call(twin, asked));
      assert.ok(data.every((one) => one === '[DONE]' || JSON.parse(one).padding.length === 5_000));
    }
  });

  test('bytes after the end', async (context) => {
    const twin = await twinFor(context);
    twin.addFault({ kind: 'trailing-bytes', text: 'data: late\n\n' });
    const got = await call(twin, streamed);
    assert.ok(got.body.toString().endsWith('data: [DONE]\n\ndata: late\n\n'));
  });

  test('an error inside a stream ends it, in the form of its dialect', async (context) => {
    const twin = await twinFor(context);
    twin.addFault({ kind: 'error-event', afterEvents: 4, times: 2 });
    const chat = await call(twin, streamed);
    assert.equal(chunks(chat).at(-1).error.type, 'server_error');
    const inResponses = await call(twin, response);
    assert.equal(chunks(inResponses).at(-1).type, 'error');
    assert.ok(inResponses.body.includes('event: error\n'));
    assert.ok(twin.usage().attempts.every((one) => !one.complete && one.status === 200));
  });

  test('an early end has no end event', async (context) => {
    const twin = await twinFor(context);
    twin.addFault({ kind: 'early-end', afterEvents: 5 });
    const got = await call(twin, streamed);
    assert.equal(got.broken, undefined);
    assert.equal(events(got).length, 5);
    assert.equal(twin.usage().attempts[0]?.complete, false);
  });

  test('faults of several kinds happen together', async (context) => {
    const twin = await twinFor(context);
    twin.addFault({ kind: 'crlf' });
    twin.addFault({ kind: 'split', sizes: [3] });
    twin.addFault({ kind: 'reset', afterBytes: 1001 });
    const got = await call(twin, streamed);
    assert.equal(got.body.length, 1001);
    assert.ok(got.body.includes('\r\n\r\n'));
  });

  test('a request may bring its own fault', async (context) => {
    const twin = await twinFor(context);
    const fault = JSON.stringify({ kind: 'status', status: 503 });
    assert.equal((await call(twin, { ...whole, headers: { 'x-twin-fault': fault } })).status, 503);
    assert.equal((await call(twin, { ...whole, headers: { 'x-twin-fault': 'nonsense' } })).status, 400);
    assert.equal((await call(twin, whole)).status, 200);
  });

  test('a full socket stops the model: a caller that reads nothing gets little generated', async (context) => {
    const twin = await twinFor(context);
    const body = say('twin:tokens=200000', { stream: true, reasoning_effort: 'none' });
    const controller = new AbortController();
    const headers = { 'api-key': twin.key };
    const reply = await fetch(`${twin.url}${chatPath}`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers,
      signal: controller.signal,
    });
    assert.equal(reply.status, 200);
    for (let turn = 0; turn < 20_000; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    controller.abort();
    while (twin.usage().running > 0) await new Promise((resolve) => setImmediate(resolve));
    const { outputTokens } = twin.usage().total;
    assert.ok(outputTokens > 0 && outputTokens < 100_000, String(outputTokens));
  });
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
