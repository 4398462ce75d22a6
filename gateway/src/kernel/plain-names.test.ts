import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { parseJson } from './json.ts';
import { withPlainNames } from './plain-names.ts';

for (const [what, text, plain] of [
  ['an escaped name', String.raw`{"a":0,"\u006dax_tokens":9}`, '{"a":0,"max_tokens":9}'],
  ['one in the middle, with space before its colon', String.raw`{"ma\u0078_tokens" : 9}`, '{"max_tokens" : 9}'],
  ['an inner one', String.raw`{"a":[{"gr\u00f6\u00dfe":1}]}`, '{"a":[{"größe":1}]}'],
  ['one that needs its escape', String.raw`{"\u0022\u005c\u000a":1}`, String.raw`{"\"\\\n":1}`],
  ['a value', String.raw`{"a":"\u006dax_tokens","b":1}`, String.raw`{"a":"\u006dax_tokens","b":1}`],
  ['a value that looks like a member', String.raw`["\"\u006d\":1"]`, String.raw`["\"\u006d\":1"]`],
  ['a backslash before a u', String.raw`{"\\u006d":"\\"}`, String.raw`{"\\u006d":"\\"}`],
  ['what is no JSON', String.raw`{"\u00zz":1,"\u006d`, String.raw`{"\u00zz":1,"\u006d`],
] as const)
  test(`names are spelt without escapes, and nothing else is changed: ${what}`, () => {
    assert.equal(withPlainNames(text), plain);
  });

for (const [before, text, members] of [
  [String.raw`{"m":0,"\\u006dax_t":0}`, String.raw`{"m":0,"\u006dax_tokens":9}`, { m: 0, max_tokens: 9 }],
  [String.raw`{"m":0,"ma\\u0078_t":0}`, String.raw`{"m":0,"ma\u0078_tokens":9}`, { m: 0, max_tokens: 9 }],
  [String.raw`{"m":0,"\\":0}`, String.raw`{"m":0,"\u006e":9}`, { m: 0, n: 9 }],
] as const)
  test(`an escaped name is not taken for one that came before: ${text}`, () => {
    parseJson(before);
    assert.deepEqual(parseJson(text), members);
  });

/** A name as it may be spelt: any of its characters escaped. */
function spelt(name: string, escaped: readonly boolean[]): string {
  return Array.from(name)
    .map((character, at) =>
      escaped[at] === true && character.length === 1
        ? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
        : JSON.stringify(character).slice(1, -1),
    )
    .join('');
}

test('whatever was parsed before, a name is what it is, however it is spelt', () => {
  const known = fc.constantFrom('n', 'stream', 'max_tokens', 'größe', 'tools');
  fc.assert(
    fc.property(known, fc.array(fc.boolean(), { minLength: 1, maxLength: 10 }), (name, escaped) => {
      const raw = spelt(name, escaped);
      // What the parser would have to have met: the beginning of the spelling, as long as the name.
      parseJson(`{"model":"m",${JSON.stringify(raw.slice(0, name.length))}:0}`);
      assert.deepEqual(parseJson(`{"model":"m","${raw}":9}`), { model: 'm', [name]: 9 });
    }),
  );
});
