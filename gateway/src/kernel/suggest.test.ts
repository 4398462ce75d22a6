import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { nearest, suggestion } from './suggest.ts';

const known = ['standard', 'gold', 'payg-weu', 'payg-swc', 'maxOutputTokens'];

suite('the name that was probably meant', () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['standart', 'standard'],
    ['Standard', 'standard'],
    ['payg-wue', 'payg-weu'],
    ['payg_weu', 'payg-weu'],
    ['max_output_tokens', 'maxOutputTokens'],
    ['maxOutptuTokens', 'maxOutputTokens'],
    ['silver', undefined],
    ['', undefined],
    ['x'.repeat(500), undefined],
  ];
  for (const [written, meant] of cases) {
    test(`'${written.slice(0, 20)}' -> ${meant ?? 'none'}`, () => assert.equal(nearest(written, known), meant));
  }

  test('where none is near, what there is', () => {
    assert.equal(suggestion('silver', ['gold', 'standard']), 'Known: gold, standard.');
    assert.equal(suggestion('silver', []), null);
    const many = Array.from({ length: 20 }, (_, index) => `name-${index}`);
    assert.match(suggestion('zzz', many) ?? '', /name-11, …\.$/);
  });
});
