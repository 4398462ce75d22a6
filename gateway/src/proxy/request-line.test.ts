import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Failure } from '#kernel/errors.ts';
import { callerOf, exchangeOf, subscriptionWith } from '../../test/support/exchanges.ts';
import { requestMembers } from './request-line.ts';

type Told = Parameters<typeof requestMembers>[0];

const requestId = '01K0000000000000000000TEST';
const unknown: Told = {
  requestId,
  trace: undefined,
  arrival: undefined,
  exchange: undefined,
  caller: undefined,
  failure: undefined,
  forwarding: { trail: [], waitedMs: 0 },
};
const exchange = exchangeOf({ messages: [] });
const known: Told = {
  ...unknown,
  arrival: { ...exchange, operation: 'chat.completions' },
  exchange,
  caller: callerOf(subscriptionWith()),
};

const lineOf = (told: Told, status = 200, ms = 1): unknown => JSON.parse(`{${requestMembers(told, { status, ms })}}`);

suite('the line of a request', () => {
  test('tells of one that was not understood only how it ended', () => {
    const failure = new Failure('not_found', 'No operation has this path.');
    assert.deepEqual(lineOf({ ...unknown, failure }, 404, 0.04), {
      requestId,
      status: 404,
      code: 'not_found',
      attempts: [],
      ms: 0,
    });
  });

  test('tells who asked for what, where it went and how long it took', () => {
    const told = { ...known, forwarding: { trail: ['weu:throttled', 'swc:completed'], waitedMs: 250.4 } };
    assert.deepEqual(lineOf(told, 200, 1234.56), {
      requestId,
      operation: exchange.operation,
      surface: exchange.surface,
      model: exchange.requestedModel,
      stream: exchange.stream,
      subscription: subscriptionWith().name,
      status: 200,
      attempts: ['weu:throttled', 'swc:completed'],
      waitedMs: 250,
      ms: 1234.6,
    });
  });

  const awkward = 'a "quoted" \\ line\nwith 漢字 and \u2028';
  const texts: readonly (readonly [what: string, told: Told, member: string])[] = [
    ['a model', { ...known, exchange: { ...exchange, requestedModel: awkward } }, 'model'],
    ['the id of a client', { ...known, arrival: { ...exchange, clientRequestId: awkward } }, 'clientRequestId'],
    ['a subscription', { ...known, caller: callerOf(subscriptionWith({ name: awkward })) }, 'subscription'],
  ];
  for (const [what, told, member] of texts) {
    test(`holds ${what} as it is spelled, on one line`, () => {
      assert.ok(!requestMembers(told, { status: 200, ms: 1 }).includes('\n'));
      const line = lineOf(told);
      assert.ok(typeof line === 'object' && line !== null);
      assert.equal(Reflect.get(line, member), awkward);
    });
  }

  test('cuts a name from a path, which may be as long as a client likes', () => {
    const arrival = { ...exchange, pathModel: 'm'.repeat(5000) };
    const line = lineOf({ ...unknown, arrival });
    assert.deepEqual(Reflect.get(Object(line), 'model'), 'm'.repeat(256));
  });

  test('names the trace that the caller named, where the gateway adds no spans to it', () => {
    const [traceId, spanId] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'];
    const arrival = { ...exchange, traceContext: ['traceparent', `00-${traceId}-${spanId}-01`] };
    const named = Object(lineOf({ ...known, arrival }));
    assert.deepEqual([Reflect.get(named, 'trace_id'), Reflect.get(named, 'span_id')], [traceId, undefined]);
  });
});
