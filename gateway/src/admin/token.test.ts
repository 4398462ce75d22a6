import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tokenCheck } from './token.ts';

test('only the whole token under the Bearer scheme passes', () => {
  const check = tokenCheck('the-right-token-0123456789');
  for (const header of [
    'Bearer the-right-token-0123456789',
    'bearer the-right-token-0123456789',
    'BEARER  the-right-token-0123456789 ',
  ])
    assert.equal(check(header), true, header);
  for (const header of [
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'the-right-token-0123456789',
    'Basic the-right-token-0123456789',
    'Bearer the-right-token-012345678',
    'Bearer the-right-token-01234567890',
    'Bearer THE-RIGHT-TOKEN-0123456789',
    'Bearer the-right-token-0123456789 x',
    'xBearer the-right-token-0123456789',
  ])
    assert.equal(check(header), false, header ?? 'no header');
});
