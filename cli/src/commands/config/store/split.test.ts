import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parse } from 'yaml';
import { lineDifference } from './lines.ts';
import { planOf, type Stored } from './plan.ts';
import { splitConfiguration, type Entry } from './split.ts';

function entriesOf(text: string): readonly Entry[] {
  const split = splitConfiguration(text);
  assert.ok('entries' in split, 'problem' in split ? split.problem : '');
  return split.entries;
}

const stored = (key: string, value: string, more: Partial<Stored> = {}): Stored => ({
  key,
  value,
  label: null,
  contentType: 'application/yaml',
  etag: key,
  tags: {},
  ...more,
});

suite('a configuration in keys', () => {
  test('is one key for a section, and numbers, references and nothing stay as they are written', () => {
    const text =
      'organisation: contoso\nprices: { a: 1.10, b: 12345678901234567890 }\nlog: # why\n  level: "${LEVEL}"\nsubscriptions:\n';
    assert.deepEqual(
      entriesOf(text).map(({ key, value }) => [key, value.trim()]),
      [
        ['tollgate:organisation', 'contoso'],
        ['tollgate:prices', '{ a: 1.10, b: 12345678901234567890 }'],
        ['tollgate:log', 'level: "${LEVEL}" # why'].map((one, at) =>
          at === 1 ? entriesOf(text)[2]?.value.trim() : one,
        ),
        ['tollgate:subscriptions', 'null'],
      ],
    );
    assert.deepEqual(parse(entriesOf(text)[2]?.value ?? ''), { level: '${LEVEL}' });
  });

  test('of a section that is too large is one key for each entry, and of an entry that is, one for each of its parts', () => {
    const long = 'x'.repeat(5_000);
    const text = JSON.stringify({ endpoints: { a: { p: long, q: long }, b: { p: long } }, small: { c: 1 } });
    const entries = entriesOf(text);
    assert.deepEqual(
      entries.map(({ key }) => key),
      ['tollgate:endpoints:a:p', 'tollgate:endpoints:a:q', 'tollgate:endpoints:b', 'tollgate:small'],
    );
    for (const { key, value } of entries) assert.ok(Buffer.byteLength(JSON.stringify({ key, value })) < 10_000);
  });

  test('has what an alias means in every key', () => {
    const entries = entriesOf('a: &shared { x: 1 }\nb: *shared\nc: { d: *shared }\n');
    assert.deepEqual(
      entries.map(({ value }) => parse(value)),
      [{ x: 1 }, { x: 1 }, { d: { x: 1 } }],
    );
  });

  for (const [what, text, problem] of [
    ['a list', '- a', /no map/],
    ['broken', 'a: [', /no map/],
    ['a list that is too large', JSON.stringify({ a: { b: Array(3_000).fill('xxxx') } }), /^a\.b has \d+ bytes/],
    ['a name with a colon', JSON.stringify({ a: { 'b:c': 'x'.repeat(10_000) } }), /a\.b:c is no name/],
  ] as const)
    test(`is refused, and what is wrong said: ${what}`, () => {
      const split = splitConfiguration(text);
      assert.match('problem' in split ? split.problem : '', problem);
    });
});

suite('what a push has to do', () => {
  test('is what is not there, not the same, or no longer wanted; flags and other labels stay', () => {
    const entries = entriesOf('same: 1\nother: 2\nnew: 3\nkey: { keyVault: x }\n');
    const plan = planOf(
      entries,
      [
        stored('tollgate:same', '1\n'),
        stored('tollgate:other', '1\n'),
        stored('tollgate:gone', '1\n'),
        stored('tollgate:gone', '1\n', { label: 'prod' }),
        stored('tollgate:key', entries[3]?.value ?? '', {
          contentType: 'application/vnd.microsoft.appconfig.keyvaultref+json',
        }),
        stored('tollgate-of-others', '1'),
        stored('tollgate:sentinel', 'writing 1'),
        stored('.appconfig.featureflag/tollgate.endpoints.weu', '{}'),
      ],
      null,
    );
    assert.deepEqual(
      plan.changes.map(({ change, key }) => `${change} ${key}`),
      ['deleted tollgate:gone', 'changed tollgate:key', 'added tollgate:new', 'changed tollgate:other'],
    );
    assert.equal(plan.unchanged, 1);
    assert.equal(plan.unfinished, 'writing 1');
    assert.deepEqual(plan.afterwards.map(({ key, label }) => `${key}@${label}`).toSorted(), [
      '.appconfig.featureflag/tollgate.endpoints.weu@null',
      'tollgate-of-others@null',
      'tollgate:gone@prod',
      'tollgate:key@null',
      'tollgate:new@null',
      'tollgate:other@null',
      'tollgate:same@null',
    ]);
  });

  test('is shown line by line, and nothing of it is an order to the terminal', () => {
    const lines = lineDifference('a\nb\nc\n', 'a\nx\u001B[2J\nc\nd\n').map(({ sign, text }) => sign + text);
    assert.deepEqual(lines, [' a', '-b', '+x\uFFFD[2J', ' c', '+d']);
  });
});
