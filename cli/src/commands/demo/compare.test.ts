import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TwinAttempt } from '@tollgate/contract/twin.ts';
import { nothingUsed } from '@tollgate/contract/usage.ts';
import { compare, knownOf, sumOf, type Measured } from './compare.ts';

const ledger: Measured['ledger'] = {
  ...knownOf(nothingUsed),
  requests: 3,
  attempts: 3,
  inputTokens: 5000,
  cachedInputTokens: 1024,
  outputTokens: 700,
  reasoningTokens: 64,
  costNanoUsd: '1',
};
const twin: Measured['twin'] = {
  attempts: 3,
  inputTokens: 5000,
  cachedInputTokens: 1024,
  outputTokens: 700,
  reasoningTokens: 64,
};

const verdict = (change: {
  readonly ending: Measured['ending'];
  readonly brokenOff?: number;
  readonly ledger?: Partial<Measured['ledger']>;
  readonly twin?: Partial<Measured['twin']>;
}) =>
  compare({
    ending: change.ending,
    brokenOff: change.brokenOff ?? 0,
    ledger: { ...ledger, ...change.ledger },
    twin: { ...twin, ...change.twin },
  });

test('what was received whole is equal to the token', () => {
  assert.deepEqual(verdict({ ending: 'received' }), { ok: true, says: 'equal to the token' });
});

test('so is what the gateway read on to its end', () => {
  const { ok, says } = verdict({ ending: 'drained', brokenOff: 3 });
  assert.ok(ok);
  assert.match(says, /equal to the token/);
});

for (const ending of ['received', 'drained'] as const) {
  for (const [field, says] of [
    ['attempts', 'attempts'],
    ['inputTokens', 'input'],
    ['cachedInputTokens', 'cached'],
    ['outputTokens', 'output'],
    ['reasoningTokens', 'reasoning'],
  ] as const) {
    test(`${ending}: one more or less in ${says} is DIFFERENT, with both figures`, () => {
      for (const by of [1, -1]) {
        const found = verdict({ ending, twin: { [field]: twin[field] + by } });
        assert.equal(found.ok, false);
        assert.match(found.says, new RegExp(`DIFFERENT: ${says}: ledger [\\d,]+, twin [\\d,]+`));
      }
    });
  }

  for (const mark of ['unknownUsageRequests', 'deliveredOnlyRequests'] as const) {
    test(`${ending}: equal sums with ${mark} are not right`, () => {
      assert.equal(verdict({ ending, ledger: { [mark]: 1 } }).ok, false);
    });
  }

  test(`${ending}: an empty ledger beside an empty twin is not right`, () => {
    const none = { attempts: 0, inputTokens: 0, cachedInputTokens: 0, outputTokens: 0, reasoningTokens: 0 };
    assert.equal(verdict({ ending, ledger: none, twin: none }).ok, false);
  });
}

test('cancelled: what was delivered is a lower bound of what was generated', () => {
  const found = verdict({
    ending: 'cancelled',
    brokenOff: 3,
    ledger: { outputTokens: 25, deliveredOnlyRequests: 3, inputTokens: 60 },
    twin: { outputTokens: 97, inputTokens: 123 },
  });
  assert.equal(found.ok, true);
  assert.match(found.says, /at least 25 of 97 output tokens, 3 marked delivered-only: a lower bound/);
  assert.match(found.says, /input counted by us: 60, by the twin: 123/);
});

for (const [what, change] of [
  ['more output than was generated', { ledger: { outputTokens: 98, deliveredOnlyRequests: 3 } }],
  ['an attempt that is not there', { ledger: { attempts: 2, outputTokens: 25, deliveredOnlyRequests: 3 } }],
  ['a lower bound without a mark', { ledger: { outputTokens: 25, deliveredOnlyRequests: 0 } }],
  ['more marks than calls were broken off', { ledger: { outputTokens: 25, deliveredOnlyRequests: 4 } }],
] as const) {
  test(`cancelled: ${what} is DIFFERENT`, () => {
    const found = verdict({ ending: 'cancelled', brokenOff: 3, twin: { outputTokens: 97 }, ...change });
    assert.equal(found.ok, false);
    assert.match(found.says, /^DIFFERENT: /);
  });
}

test('cancelled calls that were all over before they could be broken off are compared too', () => {
  assert.equal(verdict({ ending: 'cancelled' }).ok, true);
  assert.equal(verdict({ ending: 'cancelled', twin: { outputTokens: 701 } }).ok, false);
});

test("the twin's attempts are summed, refused ones as attempts without tokens", () => {
  const one: TwinAttempt = {
    id: 'a',
    deployment: 'd',
    operation: 'chat.completions',
    stream: false,
    status: 200,
    inputTokens: 10,
    cachedInputTokens: 4,
    outputTokens: 3,
    reasoningTokens: 2,
    complete: true,
  };
  const refused = {
    ...one,
    id: 'b',
    status: 429,
    inputTokens: 0,
    cachedInputTokens: 0,
    outputTokens: 0,
    reasoningTokens: 0,
  };
  assert.deepEqual(sumOf([one, refused, { ...one, id: 'c' }]), {
    attempts: 3,
    inputTokens: 20,
    cachedInputTokens: 8,
    outputTokens: 6,
    reasoningTokens: 4,
  });
});
