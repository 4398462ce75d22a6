import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { isJsonObject, type Json } from '#kernel/json.ts';

import { JsonPruner, pruneJson, type Wanted } from './pruned-json.ts';

function prune(text: string, wanted: Wanted, size = text.length): unknown {
  const pruner = new JsonPruner(wanted);
  const bytes = Buffer.from(text);
  for (let from = 0; from < bytes.length; from += size) pruner.feed(bytes.subarray(from, from + size));
  return pruner.end();
}

/** The same by JSON.parse, for comparison. */
function wantedOf(value: Json | undefined, wanted: Wanted): unknown {
  if (wanted === true) return value;
  if (Array.isArray(wanted)) {
    return Array.isArray(value)
      ? value.map((one: Json) => wantedOf(one, wanted[0])).filter((one) => one !== undefined)
      : undefined;
  }
  if (!isJsonObject(value)) return undefined;
  const kept = Object.entries(wanted)
    .map(([member, of]) => [member, Object.hasOwn(value, member) ? wantedOf(value[member], of) : undefined] as const)
    .filter(([, found]) => found !== undefined);
  return Object.fromEntries(kept);
}

const wanted = { a: true, b: { a: true, c: [true] }, c: [{ a: true, b: true }] } as const;

test('keeps what is wanted and leaves the rest out', () => {
  const text =
    '{"x":{"a":1},"a":{"deep":[1,{"y":"}"}]},"b":{"a":"\\"","x":[[]],"c":[1,"2",[3]]},"c":[{"b":null,"x":1},5,{"a":-1e3}]}';
  assert.deepEqual(prune(text, wanted), {
    a: { deep: [1, { y: '}' }] },
    b: { a: '"', c: [1, '2', [3]] },
    c: [{ b: null }, { a: -1000 }],
  });
});

test('keeps the same as parsing the whole would, however the text is cut', () => {
  const key = fc.constantFrom('a', 'b', 'c', 'd', 'ä"\\');
  const { value } = fc.letrec<{ value: Json }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'medium' },
      fc.string({ unit: 'grapheme' }),
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.constantFrom(true, false, null, '\\', '"', '{[', '\\"]}'),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(key, tie('value'), { maxKeys: 4 }),
    ),
  }));
  fc.assert(
    fc.property(fc.dictionary(key, value), fc.integer({ min: 1, max: 9 }), fc.boolean(), (object, size, spaced) => {
      const text = JSON.stringify(object, null, spaced ? 2 : 0);
      const expected = wantedOf(JSON.parse(text) as Json, wanted);
      assert.deepEqual(prune(text, wanted, size), JSON.parse(JSON.stringify(expected)));
    }),
    { seed: 20_260_317, numRuns: 1000 },
  );
});

for (const text of ['', '[]', '"a"', '{"a":1', '{"a":1]', '{"a":1}}', '{"a":1} x', '{a:1}', '{"b":{"c":[1}}']) {
  test(`${JSON.stringify(text)} is no object`, () => assert.equal(prune(text, wanted), undefined));
}

test('a wanted value that is too large is given up, not kept', () => {
  assert.equal(prune(JSON.stringify({ a: 'x'.repeat(300_000) }), wanted, 1000), undefined);
  assert.equal(prune(JSON.stringify({ c: Array.from({ length: 50_000 }, () => ({ a: 1 })) }), wanted, 1000), undefined);
});

test('of a text that was cut, the wanted members that came whole are saved', () => {
  const text = '{"a":1,"b":{"a":{"n":2},"c":[1,2';
  assert.deepEqual(pruneJson(text, wanted), { a: 1, b: { a: { n: 2 }, c: [1] } });
  assert.deepEqual(pruneJson('{"b":{"a":{"n":2', wanted), { b: {} });
  assert.equal(pruneJson('', wanted), undefined);
  assert.equal(pruneJson('not json', wanted), undefined);
});
