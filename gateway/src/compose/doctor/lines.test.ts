import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { failed, ok } from './finding.ts';
import { linesOf } from './lines.ts';

const finding = failed(
  'endpoint weu',
  'https://contoso-weu.openai.azure.com: the key is refused (401), as Azure says of a key of another resource',
  'Correct `endpoints.weu.auth.key`, or give the identity the role Cognitive Services OpenAI User on the resource.',
);

const words = (text: string): string[] => text.split(/\s+/).filter((one) => one !== '');

suite('a finding of the doctor', () => {
  test('is broken between words and aligned where somebody looks at a terminal', () => {
    assert.equal(
      linesOf(finding, 80),
      [
        'failed   endpoint weu: https://contoso-weu.openai.azure.com: the key is refused',
        '         (401), as Azure says of a key of another resource',
        '         Correct `endpoints.weu.auth.key`, or give the identity the role',
        '         Cognitive Services OpenAI User on the resource.',
        '',
      ].join('\n'),
    );
  });

  for (const columns of [20, 37, 80, 100, 200])
    test(`loses no word, and exceeds ${columns} columns only where one word does`, () => {
      const lines = linesOf(finding, columns).trimEnd().split('\n');
      assert.deepEqual(words(lines.join(' ')), words(linesOf(finding, undefined)));
      for (const line of lines.filter((one) => one.length > columns))
        assert.ok(
          words(line).some((word) => word.length > columns - 9 - 9),
          line,
        );
    });

  test('is one line, and one for what to do, where a program reads it', () => {
    assert.equal(linesOf(finding, undefined).split('\n').length, 3);
    assert.equal(linesOf(ok('clock', 'well'), undefined), 'ok       clock: well\n');
  });
});
