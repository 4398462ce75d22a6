import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { endsWithBlankLine, EventBoundaries, formatEvent, parseEvent } from './sse.ts';

/** The events of a stream that arrives in the given chunks. */
function split(chunks: readonly string[]): string[] {
  const boundaries = new EventBoundaries();
  const events: string[] = [];
  let partial = '';
  for (const text of chunks) {
    const chunk = Buffer.from(text, 'latin1');
    let from = 0;
    for (let end = boundaries.next(chunk, from); end !== -1; end = boundaries.next(chunk, from)) {
      events.push(partial + chunk.subarray(from, end).toString('latin1'));
      partial = '';
      from = end;
    }
    partial += chunk.subarray(from).toString('latin1');
  }
  return partial === '' ? events : [...events, partial];
}

/** What a client reads of them. */
function dataOf(events: readonly string[]): string[] {
  return events.map((event) => parseEvent(Buffer.from(event, 'latin1')).data).filter((data) => data !== '');
}

const spellings = [
  { name: 'line feeds', end: '\n\n' },
  { name: 'carriage returns and line feeds', end: '\r\n\r\n' },
  { name: 'carriage returns', end: '\r\r' },
];
for (const { name, end } of spellings) {
  test(`events are found between ${name}`, () => {
    assert.deepEqual(split([`data: a${end}data: b${end}data: c`]), [`data: a${end}`, `data: b${end}`, 'data: c']);
  });
}

test('a line end within an event does not end it', () => {
  assert.deepEqual(split(['event: x\r\ndata: a\r\n\r\n']), ['event: x\r\ndata: a\r\n\r\n']);
  assert.deepEqual(split(['event: x\ndata: a\n\n']), ['event: x\ndata: a\n\n']);
});

test('an event cut inside its blank line is found whole', () => {
  assert.deepEqual(split(['data: a\n', '\ndata: b\n\n']), ['data: a\n\n', 'data: b\n\n']);
  assert.deepEqual(split(['data: a\r', '\n\r', '\ndata: b\r\n\r\n']), ['data: a\r\n\r', '\n', 'data: b\r\n\r\n']);
});

test('the data of events does not depend on where chunks are cut', () => {
  const line = fc.constantFrom('data: a', 'data: b\u00e4', 'event: x', ': comment', 'data');
  const lineEnd = fc.constantFrom('\n', '\r\n', '\r');
  const stream = fc
    .array(fc.tuple(line, lineEnd, fc.boolean()), { maxLength: 12 })
    .map((lines) => lines.map(([text, end, blank]) => text + end + (blank ? end : '')).join(''));
  fc.assert(
    fc.property(stream, fc.array(fc.nat(200)), (text, cuts) => {
      const positions = [0, ...cuts.map((cut) => Math.min(cut, text.length)), text.length].toSorted((a, b) => a - b);
      const chunks = positions.slice(1).map((position, index) => text.slice(positions[index], position));
      assert.equal(split(chunks).join(''), text);
      assert.deepEqual(dataOf(split(chunks)), dataOf(split([text])));
    }),
    { seed: 20260317, numRuns: 500 },
  );
});

test('knows a chunk that ends with a blank line', () => {
  for (const end of ['\n\n', '\r\n\r\n', '\r\r', '\n\r\n', '\r\n\r', '\n\r']) {
    assert.equal(endsWithBlankLine(Buffer.from(`data: a${end}`)), true, JSON.stringify(end));
  }
  for (const end of ['', '\n', '\r', '\r\n', '\n ']) {
    assert.equal(endsWithBlankLine(Buffer.from(`data: a${end}`)), false, JSON.stringify(end));
  }
  assert.equal(endsWithBlankLine(Buffer.alloc(0)), false);
});

test('reads type and data, joins several data lines, takes one space off, ignores comments and other fields', () => {
  assert.deepEqual(parseEvent(Buffer.from(': hello\nid: 7\nevent: message\ndata: a\ndata:  b\ndata\n\n')), {
    type: 'message',
    data: 'a\n b\n',
  });
  assert.deepEqual(parseEvent(Buffer.from('\uFEFFdata:a')), { type: undefined, data: 'a' });
});

test('writes what it reads', () => {
  for (const event of [
    { type: undefined, data: '{"a":"ä"}' },
    { type: 'error', data: '{}' },
  ]) {
    assert.deepEqual(parseEvent(formatEvent(event)), event);
  }
});
