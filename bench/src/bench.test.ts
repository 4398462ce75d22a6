import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { processTree } from '#measure/proc.ts';
import { benchMain } from '#processes/paths.ts';
import type { BenchResults } from './results.ts';

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function bench(args: readonly string[], temporary: string): Promise<Ended> {
  return await new Promise((resolve) => {
    const env = { ...process.env, TMPDIR: temporary };
    execFile(process.execPath, [benchMain, ...args], { env, maxBuffer: 1e8 }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
}

test('a quick run measures all programs, finds the ledger exact, and leaves nothing behind', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-bench-test-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'figures.json');
  const { code, stdout, stderr } = await bench(['--quick', '--json', file], folder);
  assert.equal(code, 0, stdout + stderr);
  const results = JSON.parse(readFileSync(file, 'utf8')) as BenchResults;
  assert.deepEqual(results.problems, []);
  assert.deepEqual(
    results.speed.map((row) => `${row.workload} ${row.variant} ${row.rounds.length}`),
    ['unstreamed', 'streamed'].flatMap((workload) =>
      ['bare', 'unlimited', 'gateway'].map((variant) => `${workload} ${variant} 1`),
    ),
  );
  for (const row of results.speed) assert.ok((row.rounds[0]?.requests ?? 0) > 0);
  assert.deepEqual(
    results.exactness.map((result) => [result.against, result.comparison.exact, result.ledgerProblems]),
    [...Array.from({ length: 4 }, () => ['static upstream', true, []]), ['twin', true, []]],
  );
  // Traffic of every kind went into the comparison: no meter was compared at zero only.
  const twin = results.exactness.at(-1)?.comparison.compared ?? [];
  for (const meter of ['inputTokens', 'cachedInputTokens', 'outputTokens', 'reasoningTokens']) {
    assert.ok(
      twin.some((each) => each.figure.endsWith(`: ${meter}`) && each.upstream > 0),
      meter,
    );
  }
  assert.match(stdout, /Ledger against the twin.*\*\*exact\*\*/);
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('tollgate-bench')),
    [],
  );
});

test('a wrong call says how it is called, and exits with 2', async () => {
  const { code, stderr } = await bench(['--only', 'nothing'], tmpdir());
  assert.equal(code, 2);
  assert.match(stderr, /--only must be one of unstreamed, streamed, exactness.*\n\nUsage: npm run bench/);
});

test('an interrupted run ends what it has started and removes its folder', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-bench-test-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const child = spawn(process.execPath, [benchMain, '--only', 'unstreamed', '--quick', '--runs', '100'], {
    env: { ...process.env, TMPDIR: folder },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  await once(child.stderr, 'data'); // the first round is over, the next one has begun
  const [, ...started] = processTree(child.pid ?? assert.fail('not started'));
  child.kill('SIGINT');
  const [code] = (await once(child, 'exit')) as [number];
  assert.equal(code, 130);
  assert.deepEqual(started.filter(isAlive), []);
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('tollgate-bench')),
    [],
  );
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
