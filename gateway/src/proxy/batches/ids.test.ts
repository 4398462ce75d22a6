import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { factsIn, splitRaw, withFacts, type FileFacts } from './file-facts.ts';
import { taggedName, untaggedName } from './ids.ts';

const own = '0123456789abcdef';
const another = 'fedcba9876543210';

suite('the mark in the name of a file', () => {
  const names = [
    'input.jsonl',
    'input',
    'my.input.jsonl',
    '.jsonl',
    '',
    `input.tg-${another}`,
    `input.tg-${another}.jsonl`,
    `.tg-${another}`,
    `input.tg-${another}.`,
    `input.${'x'.repeat(300)}`,
    'two\nlines.jsonl',
  ];
  for (const name of names)
    test(`is the gateway's, and the name behind it the caller's: ${JSON.stringify(name).slice(0, 50)}`, () => {
      assert.deepEqual(untaggedName(taggedName(name, own)), { name, tag: own });
    });

  test('survives where a long name is cut', () => {
    const cut = taggedName(`input.${'x'.repeat(300)}`, own).slice(-200);
    assert.equal(untaggedName(cut).tag, own);
  });

  test('is none in names that nobody marked', () => {
    for (const name of ['input.jsonl', 'tg-0123456789abcdef', 'input.tg-0123', 'input.tg-0123456789ABCDEF.jsonl'])
      assert.deepEqual(untaggedName(name), { name, tag: null });
  });
});

suite('what the id of a file says of it', () => {
  const facts: FileFacts = {
    endpoint: 'one-batch',
    deployment: 'mini-batch',
    model: 'gpt-5.4-mini',
    operation: 'chat.completions',
    lines: 2,
    most: { nano: 9_007_199_254_740_993n, tokens: 2000 },
    product: 'standard',
    prices: 'AbCdEfGhIjKl',
  };

  test('is read as it was written', () => {
    for (const given of [facts, { ...facts, most: { nano: null, tokens: null } }]) {
      const { raw, rest } = splitRaw(withFacts('file-1', given));
      assert.equal(raw, 'file-1');
      assert.deepEqual(factsIn(rest), given);
    }
  });

  test('of an earlier release is read, with what it did not say as unknown', () => {
    const { product: _product, prices: _prices, ...rest } = facts;
    const before = '["one-batch","gpt-5.4-mini","chat.completions",2,"9007199254740993",2000,"mini-batch"]';
    assert.deepEqual(factsIn(before), { ...rest, product: null, prices: null });
  });

  test('is nothing where something else stands there', () => {
    for (const rest of [null, 'of 01KAMZ6G00Q3V7B1N4T8XWY2ZC', '[]', '{}', '["a","b","unknown",1,null,null,"d"]'])
      assert.equal(factsIn(rest), undefined);
  });
});
