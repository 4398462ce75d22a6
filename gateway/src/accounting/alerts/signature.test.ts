import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signedHeaders, signingKey } from './signature.ts';

test('signs as Standard Webhooks does', () => {
  // The example of its reference implementation (libraries/javascript/src/webhook.test.ts, "sign function works").
  const key = signingKey('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
  assert.ok(key !== undefined);
  const message = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', at: 1_614_265_330_000, body: '{"test": 2432232314}' };
  assert.deepEqual(signedHeaders(message, [key]), {
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  });
  const other = Buffer.alloc(32, 7);
  const both = signedHeaders(message, [other, key])['webhook-signature'] ?? '';
  assert.equal(both.split(' ').length, 2);
  assert.ok(both.endsWith(' v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='));
});

for (const [what, secret] of [
  ['without its prefix', 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
  ['that is no base64', 'whsec_this is not base64 at all!!!'],
  ['of too few bytes', `whsec_${Buffer.alloc(23).toString('base64')}`],
  ['of too many bytes', `whsec_${Buffer.alloc(65).toString('base64')}`],
] as const) {
  test(`a secret ${what} is none`, () => {
    assert.equal(signingKey(secret), undefined);
  });
}
