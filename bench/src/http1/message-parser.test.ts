import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageParser } from './message-parser.ts';

interface Seen {
  startLine: string;
  body: string;
  ended: boolean;
}

function collect(kind: 'request' | 'reply'): { parser: MessageParser; seen: Seen[] } {
  const seen: Seen[] = [];
  const last = (): Seen => seen.at(-1) ?? assert.fail('no head yet');
  const parser = new MessageParser(kind, {
    head: (head) => seen.push({ startLine: head.startLine, body: '', ended: false }),
    body: (part) => (last().body += part.toString('utf8')),
    end: () => (last().ended = true),
  });
  return { parser, seen };
}

const twoReplies = Buffer.from(
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello' +
    'HTTP/1.1 429 Too Many Requests\r\nTransfer-Encoding: chunked\r\n\r\n' +
    '4;ext=1\r\nWiki\r\n5\r\npedia\r\n0\r\nx-trailer: 1\r\n\r\n' +
    'HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n',
);

test('reads the same messages wherever the bytes are cut', () => {
  const expected: Seen[] = [
    { startLine: 'HTTP/1.1 200 OK', body: 'hello', ended: true },
    { startLine: 'HTTP/1.1 429 Too Many Requests', body: 'Wikipedia', ended: true },
    { startLine: 'HTTP/1.1 204 No Content', body: '', ended: true },
  ];
  for (let size = 1; size <= twoReplies.length; size += 1) {
    const { parser, seen } = collect('reply');
    // One buffer for every read, as the load generator's sockets use: nothing may keep a view of it.
    const shared = Buffer.alloc(size);
    for (let at = 0; at < twoReplies.length; at += size) {
      const read = twoReplies.copy(shared, 0, at, Math.min(at + size, twoReplies.length));
      parser.push(shared.subarray(0, read));
      shared.fill(0);
    }
    assert.deepEqual(seen, expected, `cut every ${size} bytes`);
    assert.equal(parser.idle, true);
  }
});

test('a request without length has no body; a reply without length runs until the close', () => {
  const request = collect('request');
  request.parser.push(Buffer.from('GET /x HTTP/1.1\r\nhost: a\r\n\r\n'));
  assert.deepEqual(request.seen, [{ startLine: 'GET /x HTTP/1.1', body: '', ended: true }]);

  const reply = collect('reply');
  reply.parser.push(Buffer.from('HTTP/1.1 200 OK\r\n\r\npart one, '));
  reply.parser.push(Buffer.from('part two'));
  assert.equal(reply.seen[0]?.ended, false);
  assert.equal(reply.parser.closed(), true);
  assert.deepEqual(reply.seen, [{ startLine: 'HTTP/1.1 200 OK', body: 'part one, part two', ended: true }]);
});

test('says when a message was cut off by the close', () => {
  const { parser, seen } = collect('reply');
  parser.push(Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf'));
  assert.equal(parser.closed(), false);
  assert.equal(seen[0]?.ended, false);
});

for (const [what, bytes] of [
  ['a chunk longer than its size', '2\r\nabc\r\n'],
  ['a chunk without a size', 'xyz\r\n'],
] as const) {
  test(`refuses ${what}`, () => {
    const { parser } = collect('reply');
    parser.push(Buffer.from('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n'));
    assert.throws(() => parser.push(Buffer.from(bytes)));
  });
}
