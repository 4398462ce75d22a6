import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { JsonCursor, UnexpectedText } from './json-cursor.ts';

function at(text: string): JsonCursor {
  const cursor = new JsonCursor();
  cursor.begin(text);
  return cursor;
}

test('every string, integer and amount is read as it was written, and what follows it is next', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      fc.maxSafeInteger(),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      (string, integer, amount) => {
        const cursor = at(`${JSON.stringify(string)},${integer},"${amount}",null]`);
        assert.equal(cursor.string(), string);
        cursor.pass(',');
        // There is no -0 in what is written.
        assert.equal(cursor.integer(), integer + 0);
        cursor.pass(',');
        assert.equal(cursor.bigint(), amount);
        cursor.pass(',');
        assert.equal(cursor.bigintOrNull(), null);
        assert.equal(cursor.rest(), ']');
      },
    ),
  );
});

test('null is told from everything else, and a literal from what only begins like it', () => {
  assert.equal(at('null').stringOrNull(), null);
  assert.equal(at('"null"').stringOrNull(), 'null');
  assert.equal(at('null').integerOrNull(), null);
  assert.equal(at('7').integerOrNull(), 7);
  assert.equal(at('"a').has('"ab'), false);
  assert.equal(at('a,"b":1').upTo(',"b":'), 'a');
});

test('what is something else than was expected is refused', () => {
  const refused: [string, (cursor: JsonCursor) => unknown][] = [
    ['"open', (one) => one.string()],
    ['"a\nb"', (one) => one.string()],
    ['"\\', (one) => one.string()],
    ['"\\x"', (one) => one.string()],
    ['7', (one) => one.string()],
    ['', (one) => one.string()],
    ['"7"', (one) => one.integer()],
    ['-', (one) => one.integer()],
    ['', (one) => one.integer()],
    ['9007199254740992', (one) => one.integer()],
    ['nul', (one) => one.integerOrNull()],
    ['7', (one) => one.bigint()],
    ['""', (one) => one.bigint()],
    ['"-"', (one) => one.bigint()],
    ['"1.5"', (one) => one.bigint()],
    ['"12345678901234567890"', (one) => one.bigint()],
    ['"7', (one) => one.bigint()],
    ['ab', (one) => one.pass('b')],
    ['ab', (one) => one.upTo('c')],
  ];
  for (const [text, read] of refused) assert.throws(() => read(at(text)), UnexpectedText, text);
});
