import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { loadTokenizer } from '#generation/tokenizer.ts';
import type { Segment } from './ask.ts';
import { countPrompt, PromptCache } from './prompt.ts';

const tokenizer = await loadTokenizer();
const hash = (text: string): number => countPrompt([{ text }], tokenizer).hash;
const words = (count: number, word = ' word'): Segment => ({ text: word.repeat(count) });

function use(cache: PromptCache, prompt: readonly Segment[]): number {
  const { tokens } = countPrompt(prompt, tokenizer);
  return cache.use(prompt, { tokens, tokenizer });
}

void suite('counting a prompt', () => {
  test('adds texts, token lists and what the service hides', () => {
    const counted = countPrompt([{ text: 'Hello world' }, { ids: [1, 2, 3] }, { hidden: 4 }], tokenizer);
    assert.equal(counted.tokens, 9);
  });

  test('the hash tells prompts apart', () => {
    assert.notEqual(hash('a'), hash('b'));
    assert.equal(hash('a'), hash('a'));
  });
});

void suite('prompt cache', () => {
  test('the second of two equal prompts is read from it, in steps of 128', () => {
    const cache = new PromptCache(1024);
    assert.equal(use(cache, [words(1300)]), 0);
    assert.equal(use(cache, [words(1300)]), 1280);
  });

  test('only the common beginning counts', () => {
    const cache = new PromptCache(1024);
    use(cache, [words(1100), words(500, ' first')]);
    assert.equal(use(cache, [words(1100), words(500, ' second')]), 1024);
  });

  test('a prompt below the minimum, or with too short a common beginning, is not cached', () => {
    const cache = new PromptCache(1024);
    use(cache, [words(1000)]);
    assert.equal(use(cache, [words(1000)]), 0);
    use(cache, [words(900), words(500, ' first')]);
    assert.equal(use(cache, [words(900), words(500, ' second')]), 0);
  });

  test('a lower minimum makes smaller steps', () => {
    const cache = new PromptCache(64);
    use(cache, [words(100)]);
    assert.equal(use(cache, [words(100)]), 64);
  });
});
