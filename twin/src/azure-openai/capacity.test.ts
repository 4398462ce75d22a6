import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { ProvisionedCapacity, StandardCapacity } from './capacity.ts';
import { deploymentSchema } from './config.ts';

const limits = (more: object): (() => ReturnType<typeof deploymentSchema.parse>) => {
  const parsed = deploymentSchema.parse({ model: 'gpt-5.4-mini', ...more });
  return () => parsed;
};
const small = { input: 10, output: 10 };

void suite('pay-as-you-go limits', () => {
  for (const [requestWindowSeconds, allowed] of [
    [1, 2],
    [10, 20],
  ] as const)
    test(`120 requests a minute are ${allowed} within ${requestWindowSeconds} s`, () => {
      const clock = new ManualClock();
      const capacity = new StandardCapacity(clock, limits({ requestsPerMinute: 120, requestWindowSeconds }));
      for (let count = 0; count < allowed; count += 1) assert.equal(capacity.admit(small), undefined);
      clock.advance(requestWindowSeconds * 1000 - 400);
      assert.deepEqual(capacity.admit(small), { of: 'requests', retryAfterMs: 400 });
      assert.equal(capacity.headers()['x-ratelimit-remaining-requests'], '0');
      assert.equal(capacity.headers()['x-ratelimit-reset-requests'], '1');
      clock.advance(400);
      assert.equal(capacity.admit(small), undefined);
    });

  test('a minute holds no more requests than its limit, however they are spread', () => {
    const clock = new ManualClock();
    const capacity = new StandardCapacity(clock, limits({ requestsPerMinute: 7, requestWindowSeconds: 10 }));
    let admitted = 0;
    for (let second = 0; second < 60; second += 1) {
      if (capacity.admit(small) === undefined) admitted += 1;
      clock.advance(1000);
    }
    assert.equal(admitted, 7);
    assert.equal(capacity.admit(small), undefined);
  });

  test('tokens count by the estimate, prompt and output limit, over a minute', () => {
    const clock = new ManualClock();
    const capacity = new StandardCapacity(clock, limits({ tokensPerMinute: 100 }));
    assert.equal(capacity.admit({ input: 30, output: 50 }), undefined);
    assert.equal(capacity.headers()['x-ratelimit-remaining-tokens'], '20');
    clock.advance(20_000);
    assert.deepEqual(capacity.admit({ input: 1, output: 20 }), { of: 'tokens', retryAfterMs: 40_000 });
    assert.equal(capacity.headers()['x-ratelimit-reset-tokens'], '40');
    assert.equal(capacity.admit({ input: 10, output: 10 }), undefined, 'what still fits is taken');
    clock.advance(40_000);
    assert.equal(capacity.admit({ input: 1, output: 20 }), undefined);
  });
});

void suite('provisioned throughput', () => {
  const provisioned = { type: 'ProvisionedManaged', ptu: 10, tokensPerMinutePerPtu: 600, outputTokenWeight: 2 };
  const capacityOf = (clock: ManualClock, forced?: number): ProvisionedCapacity =>
    new ProvisionedCapacity(clock, { limits: limits(provisioned), forcedUtilization: () => forced });

  test('utilisation rises by the weighed estimate and runs down with time', () => {
    const clock = new ManualClock();
    const capacity = capacityOf(clock);
    assert.equal(capacity.admit({ input: 1000, output: 1000 }), undefined);
    assert.equal(capacity.headers()['azure-openai-deployment-utilization'], '50.0%');
    clock.advance(15_000);
    assert.equal(capacity.headers()['azure-openai-deployment-utilization'], '25.0%');
  });

  test('at 100 % it refuses, and says in milliseconds when it takes again', () => {
    const clock = new ManualClock();
    const capacity = capacityOf(clock);
    assert.equal(capacity.admit({ input: 6100, output: 0 }), undefined);
    assert.deepEqual(capacity.admit(small), { of: 'capacity', retryAfterMs: 1000 });
    clock.advance(1001);
    assert.equal(capacity.admit(small), undefined);
  });

  test('what was estimated and not used is given back', () => {
    const capacity = capacityOf(new ManualClock());
    const estimate = { input: 1000, output: 2000 };
    capacity.admit(estimate);
    capacity.settle(estimate, { input: 600, output: 0 });
    assert.equal(capacity.utilization, 10);
  });

  test('stays at a utilisation that a test sets', () => {
    const capacity = capacityOf(new ManualClock(), 100);
    assert.equal(capacity.admit(small)?.of, 'capacity');
    assert.equal(capacity.headers()['azure-openai-deployment-utilization'], '100.0%');
  });
});
