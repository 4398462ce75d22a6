import assert from 'node:assert/strict';
import test from 'node:test';
import { assert as check, dictionary, jsonValue, property, string } from 'fast-check';
import { topLevelMembers } from './json-members.ts';

test('every top-level member is found where its value stands, whatever the values and the white space', () => {
  check(
    property(dictionary(string(), jsonValue()), (object) => {
      for (const text of [
        JSON.stringify(object),
        JSON.stringify(object, null, 2),
        ` \r\n\t${JSON.stringify(object, null, '\t')}\n `,
      ]) {
        const bytes = Buffer.from(text);
        const { spans, duplicate } = topLevelMembers(bytes);
        assert.equal(duplicate, undefined);
        const found = Object.fromEntries(
          [...spans].map(([name, span]) => [name, JSON.parse(bytes.toString('utf8', span.start, span.end))]),
        );
        assert.deepEqual(found, JSON.parse(text));
      }
    }),
    { numRuns: 300 },
  );
});

const duplicates = [
  ['{"model":"a","model":"b"}', 'model'],
  ['{"model":"a","mod\\u0065l":"b"}', 'model'],
  ['{"a":{"model":1},"model":2}', undefined],
  ['{"a":"\\"model\\":1,","model":2}', undefined],
  [`{"a":"${'x'.repeat(100)}\\\\","a":1}`, 'a'],
  [`{"a":"${'x'.repeat(100)}\\\\\\"","b":1}`, undefined],
  ['{}', undefined],
] as const;

for (const [text, expected] of duplicates) {
  test(`${expected ?? 'nothing'} stands twice in ${text.slice(0, 40)}`, () => {
    assert.equal(topLevelMembers(Buffer.from(text)).duplicate, expected);
  });
}

test('a long string that ends in escaped quotes and backslashes is skipped whole', () => {
  const value = `${'y'.repeat(200)}\\"${'z'.repeat(60)}\\\\`;
  const bytes = Buffer.from(`{"long":${JSON.stringify(value)},"model":"m"}`);
  const span = topLevelMembers(bytes).spans.get('model');
  assert.ok(span);
  assert.equal(bytes.toString('utf8', span.start, span.end), '"m"');
});

for (const escape of ['\\b', '\\f', '\\n', '\\r', '\\t', '\\/', '\\"', '\\\\']) {
  test(`a name with the escape ${escape} is not taken for the name with that letter`, () => {
    // Else an edit of "stream_options" would go to "s<tab>ream_options", and the call would be sent without it.
    const text = `{"a${escape}b":1,"atb":2,"anb":3,"a/c":4}`;
    const { spans, duplicate } = topLevelMembers(Buffer.from(text));
    assert.deepEqual([...spans.keys()], Object.keys(JSON.parse(text)));
    assert.equal(duplicate, undefined);
  });
}
