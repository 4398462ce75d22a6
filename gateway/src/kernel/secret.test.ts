import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { Secret } from './secret.ts';

test('a secret shows itself nowhere but where it is asked for', () => {
  const secret = new Secret({ text: 'twin-key' });
  const shown = [
    JSON.stringify({ secret }),
    inspect(secret),
    inspect({ secret }, { showHidden: true }),
    String(secret),
  ];
  for (const text of shown) assert.doesNotMatch(text, /twin-key/);
  assert.equal(secret.reveal(), 'twin-key');
  assert.deepEqual(Object.keys(secret), ['file', 'keyVault', 'mayHaveDefault']);
});

test('a secret in a file has its text once it is loaded', () => {
  const secret = new Secret({ file: 'key.txt' });
  assert.equal(secret.reveal(), '');
  secret.load('from the file');
  assert.equal(secret.reveal(), 'from the file');
});
