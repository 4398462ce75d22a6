import assert from 'node:assert/strict';
import test from 'node:test';
import { topLevelMembers } from '#proxy/accept/json-members.ts';
import { applyEdits } from './request.ts';

function body(text: string) {
  const bytes = Buffer.from(text);
  return { bytes, json: JSON.parse(text), spans: topLevelMembers(bytes).spans };
}

// [what, body, edits, result]
const cases = [
  ['nothing to edit', '{"a":1}', [], '{"a":1}'],
  ['a member replaced', '{ "model" : "x" , "b":2}', [['model', '"y"']], '{ "model" : "y" , "b":2}'],
  ['a member added', '{"a":1}', [['b', '2']], '{"b":2,"a":1}'],
  ['a member added to nothing', '{}', [['b', '2']], '{"b":2}'],
  [
    'several',
    '{"z":12345678901234567890,"model":"x"}',
    [
      ['model', '"y"'],
      ['n', '1'],
      ['k', '"v"'],
    ],
    '{"n":1,"k":"v","z":12345678901234567890,"model":"y"}',
  ],
  [
    'numbers beyond a double and odd spelling stay',
    '{"seed":1e400,"model":"x","t":"\\u00e9é漢"}',
    [['model', '"y"']],
    '{"seed":1e400,"model":"y","t":"\\u00e9é漢"}',
  ],
] as const;

for (const [what, text, edits, expected] of cases) {
  test(`the body goes on as it came but for the members to set: ${what}`, () => {
    assert.equal(applyEdits(body(text), new Map(edits)).toString(), expected);
  });
}
