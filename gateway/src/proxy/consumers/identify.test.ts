import assert from 'node:assert/strict';
import test from 'node:test';
import { Failure } from '#kernel/errors.ts';
import { exchangeOf, snapshotOf, subscriptionWith } from '../../../test/support/exchanges.ts';
import { identify } from './identify.ts';

const snapshot = snapshotOf({
  keys: {
    good: subscriptionWith(),
    'k-suspended': subscriptionWith({ name: 'stopped', suspended: true }),
    'k-expired': subscriptionWith({ name: 'old', expiresAt: 1_000 }),
    'not-yet': subscriptionWith({ name: 'current', expiresAt: 1_001 }),
  },
});

// [key, what comes of it]
const cases = [
  ['good', 'marketing-web'],
  ['not-yet', 'current'],
  ['k-suspended', 'subscription_suspended'],
  ['k-expired', 'subscription_expired'],
  ['wrong', 'invalid_api_key'],
  ['good ', 'invalid_api_key'],
  ['x'.repeat(10_000), 'invalid_api_key'],
  [null, 'missing_api_key'],
] as const;

for (const [presentedKey, expected] of cases) {
  test(`the key '${presentedKey?.slice(0, 12)}' is ${expected}`, () => {
    const arrival = exchangeOf({}, { presentedKey, snapshot, receivedAt: 1_000 });
    try {
      assert.equal(identify(arrival).chargedTo.subscription, expected);
    } catch (thrown) {
      assert.ok(thrown instanceof Failure);
      assert.equal(thrown.code, expected);
      assert.ok(presentedKey === null || !thrown.message.includes(presentedKey), 'a refusal never repeats the key');
    }
  });
}

test('a subscription is charged under one object, so that the journal can keep its text', () => {
  const arrival = exchangeOf({}, { presentedKey: 'good', snapshot });
  assert.equal(identify(arrival).chargedTo, identify(arrival).chargedTo);
});
