import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { assert as holds, property, string } from 'fast-check';
import { loadTokenizer } from './tokenizer.ts';

const tokenizer = await loadTokenizer();

void suite('tokenizer', () => {
  test('counts as o200k_base does', () => {
    assert.equal(tokenizer.count('Hello world'), 2);
    assert.equal(tokenizer.count('<|endoftext|>'), 7, 'special tokens in a text are plain text');
    assert.equal(tokenizer.count(''), 0);
  });

  test('pieces are the whole text, and their tokens add up', () => {
    holds(
      property(string({ unit: 'grapheme', maxLength: 60 }), (text) => {
        const pieces = tokenizer.pieces(text);
        assert.equal(pieces.map((piece) => piece.text).join(''), text);
        assert.equal(
          pieces.reduce((sum, piece) => sum + piece.tokens, 0),
          tokenizer.count(text),
        );
      }),
      { numRuns: 300 },
    );
  });

  test('no piece ends inside a character', () => {
    const pieces = tokenizer.pieces('a 🦊 fox, 漢字, ẞ, 👩‍👩‍👧‍👦');
    for (const piece of pieces) assert.ok(piece.text.isWellFormed(), JSON.stringify(piece.text));
  });

  test('a long run without spaces is tokenised in bounded parts', () => {
    const text = 'a'.repeat(200_000);
    const count = tokenizer.count(text);
    assert.ok(count > 0 && count <= text.length);
    assert.equal(tokenizer.count(text), count);
  });
});
