import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hostCheck, isLoopback } from './hosts.ts';

test('knows loopback addresses from others', () => {
  for (const address of ['127.0.0.1', '127.8.9.10', '::1', 'localhost', 'LOCALHOST'])
    assert.equal(isLoopback(address), true, address);
  for (const address of [
    '0.0.0.0',
    '::',
    '10.0.0.1',
    '128.0.0.1',
    'localhost.example.com',
    '127.0.0.1.example.com',
    '',
  ])
    assert.equal(isLoopback(address), false, address);
});

describe('a listener on a loopback address', () => {
  const allowed = hostCheck('127.0.0.1');
  const cases: readonly (readonly [string | undefined, boolean])[] = [
    ['127.0.0.1:8081', true],
    ['127.0.0.1', true],
    ['localhost:8081', true],
    ['LocalHost', true],
    ['[::1]:8081', true],
    ['localhost:9999', true],
    ['attacker.example:8081', false],
    ['127.0.0.1.attacker.example:8081', false],
    ['localhost.attacker.example', false],
    ['localhost:8081@attacker.example', false],
    ['[::1].attacker.example', false],
    ['::1', false],
    ['', false],
    [undefined, false],
  ];
  for (const [host, expected] of cases)
    test(`${expected ? 'takes' : 'refuses'} the host ${host ?? '(none)'}`, () => assert.equal(allowed(host), expected));
});

test('a listener on another address takes any name, because it does not know its own', () => {
  const allowed = hostCheck('0.0.0.0');
  assert.equal(allowed('tollgate.example:8081'), true);
  assert.equal(allowed(undefined), true);
});
