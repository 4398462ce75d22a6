import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import type { LedgerVerification } from '@tollgate/contract/admin-api/operations.ts';
import type { UsageReport } from '@tollgate/contract/usage.ts';
import { journalAudit } from '#accounting/ledger/journal-audit.ts';
import { fileEnd } from '#accounting/ledger/recovery.ts';
import { openJournalFiles } from '#adapters/journal-files/journal-files.ts';
import { openSqlite } from '#adapters/sqlite/open.ts';
import { openLedger, type LedgerOptions, type OpenLedger } from '#compose/ledger/ledger.ts';
import { systemClock } from '#kernel/clock.ts';
import { silentLog } from '#kernel/log.ts';
import { Metrics } from '#kernel/metrics.ts';
import { runCli, type Ran } from '../../../cli/test/support/run-cli.ts';
import { openedAttempt, usageRecord } from '../support/records.ts';
import { plainSettings } from '../support/report-sources.ts';
import { call, configFor, keys, startStack, type RunningStack } from '../support/running-gateway.ts';
import { until } from '../support/until.ts';

function temporaryFolder(context: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'tollgate-backup-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const cli = async (stack: RunningStack, ...args: readonly string[]): Promise<Ran> =>
  await runCli(args, { TOLLGATE_DATA: stack.dataFolder, TOLLGATE_ADMIN_PORT: String(stack.gateway.adminPort) });

async function embed(stack: RunningStack): Promise<void> {
  const { status } = await call(`${stack.url}/openai/v1/embeddings`, {
    headers: { 'api-key': keys.marketing },
    body: { model: 'text-embedding-3-small', input: 'Hello' },
  });
  assert.equal(status, 200);
}

const start = async (context: TestContext): Promise<RunningStack> =>
  await startStack(context, { config: (url) => configFor(url, { ledger: ', segmentBytes: 64KiB' }) });

async function ledgerOn(dataFolder: string, options: Partial<LedgerOptions> = {}): Promise<OpenLedger> {
  return await openLedger({
    dataFolder,
    durability: 'process',
    segmentBytes: 64 * 1024,
    clock: systemClock,
    log: silentLog,
    metrics: new Metrics(),
    ...options,
  });
}

interface Opened {
  readonly total: UsageReport['total'];
  readonly found: LedgerVerification;
  readonly lost: number;
}

/** Starts a ledger on the folder, asks it for everything, and closes it. */
async function open(dataFolder: string): Promise<Opened> {
  const ledger = await ledgerOn(dataFolder);
  try {
    const { total } = await ledger.reports.query({ by: 'outcome', waitMs: 30_000 }, plainSettings);
    return { total, found: await ledger.verify(), lost: ledger.recovered.lost.length };
  } finally {
    await ledger.close();
  }
}

/** What the copied journal holds, by itself. */
function settledIn(backup: string): number {
  const files = openJournalFiles(path.join(backup, 'journal'));
  const end = fileEnd(files) ?? assert.fail();
  const settled = [...journalAudit(files).items(null, end)].filter((item) => item.kind === 'settle').length;
  files.close();
  return settled;
}

test('a backup that is made under load is one moment, and a start on it is exact', async (context) => {
  const stack = await start(context);
  for (let calls = 0; calls < 100; calls += 1) await embed(stack);
  const load = { going: true, completed: 100 };
  const lanes = Array.from({ length: 4 }, async () => {
    while (load.going) {
      await embed(stack);
      load.completed += 1;
    }
  });
  const folder = temporaryFolder(context);
  const backup = path.join(folder, 'backup');
  const before = load.completed;
  const made = await cli(stack, 'ledger', 'backup', '--to', backup);
  const after = load.completed + lanes.length;
  for (let calls = 0; calls < 20; calls += 1) await embed(stack);
  load.going = false;
  await Promise.all(lanes);
  assert.equal(made.status, 0, made.err);
  assert.deepEqual((await stack.verify()).problems, []);

  const restored = path.join(folder, 'restored');
  const put = await runCli(['ledger', 'restore', '--from', backup, '--data', restored]);
  assert.equal(put.status, 0, put.err);
  const settled = settledIn(backup);
  assert.ok(settled >= before && settled <= after, `${before} ≤ ${settled} ≤ ${after}`);
  const { total, found, lost } = await open(restored);
  assert.deepEqual(found.problems, []);
  // What was under way at that moment, at most one call a lane.
  assert.ok(lost <= lanes.length);
  assert.equal(total.attempts, settled + lost);
  const { total: running } = await stack.usage();
  assert.equal(total.inputTokens, settled * ((running.inputTokens ?? 0) / running.attempts));
});

test('a backup of a gateway at rest gives the same report to the last digit, and the same directory', async (context) => {
  const stack = await start(context);
  for (let calls = 0; calls < 150; calls += 1) await embed(stack);
  const subscription = { name: 'made-by-hand', product: 'standard', consumer: 'finance', costCentre: 'finance' };
  const created = await stack.admin('/admin/v1/subscriptions', { method: 'POST', body: subscription });
  assert.ok(created.status < 300, created.text);
  const report = await stack.usage();
  const folder = temporaryFolder(context);
  const backup = path.join(folder, 'backup');
  const made = await cli(stack, 'ledger', 'backup', '--to', backup, '--json');
  assert.equal(made.status, 0, made.err);
  const restored = path.join(folder, 'restored');
  await runCli(['ledger', 'restore', '--from', backup, '--data', restored]);
  const { total, found, lost } = await open(restored);
  assert.deepEqual([total, found.problems, lost], [report.total, [], 0]);
  const ledger = await ledgerOn(restored);
  const { subscriptions } = await ledger.directoryStore.load();
  await ledger.close();
  assert.ok(subscriptions.some((one) => one.name === 'made-by-hand'));
});

test('archives are in a backup, and a store that is lost after the restore is made anew from them', async (context) => {
  const folder = temporaryFolder(context);
  const data = path.join(folder, 'data');
  const archive = { after: 0, keepFor: null };
  for (const round of ['first', 'second']) {
    const ledger = await ledgerOn(data, { archive });
    // The second start archives what the first has filled.
    const second = path.join(data, 'journal', 'archive', '00000002.journal.zst');
    if (round === 'second') await until(() => existsSync(second), 'the archive of the second segment');
    for (let at = 0; at < 150; at += 1) {
      const record = usageRecord(`${round}-${at}`);
      await ledger.ledger.open(openedAttempt(record));
      await ledger.ledger.settle(record);
    }
    if (round === 'second') await ledger.backup(path.join(folder, 'backup'));
    await ledger.close();
  }
  const restored = path.join(folder, 'restored');
  const put = await runCli(['ledger', 'restore', '--from', path.join(folder, 'backup'), '--data', restored]);
  assert.equal(put.status, 0, put.err);
  rmSync(path.join(restored, 'tollgate.sqlite'));
  const { total, found } = await open(restored);
  assert.equal(total.attempts, 300);
  assert.ok(found.journal.archived >= 2);
  assert.deepEqual(found.problems, []);
});

test('a folder that cannot be a backup is refused, and left as it was', async (context) => {
  const stack = await start(context);
  const folder = temporaryFolder(context);
  writeFileSync(path.join(folder, 'something'), '');
  const used = await cli(stack, 'ledger', 'backup', '--to', folder);
  assert.equal(used.status, 1);
  assert.match(used.err, /is not empty: a backup needs one of its own/);
  const below = await cli(stack, 'ledger', 'backup', '--to', path.join(folder, 'something', 'below'));
  assert.match(below.err, /cannot be used \(ENOTDIR\)/);
});

test('a start on a folder in which a restore was broken off is refused', async (context) => {
  const folder = temporaryFolder(context);
  mkdirSync(path.join(folder, '.restoring'));
  await assert.rejects(open(folder), /A restore into .* was broken off: empty the folder and restore again/);
});

test('a store that lacks a record is told so, and has it again when the journal is shipped again', async (context) => {
  const stack = await start(context);
  for (let calls = 0; calls < 10; calls += 1) await embed(stack);
  const report = await stack.usage();
  await stack.gateway.drain('test');
  const database = openSqlite({ path: path.join(stack.dataFolder, 'tollgate.sqlite'), durability: 'process' });
  database.connection.exec(
    'delete from usage_record; delete from usage_quarter; delete from usage_day; delete from usage_line',
  );
  await database.close();
  const ledger = await ledgerOn(stack.dataFolder);
  try {
    const lacking = await ledger.verify();
    assert.equal(lacking.problems.find((one) => one.fault === 'missing-in-store')?.count, 10);
    await ledger.reship();
    assert.deepEqual((await ledger.verify()).problems, []);
    const { total } = await ledger.reports.query({ by: 'outcome', waitMs: 30_000 }, plainSettings);
    assert.deepEqual(total, report.total);
  } finally {
    await ledger.close();
  }
});
