import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTraceParent, passedOnContext, TraceIds, traceParentText, traceStateOf } from './trace-context.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const spanId = 'b7ad6b7169203331';

for (const [what, text, expected] of [
  ['one that is kept', `00-${traceId}-${spanId}-01`, { traceId, spanId, sampled: true }],
  ['one that is not', `00-${traceId}-${spanId}-00`, { traceId, spanId, sampled: false }],
  ['flags that nobody knows yet', `00-${traceId}-${spanId}-fe`, { traceId, spanId, sampled: false }],
  ['a later version', `01-${traceId}-${spanId}-01`, { traceId, spanId, sampled: true }],
  ['a later version with more', `cc-${traceId}-${spanId}-01-what.comes`, { traceId, spanId, sampled: true }],
  ['none', undefined, undefined],
  ['an empty one', '', undefined],
  ['version 00 with more', `00-${traceId}-${spanId}-01-x`, undefined],
  ['a later version that goes on without a dash', `01-${traceId}-${spanId}-01x`, undefined],
  ['version ff', `ff-${traceId}-${spanId}-01`, undefined],
  ['capital letters', `00-${traceId.toUpperCase()}-${spanId}-01`, undefined],
  ['a trace of zeros', `00-${'0'.repeat(32)}-${spanId}-01`, undefined],
  ['a span of zeros', `00-${traceId}-${'0'.repeat(16)}-01`, undefined],
  ['too few digits', `00-${traceId.slice(1)}-${spanId}-01`, undefined],
  ['two of them', `00-${traceId}-${spanId}-01, 00-${traceId}-${spanId}-01`, undefined],
  ['one that never ends', `01-${traceId}-${spanId}-01-${'a'.repeat(100_000)}`, undefined],
] as const)
  test(`a traceparent: ${what}`, () => assert.deepEqual(parseTraceParent(text), expected));

for (const [what, text, expected] of [
  ['members of several', 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE', 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE'],
  ['spaces and empty members', 'a=1 , ,b=2', 'a=1,b=2'],
  ['a tenant', 'fw529a3039@dt=FfAAAA', 'fw529a3039@dt=FfAAAA'],
  ['none', undefined, null],
  ['no value', 'a=', null],
  ['no key', '=a', null],
  ['a line end', 'a=1\r\nx-evil: 1', null],
  ['too many members', Array.from({ length: 33 }, (_, at) => `k${at}=1`).join(','), null],
  ['too long a one', `a=${'b'.repeat(600)}`, null],
] as const)
  test(`a tracestate: ${what}`, () => assert.equal(traceStateOf(text), expected));

test('what is written can be read', () => {
  assert.deepEqual(parseTraceParent(traceParentText(traceId, spanId, true)), { traceId, spanId, sampled: true });
});

test('ids are hexadecimal, of their length, and differ', () => {
  const ids = new TraceIds();
  const drawn = Array.from({ length: 500 }, () => [ids.trace(), ids.span()]).flat();
  assert.equal(new Set(drawn).size, 1000);
  for (const id of drawn) assert.match(id, /^(?:[0-9a-f]{32}|[0-9a-f]{16})$/);
});

for (const [what, headers, expected] of [
  ['none', {}, []],
  ['a parent alone', { traceparent: `00-${traceId}-${spanId}-00` }, ['traceparent', `00-${traceId}-${spanId}-00`]],
  [
    'a parent and its state, which must stay together',
    { traceparent: `00-${traceId}-${spanId}-00`, tracestate: 'a=1,b=2' },
    ['traceparent', `00-${traceId}-${spanId}-00`, 'tracestate', 'a=1,b=2'],
  ],
  ['a state without a parent', { tracestate: 'a=1' }, []],
  ['a state of a malformed parent', { traceparent: 'nonsense', tracestate: 'a=1' }, []],
  [
    'a malformed state',
    { traceparent: `00-${traceId}-${spanId}-00`, tracestate: 'a' },
    ['traceparent', `00-${traceId}-${spanId}-00`],
  ],
] as const)
  test(`a context goes on where no span of ours is between: ${what}`, () =>
    assert.deepEqual(passedOnContext(headers), expected));
