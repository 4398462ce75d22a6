import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openLedger, type OpenLedger } from './ledger.ts';
import { systemClock } from '#kernel/clock.ts';
import { silentLog, type Log } from '#kernel/log.ts';
import { Metrics } from '#kernel/metrics.ts';
import { openedAttempt, usageRecord } from '../../../test/support/records.ts';
import { plainSettings } from '../../../test/support/report-sources.ts';
import { until } from '../../../test/support/until.ts';

const waitMs = 30_000;
const perRound = 200;

async function withFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-archive-'));
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Opens the ledger with small segments that are archived at once, works with it and closes it. */
async function using(dataFolder: string, work: (ledger: OpenLedger) => Promise<void>, log: Log = silentLog) {
  const ledger = await openLedger({
    dataFolder,
    durability: 'process',
    segmentBytes: 64 * 1024,
    archive: { after: 0, keepFor: null },
    clock: systemClock,
    log,
    metrics: new Metrics(),
  });
  try {
    await work(ledger);
  } finally {
    await ledger.close();
  }
}

async function record(ledger: OpenLedger, round: string): Promise<void> {
  for (let at = 0; at < perRound; at += 1) {
    const one = usageRecord(`${round}-${at}`);
    await ledger.ledger.open(openedAttempt(one));
    await ledger.ledger.settle(one);
  }
}

async function attempts(ledger: OpenLedger): Promise<number> {
  const { total } = await ledger.reports.query({ by: 'outcome', waitMs }, plainSettings);
  return total.attempts;
}

const own = (folder: string): string[] =>
  readdirSync(join(folder, 'journal')).filter((name) => /^\d{8}\.journal$/.test(name));

/** Two rounds of records, of which everything but the segment that is written to is archived. */
async function archived(folder: string): Promise<void> {
  await using(folder, async (ledger) => {
    await record(ledger, 'first');
    assert.equal(await attempts(ledger), perRound);
  });
  assert.ok(own(folder).length > 3);
  await using(folder, async (ledger) => {
    await until(() => own(folder).length === 1, 'archives of all but one segment');
    await record(ledger, 'second');
    assert.equal(await attempts(ledger), 2 * perRound);
    assert.deepEqual((await ledger.verify()).problems, []);
  });
}

function loseStore(folder: string): void {
  for (const name of readdirSync(folder)) if (name.startsWith('tollgate.sqlite')) rmSync(join(folder, name));
}

test('segments whose records stand in the store are archived, and the ledger stays sound', async () => {
  await withFolder(async (folder) => {
    await archived(folder);
    assert.ok(existsSync(join(folder, 'journal', 'archive', '00000001.journal.zst')));
  });
});

test('a store that is lost is made anew from archives and journal', async () => {
  await withFolder(async (folder) => {
    await archived(folder);
    loseStore(folder);
    await using(folder, async (ledger) => {
      assert.equal(await attempts(ledger), 2 * perRound);
      assert.deepEqual(ledger.recovered.missing, []);
      assert.deepEqual((await ledger.verify()).problems, []);
    });
  });
});

test('a store that is made anew where retention has removed archives lacks their records, and the start says so', async () => {
  await withFolder(async (folder) => {
    await archived(folder);
    const path = join(folder, 'journal', 'archive', 'manifest.json');
    const manifest = JSON.parse(readFileSync(path, 'utf8')) as { archives: Record<string, unknown>[] };
    const first = manifest.archives[0] ?? assert.fail();
    writeFileSync(
      path,
      JSON.stringify({ ...manifest, archives: [{ ...first, removedAt: 1 }, ...manifest.archives.slice(1)] }),
    );
    rmSync(join(folder, 'journal', 'archive', '00000001.journal.zst'));
    loseStore(folder);
    const told: { readonly fields: object; readonly message: string }[] = [];
    const log: Log = { ...silentLog, error: (fields, message) => void told.push({ fields, message }) };
    await using(
      folder,
      async (ledger) => {
        const removed = Number(first['settles']);
        assert.ok(removed > 0);
        assert.equal(await attempts(ledger), 2 * perRound - removed);
        const [one, ...others] = told;
        assert.deepEqual(others, []);
        assert.match(
          one?.message ?? '',
          /without the records of archives that retention has removed; restore a backup/,
        );
        assert.deepEqual(one?.fields, {
          records: removed,
          adjustments: 0,
          segments: 1,
          from: '2026-03-01T00:00:00.000Z',
          to: '2026-03-01T00:00:00.000Z',
        });
      },
      log,
    );
  });
});

for (const [state, damage] of [
  ['missing', (path: string) => rmSync(path)],
  // Half of it, which is a whole archive of less.
  ['altered', (path: string) => truncateSync(path, Math.floor(statSync(path).size / 2))],
] as const)
  test(`a store that is made anew where an archive is ${state} says which`, async () => {
    await withFolder(async (folder) => {
      await archived(folder);
      damage(join(folder, 'journal', 'archive', '00000002.journal.zst'));
      loseStore(folder);
      const told: object[] = [];
      const log: Log = { ...silentLog, error: (fields) => void told.push(fields) };
      await using(folder, async (ledger) => assert.deepEqual(ledger.recovered.missing, [2]), log);
      assert.deepEqual(told, [{ segment: '00000002.journal', state }, { segment: '00000002.journal' }]);
    });
  });
