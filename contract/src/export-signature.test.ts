import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { canonicalJson } from './export-signature.ts';

suite('the canonical text', () => {
  for (const [value, text] of [
    [{ b: 1, a: 'x' }, '{"a":"x","b":1}'],
    [{ a: { z: null, b: [] }, A: [1, 'two', { d: 0, c: 0 }] }, '{"A":[1,"two",{"c":0,"d":0}],"a":{"b":[],"z":null}}'],
    ['€ "quoted" \n', '"€ \\"quoted\\" \\n"'],
  ] as const)
    test(`of ${JSON.stringify(value)} is ${text}`, () => {
      assert.equal(canonicalJson(value), text);
    });

  test('does not depend on the order in which members were written', () => {
    assert.equal(canonicalJson({ a: 1, b: { c: 2, d: 3 } }), canonicalJson({ b: { d: 3, c: 2 }, a: 1 }));
  });
});
