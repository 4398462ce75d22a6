// As a newcomer does it: start, demo, the bill, stop.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import type { ExportStatement } from '@tollgate/contract/export-signature.ts';
import type { UsageReport } from '@tollgate/contract/usage.ts';
import { freePort } from '../gateway/test/support/free-port.ts';
import { cli, printed } from './support/processes.ts';

const thisMonth = (): string => new Date().toISOString().slice(0, 7);
const firstMonth = thisMonth();

/** What finance gets: the same total in every file, FOCUS kept, a signature that one changed byte breaks. */
async function exportsAgree(
  exporting: (...args: readonly string[]) => Promise<{ readonly stdout: string }>,
  folder: string,
  { total }: UsageReport,
): Promise<void> {
  const period = ['--from', '2020', '--to', 'now'];
  const [focusFile, key] = [path.join(folder, 'focus.csv'), path.join(folder, 'key.pem')];
  const written = await exporting('focus', ...period, '--out', focusFile, '--sign', '--json');
  assert.equal((JSON.parse(written.stdout) as ExportStatement).totals.costNanoUsd, total.costNanoUsd);
  const json = JSON.parse((await exporting('json', ...period)).stdout) as Pick<ExportStatement, 'totals'>;
  assert.equal(json.totals.costNanoUsd, total.costNanoUsd);
  const check = JSON.parse((await exporting('check', focusFile, '--json')).stdout) as {
    problemCount: number;
    sums: Record<string, string>;
  };
  assert.equal(check.problemCount, 0);
  assert.equal(parseUsd(check.sums['EffectiveCost']), total.costNanoUsd);
  // The month may have ended since the calls were made.
  const pages = [];
  for (const month of new Set([firstMonth, thisMonth()]))
    pages.push((await exporting('statement', '--month', month, '--cost-centre', 'marketing')).stdout);
  assert.match(pages.join(''), /<h1>Marketing<\/h1>/);
  writeFileSync(key, (await exporting('key')).stdout);
  await exporting('verify', focusFile, '--key', key);
  const bytes = readFileSync(focusFile);
  bytes[bytes.length - 3] = (bytes.at(-3) ?? 0) ^ 1;
  writeFileSync(focusFile, bytes);
  await assert.rejects(exporting('verify', focusFile, '--key', key), /was changed after it was signed/);
}

const parseUsd = (text = ''): string => {
  const [whole = '', fraction = ''] = text.split('.');
  return String(BigInt(`${whole}${fraction.padEnd(9, '0')}`));
};

test('start listens, the demo ends with a bill that equals the twin, and a signal stops it cleanly', async (context) => {
  const data = mkdtempSync(path.join(tmpdir(), 'tollgate-e2e-'));
  const [port, adminPort, twinPort] = [await freePort(), await freePort(), await freePort()];
  const env = {
    ...process.env,
    NO_COLOR: '1',
    TOLLGATE_DATA: data,
    TOLLGATE_PORT: String(port),
    TOLLGATE_ADMIN_PORT: String(adminPort),
    TOLLGATE_TWIN_PORT: String(twinPort),
  };
  const start = spawn(process.execPath, [cli, 'start'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  context.after(() => {
    start.kill('SIGKILL');
    rmSync(data, { recursive: true, force: true });
  });
  await printed(start, 'Tollgate is ready.');
  const run = promisify(execFile);

  assert.equal((await fetch(`http://127.0.0.1:${port}/readyz`)).status, 200);
  const keysFile = path.join(data, 'demo-keys.json');
  assert.equal(statSync(keysFile).mode & 0o777, 0o600);
  const keys = JSON.parse(readFileSync(keysFile, 'utf8')) as Record<string, string>;
  assert.deepEqual(Object.keys(keys).toSorted(), ['finance', 'marketing']);

  const demo = await run(process.execPath, [cli, 'demo'], { env });
  assert.match(demo.stdout, /Every token is accounted for\./);
  const { stdout } = await run(process.execPath, [cli, 'usage', '--by', 'consumer', '--format', 'json'], { env });
  const report = JSON.parse(stdout) as UsageReport;
  assert.deepEqual(
    report.rows.map((row) => row.key),
    ['finance', 'marketing'],
  );
  assert.ok(report.total.deliveredOnlyRequests > 0, 'calls broken off are in the bill, and marked');
  assert.ok(BigInt(report.total.costNanoUsd ?? '0') > 0n);
  const twin = (await (await fetch(`http://127.0.0.1:${twinPort}/_twin/usage`)).json()) as {
    total: { requests: number; cachedInputTokens: number };
  };
  assert.equal(report.total.attempts, twin.total.requests);
  assert.equal(report.total.cachedInputTokens, twin.total.cachedInputTokens);
  await run(process.execPath, [cli, 'ledger', 'verify'], { env });
  await exportsAgree(async (...args) => await run(process.execPath, [cli, 'export', ...args], { env }), data, report);

  start.kill('SIGTERM');
  const [code] = await once(start, 'exit');
  assert.equal(code, 0);
});
