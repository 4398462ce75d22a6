import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nothingUsed, type UsageFigures } from '@tollgate/contract/usage.ts';
import type { UpstreamCount } from '#upstream/static-upstream.ts';
import { compareWithTwin, compareWithUpstream } from './compare.ts';
import type { ComparedReport, LocatedAttempt, TwinTraffic } from './compare.ts';

type Row = UsageFigures & { readonly key: string };

const figures = {
  ...nothingUsed,
  requests: 10,
  attempts: 10,
  inputTokens: 2_100,
  cachedInputTokens: 256,
  outputTokens: 700,
  reasoningTokens: 40,
  costNanoUsd: '123456',
};

const upstream: UpstreamCount = {
  requests: 10,
  reported: 10,
  brokenOff: 0,
  inputTokens: 2_100,
  cachedInputTokens: 256,
  outputTokens: 700,
  reasoningTokens: 40,
};

function report(rows: readonly Row[], total: UsageFigures = figures): ComparedReport {
  return {
    rows: rows.map(({ key, ...row }) => ({ key, keys: {}, bucket: null, ...row })),
    total,
    lag: { records: 0, openAttempts: 0 },
  };
}

const wrong = (comparison: { compared: readonly { figure: string; holds: boolean }[] }): string[] =>
  comparison.compared.filter((each) => !each.holds).map((each) => each.figure);

test('a ledger that holds what the upstream has reported is exact', () => {
  const comparison = compareWithUpstream(report([]), upstream, 10);
  assert.deepEqual(wrong(comparison), []);
  assert.equal(comparison.exact, true);
});

for (const figure of [
  'requests',
  'attempts',
  'inputTokens',
  'cachedInputTokens',
  'outputTokens',
  'reasoningTokens',
  'unpricedRequests',
  'unknownUsageRequests',
  'deliveredOnlyRequests',
  'estimatedRequests',
] as const) {
  for (const by of [1, -1]) {
    test(`a ledger that is off by ${by} in ${figure} is not exact`, () => {
      const off = { ...figures, [figure]: figures[figure] + by };
      const comparison = compareWithUpstream(report([], off), upstream, 10);
      assert.equal(comparison.exact, false);
      assert.deepEqual(wrong(comparison), [figure]);
    });
  }
}

test('a report that lags behind the journal is not exact, whatever its sums', () => {
  const lagging = { ...report([]), lag: { records: 1, openAttempts: 0 } };
  assert.deepEqual(wrong(compareWithUpstream(lagging, upstream, 10)), ['records not yet in the store']);
});

function attempt(deployment: string, part: Partial<LocatedAttempt>): LocatedAttempt {
  return {
    resource: 'weu',
    id: 'a',
    deployment,
    operation: 'chat.completions',
    stream: true,
    status: 200,
    inputTokens: 100,
    cachedInputTokens: 0,
    outputTokens: 50,
    reasoningTokens: 10,
    complete: true,
    ...part,
  };
}

function sumOf(attempts: readonly LocatedAttempt[]): TwinTraffic['twin'] {
  const answered = attempts.filter((each) => each.status === 200);
  const sum = (figure: 'inputTokens' | 'cachedInputTokens' | 'outputTokens' | 'reasoningTokens'): number =>
    attempts.reduce((total, each) => total + each[figure], 0);
  return {
    attempts,
    total: {
      requests: answered.length,
      inputTokens: sum('inputTokens'),
      cachedInputTokens: sum('cachedInputTokens'),
      outputTokens: sum('outputTokens'),
      reasoningTokens: sum('reasoningTokens'),
    },
  };
}

const none = {
  ...figures,
  requests: 0,
  attempts: 0,
  inputTokens: 0,
  cachedInputTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
};

function traffic(): TwinTraffic {
  const twin = sumOf([
    attempt('chat', {}),
    attempt('chat', { inputTokens: 1_500, cachedInputTokens: 1_024 }),
    attempt('chat', { status: 429, inputTokens: 0, outputTokens: 0, reasoningTokens: 0 }),
    attempt('cut', { complete: false, outputTokens: 30, reasoningTokens: 0 }),
    attempt('cut', { complete: false, outputTokens: 20, reasoningTokens: 0 }),
  ]);
  return {
    twin,
    byDeployment: report([
      {
        ...none,
        key: 'weu/chat',
        requests: 2,
        attempts: 3,
        inputTokens: 1_600,
        cachedInputTokens: 1_024,
        outputTokens: 100,
        reasoningTokens: 20,
      },
      {
        ...none,
        key: 'weu/cut',
        requests: 2,
        attempts: 2,
        inputTokens: 210,
        outputTokens: 48,
        deliveredOnlyRequests: 2,
        estimatedRequests: 2,
      },
    ]),
    byOutcome: report([
      { ...none, key: 'completed', requests: 2, attempts: 2 },
      { ...none, key: 'client-left', requests: 2, attempts: 2 },
      { ...none, key: 'refused-by-upstream', requests: 1, attempts: 1 },
    ]),
    brokenOffDeployment: 'weu/cut',
    received: 2,
    brokenOff: 2,
  };
}

test('replies received in full are compared to the token, broken-off ones as a lower bound', () => {
  assert.deepEqual(wrong(compareWithTwin(traffic())), []);
});

function withRow(change: Partial<UsageFigures>, key: string): TwinTraffic {
  const given = traffic();
  const rows = given.byDeployment.rows.map((row) => (row.key === key ? { ...row, ...change } : row));
  return { ...given, byDeployment: { ...given.byDeployment, rows } };
}

for (const [what, given, expected] of [
  ['one token too few', withRow({ inputTokens: 1_599 }, 'weu/chat'), ['weu/chat: inputTokens']],
  ['one token too many', withRow({ outputTokens: 101 }, 'weu/chat'), ['weu/chat: outputTokens']],
  ['a cached token lost', withRow({ cachedInputTokens: 1_023 }, 'weu/chat'), ['weu/chat: cachedInputTokens']],
  ['a reasoning token lost', withRow({ reasoningTokens: 19 }, 'weu/chat'), ['weu/chat: reasoningTokens']],
  ['a reply counted by ourselves', withRow({ estimatedRequests: 1 }, 'weu/chat'), ['weu/chat: estimatedRequests']],
  ['an attempt booked twice', withRow({ attempts: 4 }, 'weu/chat'), ['weu/chat: attempts']],
  [
    'more output of broken-off calls than was generated',
    withRow({ outputTokens: 51 }, 'weu/cut'),
    ['broken off: outputTokens'],
  ],
  ['a broken-off call lost', withRow({ requests: 1 }, 'weu/cut'), ['broken off: requests']],
  ['a reply that the client did not get', { ...traffic(), received: 1 }, ['replies received in full']],
] as const) {
  test(`not exact: ${what}`, () => {
    const comparison = compareWithTwin(given);
    assert.equal(comparison.exact, false);
    assert.deepEqual(wrong(comparison), expected);
  });
}

test('not exact: tokens at a deployment that the ledger does not know', () => {
  const given = traffic();
  const rows = given.byDeployment.rows.filter((row) => row.key !== 'weu/chat');
  const comparison = compareWithTwin({ ...given, byDeployment: { ...given.byDeployment, rows } });
  assert.ok(wrong(comparison).includes('weu/chat: inputTokens'));
});

test('not exact: a twin that has forgotten attempts', () => {
  const given = traffic();
  const twin = { ...given.twin, total: { ...given.twin.total, requests: 5 } };
  assert.deepEqual(wrong(compareWithTwin({ ...given, twin })), ['attempts answered, of those that the twin lists']);
});

test('not exact: tokens booked on another resource than the one that served them', () => {
  const given = traffic();
  const rows = given.byDeployment.rows.map((row) => (row.key === 'weu/chat' ? { ...row, key: 'swc/chat' } : row));
  const comparison = compareWithTwin({ ...given, byDeployment: { ...given.byDeployment, rows } });
  assert.ok(wrong(comparison).includes('swc/chat: inputTokens'));
});
