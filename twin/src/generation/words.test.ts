import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { assert as holds, integer, nat, property } from 'fast-check';
import { seededRandom } from '#kernel/random.ts';
import { loadTokenizer } from './tokenizer.ts';
import { textOf, Words } from './words.ts';

const tokenizer = await loadTokenizer();
const words = new Words(tokenizer);
const say = (seed: number): string => textOf(words.say(seededRandom(seed), { wanted: 40, limit: 400 }).pieces);

void suite('made-up text', () => {
  test('has exactly the tokens that it claims, whatever its length and limit', () => {
    holds(
      property(nat(), integer({ min: 1, max: 400 }), integer({ min: 1, max: 400 }), (seed, wanted, limit) => {
        const said = words.say(seededRandom(seed), { wanted, limit });
        assert.equal(tokenizer.count(textOf(said.pieces)), said.tokens);
        assert.ok(said.tokens <= limit);
        if (said.finished) assert.ok(said.tokens >= wanted);
        else assert.equal(said.tokens, limit);
      }),
      { numRuns: 300 },
    );
  });

  test('what was shown of it has exactly the tokens of its pieces, wherever it is broken off', () => {
    const { pieces } = words.say(seededRandom(7), { wanted: 500, limit: 500 });
    let tokens = 0;
    pieces.forEach((piece, at) => {
      tokens += piece.tokens;
      assert.equal(tokenizer.count(textOf(pieces.slice(0, at + 1))), tokens);
    });
  });

  test('is the same for the same seed, and another for another', () => {
    assert.equal(say(1), say(1));
    assert.notEqual(say(1), say(2));
  });

  test('holds characters of two, three and four bytes', () => {
    const text = textOf(words.say(seededRandom(1), { wanted: 600, limit: 6000 }).pieces);
    const lengths = new Set(Array.from(text, (character) => Buffer.byteLength(character)));
    for (const bytes of [1, 2, 3, 4]) assert.ok(lengths.has(bytes), `${bytes} bytes`);
  });
});
