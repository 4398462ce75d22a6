import assert from 'node:assert/strict';
import { test } from 'node:test';
import { csv, type Cell } from './csv.ts';

const cell = (value: Cell): string =>
  csv(['h'], [[value]])
    .split('\r\n')
    .slice(1, -1)
    .join('\r\n');

for (const [what, value, text] of [
  ['a plain text stays as it is', 'marketing', 'marketing'],
  ['a comma is quoted', 'a,b', '"a,b"'],
  ['a quote is doubled', 'a "b"', '"a ""b"""'],
  ['a line break is quoted', 'a\r\nb', '"a\r\nb"'],
  ['a number is no formula', -5, '-5'],
  ['nor is an amount below 0 that comes as text', '-9007199254740993.5', '-9007199254740993.5'],
  ['but what only begins like one may be', '-5+1', "'-5+1"],
  ['unknown is an empty cell, not 0', null, ''],
  ['a truth value', true, 'true'],
  ['an equals sign cannot start a formula', '=1+1', "'=1+1"],
  ['nor a plus', '+1', "'+1"],
  ['nor a minus', '-marketing', "'-marketing"],
  ['nor an at', '@SUM(A1)', "'@SUM(A1)"],
  ['nor a tab', '\t=1', "'\t=1"],
  ['a formula with quotes is both protected and quoted', '=HYPERLINK("x")', '"\'=HYPERLINK(""x"")"'],
] as const) {
  test(what, () => assert.equal(cell(value), text));
}

test('rows end with CRLF, the header comes first', () => {
  assert.equal(
    csv(
      ['key', 'cost'],
      [
        ['a', '1'],
        ['b', null],
      ],
    ),
    'key,cost\r\na,1\r\nb,\r\n',
  );
});
