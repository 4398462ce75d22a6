import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { configCases, expectedOf } from './config-cases.ts';

suite('each configuration file loads to what stands beside it: its values, or every problem', () => {
  const cases = configCases();
  for (const one of cases) {
    test(one.name, () => assert.equal(one.actual, expectedOf(one)));
  }

  test('no expectation is left without a case', () => {
    const expected = globSync('*.expected.txt', { cwd: join(import.meta.dirname, 'fixtures') }).toSorted();
    assert.deepEqual(
      expected,
      cases.map((one) => one.name.replace(/yaml$/, 'expected.txt')),
    );
  });

  test('no secret of any case is shown', () => {
    for (const one of cases) {
      assert.doesNotMatch(
        one.actual,
        /twin-key|a-key-of-the-environment|a-secret-from|0123456789abcdef|sk-in-clear|user:password@contoso|a-password/,
      );
    }
  });
});
