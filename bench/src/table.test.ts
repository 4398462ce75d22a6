import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conclude, exitCodeOf } from './bench.ts';
import type { Measured } from './bench.ts';
import type { Round } from '#phases/speed.ts';
import type { BenchResults, ExactnessResult, RoundFigures } from './results.ts';
import { insertTables, renderTables } from './table.ts';

const figures: RoundFigures = {
  requestsPerSecond: 20_000,
  eventsPerSecond: 0,
  p50Ms: 1.5,
  p99Ms: 4,
  firstByteP50Ms: 1.5,
  firstByteP99Ms: 4,
  cpuMicrosPerRequest: 40,
  cpuMicrosPerEvent: null,
  busy: 0.97,
  othersShare: 0.01,
  peakResidentBytes: 100e6,
  driverBusy: 0.6,
  heldBackEvents: 0,
  requests: 100_000,
  events: 0,
};

function round(variant: 'bare' | 'gateway', part: Partial<RoundFigures>): Round {
  return {
    workload: 'unstreamed',
    variant,
    figures: { ...figures, ...part },
    exactness: null,
    telemetry: null,
    problems: [],
  };
}

const rounds = [
  round('bare', { cpuMicrosPerRequest: 40 }),
  round('gateway', { cpuMicrosPerRequest: 60, busy: 0.8 }),
  round('gateway', { cpuMicrosPerRequest: 120, busy: 0.85 }),
  round('bare', { cpuMicrosPerRequest: 80 }),
  round('bare', { cpuMicrosPerRequest: 50 }),
  round('gateway', { cpuMicrosPerRequest: 70, busy: 0.95 }),
];

function results(measured: Partial<Measured>, run: Partial<BenchResults> = {}): BenchResults {
  const whole: Measured = { rounds, exactness: [], soak: null, problems: [], ...measured };
  const concluded = conclude(whole, {
    startedAt: '2026-11-23T00:00:00.000Z',
    finishedAt: '2026-11-23T00:05:00.000Z',
    machine: { processor: 'A CPU', cores: 2, memoryBytes: 2 ** 34, kernel: 'linux 6', node: 'v26', notPinned: null },
    quick: false,
    runs: 3,
    warmUpMs: 10_000,
  });
  return { ...concluded, ...run };
}

test('shows medians with their spread, and pairs the rounds for the ratio', () => {
  const text = renderTables(results({}));
  assert.match(text, /bare proxy .*\| 50\.0 \(40\.0–80\.0\) \|/);
  assert.match(text, /gateway, .*\| 70\.0 \(60\.0–120\.0\) \|/);
  assert.match(text, /CPU per request: \*\*1\.50\*\* \(1\.40–1\.50, paired rounds\); goal at most 1\.6: met/);
  assert.doesNotMatch(text, /Streamed chat/);
});

test('says load-limited where the median round left the core idle, and only there', () => {
  const [bare = '', gateway = ''] = renderTables(results({}))
    .split('\n')
    .filter((line) => /^\| (bare|gateway)/.test(line));
  assert.doesNotMatch(bare, /load-limited/);
  assert.match(gateway, /85 % \(80–95\) load-limited/);
});

test('says that others used the core when they did', () => {
  const shared = results({ rounds: [round('bare', { busy: 0.6, othersShare: 0.35 })] });
  assert.match(renderTables(shared), /load-limited, others 35 %/);
});

test('says what could not be measured, and what was not pinned', () => {
  const unknown = { busy: null, othersShare: null, cpuMicrosPerRequest: null, peakResidentBytes: null };
  const machine = { ...results({}).machine, notPinned: 'there is only one core' };
  const text = renderTables(results({ rounds: [round('bare', unknown)] }, { machine, quick: true }));
  assert.match(text, /not measured/);
  assert.match(text, /\*\*not pinned\*\* \(there is only one core\)/);
  assert.match(text, /quick run/);
  assert.doesNotMatch(text, /load-limited/);
});

const exactFigures = [
  { figure: 'attempts', ledger: 3, upstream: 3, rule: 'equal', holds: true },
  { figure: 'weu/chat: inputTokens', ledger: 700, upstream: 700, rule: 'equal', holds: true },
  { figure: 'weu/chat: cachedInputTokens', ledger: 20, upstream: 20, rule: 'equal', holds: true },
  { figure: 'broken off: outputTokens', ledger: 5, upstream: 6, rule: 'at-most', holds: true },
] as const;
const exact: ExactnessResult = {
  against: 'twin',
  under: 'mixed',
  comparison: { exact: true, compared: exactFigures },
  ledgerProblems: [],
};

test('an exact ledger shows its token sums on both sides, each figure once', () => {
  assert.match(
    renderTables(results({ exactness: [exact] })),
    /twin, .*\(mixed\): \*\*exact\*\*\. inputTokens 700 = 700; cachedInputTokens 20 = 20; outputTokens 0 = 0; reasoningTokens 0 = 0; broken off: outputTokens 5 ≤ 6 generated\./,
  );
  const twice = renderTables(results({ exactness: [exact, exact] }));
  assert.match(twice, /\(2 rounds, each\): \*\*exact\*\*\. inputTokens 1,400 = 1,400/);
});

test('a wrong ledger is never among the exact ones, and what differs is told', () => {
  const compared = [{ figure: 'inputTokens', ledger: 699, upstream: 700, rule: 'equal', holds: false }] as const;
  const wrong: ExactnessResult = { ...exact, comparison: { exact: false, compared } };
  const damaged: ExactnessResult = { ...exact, ledgerProblems: ['a gap'] };
  const run = results({ exactness: [wrong, damaged] });
  const text = renderTables(run);
  assert.match(text, /\*\*NOT EXACT\*\*, 1 figures differ/);
  assert.match(text, /\*\*NOT EXACT\*\*, its journal and store differ/);
  assert.doesNotMatch(text, /\*\*exact\*\*/);
  assert.match(text, /\*\*failed\*\*: .*inputTokens: ledger 699, upstream 700/);
  assert.match(text, /\*\*failed\*\*: .*a gap/);
  assert.equal(exitCodeOf(run), 1);
});

test('only wrong tokens, a wrong ledger and failed requests fail a run; a goal that is not met does not', () => {
  const slow = [round('bare', { cpuMicrosPerRequest: 10 }), round('gateway', { cpuMicrosPerRequest: 90 })];
  const missed = results({ rounds: slow, exactness: [exact] });
  assert.match(renderTables(missed), /not met/);
  assert.equal(exitCodeOf(missed), 0);
  assert.equal(exitCodeOf(results({ problems: ['3 requests were answered 500'] })), 1);
  const damaged: ExactnessResult = { ...exact, ledgerProblems: ['a gap'] };
  assert.equal(exitCodeOf(results({ exactness: [exact, damaged] })), 1);
});

test('puts the tables between the marks of a document, again and again', () => {
  const document = 'before\n<!-- bench: figures begin -->\nold\n<!-- bench: figures end -->\nafter\n';
  const once = insertTables(document, 'NEW');
  assert.equal(once, 'before\n<!-- bench: figures begin -->\n\nNEW\n\n<!-- bench: figures end -->\nafter\n');
  assert.equal(insertTables(once, 'NEW'), once);
  assert.throws(() => insertTables('no marks', 'NEW'));
});

test('a soak shows memory before, at its peak and at the end, the slope, and how it is judged', () => {
  const soak = {
    minutes: 10,
    requests: 1_000_000,
    events: 5_000_000,
    p50Ms: 1.234,
    p99Ms: 9.876,
    firstByteP99Ms: null,
    samples: [],
    startBytes: 200e6,
    peakBytes: 230e6,
    endBytes: 210e6,
    bytesPerTenMinutes: 4.2e6,
    verdict: 'flat',
    criterion: 'as stated',
  } as const;
  const text = renderTables(results({ rounds: [], soak }));
  assert.match(
    text,
    /10\.0 minutes, 1,000,000 requests, .* p50 1\.23 ms, p99 9\.88 ms; streams, first byte p99 unknown/,
  );
  assert.match(
    text,
    /\*\*flat\*\*: resident after warm-up 200\.0 MB, peak 230\.0 MB, end 210\.0 MB; 4\.2 MB in ten minutes/,
  );
  assert.match(text, /\(as stated\)/);
  assert.doesNotMatch(text, /rounds? of each/);
});
