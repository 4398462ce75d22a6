import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as fc from 'fast-check';
import { LineSplitter } from './line-splitter.ts';

function linesOf(pieces: readonly Buffer[]): readonly string[] {
  const splitter = new LineSplitter();
  const lines = pieces.flatMap((piece) => [...splitter.push(piece)].map(String));
  return [...lines, String(splitter.end())];
}

suite('lines that arrive in pieces', () => {
  test('are the same wherever the pieces end, within a character, too', () => {
    const text = fc.array(fc.constantFrom('a', '\n', 'ä', '\r', '{', '😀'), { maxLength: 30 });
    fc.assert(
      fc.property(text, fc.infiniteStream(fc.integer({ min: 1, max: 7 })), (characters, lengths) => {
        const bytes = Buffer.from(characters.join(''));
        const pieces: Buffer[] = [];
        for (let at = 0; at < bytes.length;) {
          const length = Number(lengths.next().value);
          pieces.push(bytes.subarray(at, at + length));
          at += length;
        }
        assert.deepEqual(linesOf(pieces), bytes.toString('utf8').split('\n'));
      }),
    );
  });

  test('of which one is long are joined once: what is pending is known', () => {
    const splitter = new LineSplitter();
    for (let at = 0; at < 1000; at += 1) assert.deepEqual([...splitter.push(Buffer.alloc(1000, 'x'))], []);
    assert.equal(splitter.pending, 1_000_000);
    const [line] = splitter.push(Buffer.from('\n'));
    assert.equal(line?.length, 1_000_000);
    assert.equal(splitter.pending, 0);
    assert.equal(splitter.end().length, 0);
  });
});
