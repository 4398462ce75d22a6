import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createCsvReader, csvLine, type CsvRow } from './csv.ts';

const written = csvLine(['plain', 'a "b", c\nd', null, 12n, { number: '-0.5' }, true, '=1+1', '-x']);

function read(pieces: readonly string[]): readonly CsvRow[] {
  const reader = createCsvReader();
  return [...pieces.flatMap((piece) => [...reader.push(piece)]), ...reader.end().rows];
}

suite('CSV', () => {
  test('quotes what needs it, and makes no formula of a text', () => {
    assert.equal(written, `plain,"a ""b"", c\nd",,12,-0.5,true,'=1+1,'-x\r\n`);
  });

  test('is read as it was written, however it is cut into pieces', () => {
    const text = `${written}second,row\r\n\nlast`;
    const expected = [
      { line: 1, cells: ['plain', 'a "b", c\nd', '', '12', '-0.5', 'true', "'=1+1", "'-x"] },
      { line: 3, cells: ['second', 'row'] },
      { line: 4, cells: [''] },
      { line: 5, cells: ['last'] },
    ];
    assert.deepEqual(read([text]), expected);
    assert.deepEqual(read(text.split('')), expected);
  });

  test('an empty file has no rows, and an open quote is told', () => {
    assert.deepEqual(read(['']), []);
    const reader = createCsvReader();
    reader.push('a,"b');
    assert.equal(reader.end().unclosedQuote, true);
  });
});
