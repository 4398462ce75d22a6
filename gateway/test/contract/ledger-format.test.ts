import assert from 'node:assert/strict';
import { cpSync, readdirSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openLedger } from '../../src/compose/ledger/ledger.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLog } from '../../src/kernel/log.ts';
import { Metrics } from '../../src/kernel/metrics.ts';
import { plainSettings } from '../support/report-sources.ts';

// Data folders as versions of Tollgate wrote them (support/make-ledger-format-fixture.ts). Every one is opened by this
// version: a change of format that forgets what is out there fails here.
const fixtures = fileURLToPath(new URL('../fixtures/', import.meta.url));
const formats = readdirSync(fixtures).filter((name) => name.startsWith('ledger-format-'));

interface Opened {
  readonly outcomes: Record<string, number>;
  readonly consumers: Record<string, (number | string | null)[]>;
  readonly days: string[];
  readonly unpriced: number;
  readonly deliveredOnly: number;
  readonly estimated: number;
  readonly problems: readonly unknown[];
  readonly lost: readonly string[];
}

/** What a version of the ledger makes of the folder. */
async function open(dataFolder: string): Promise<Opened> {
  const ledger = await openLedger({
    dataFolder,
    durability: 'process',
    segmentBytes: 4096,
    clock: systemClock,
    log: silentLog,
    metrics: new Metrics(),
  });
  try {
    const [byOutcome, byConsumer, byDay] = await Promise.all(
      (['outcome', 'consumer', 'day'] as const).map(
        async (by) => await ledger.reports.query({ by, waitMs: 30_000 }, plainSettings),
      ),
    );
    assert.ok(byOutcome !== undefined && byConsumer !== undefined && byDay !== undefined);
    return {
      outcomes: Object.fromEntries(byOutcome.rows.map((row) => [row.key, row.attempts])),
      consumers: Object.fromEntries(
        byConsumer.rows.map((row) => [row.key, [row.requests, row.inputTokens, row.outputTokens, row.costNanoUsd]]),
      ),
      days: byDay.rows.map((row) => row.bucket?.label ?? ''),
      unpriced: byDay.total.unpricedRequests,
      deliveredOnly: byDay.total.deliveredOnlyRequests,
      estimated: byDay.total.estimatedRequests,
      problems: (await ledger.verify()).problems,
      lost: ledger.recovered.lost.map((one) => one.id),
    };
  } finally {
    await ledger.close();
  }
}

const firstFormat: Opened = {
  outcomes: { 'client-left': 1, completed: 3, 'gateway-lost': 1, 'refused-by-upstream': 1, 'timed-out': 1 },
  consumers: {
    finance: [1, 1000, 50, '9007199254740993'],
    marketing: [5, 5000, 250, '780000'],
  },
  days: ['2026-03-01', '2026-03-02'],
  unpriced: 1,
  deliveredOnly: 1,
  estimated: 1,
  problems: [],
  lost: ['never-settled'],
};

/** By the number of the format: the second one holds a correction of 7 nano-USD, too. */
const expected: Readonly<Record<string, Opened>> = {
  'ledger-format-1': firstFormat,
  'ledger-format-2': {
    ...firstFormat,
    consumers: { ...firstFormat.consumers, marketing: [5, 5000, 250, '780007'] },
  },
};

async function withCopy(format: string, run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-format-'));
  try {
    cpSync(join(fixtures, format), folder, { recursive: true });
    await run(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test('there is a data folder of every format, and for each it is known what it holds', () => {
  assert.deepEqual(formats.toSorted(), Object.keys(expected));
});

for (const format of formats) {
  test(`${format}: journal and store are read by this version`, async () => {
    await withCopy(format, async (folder) => assert.deepEqual(await open(folder), expected[format]));
  });

  test(`${format}: the store is made anew from its journal alone`, async () => {
    await withCopy(format, async (folder) => {
      rmSync(join(folder, 'tollgate.sqlite'));
      assert.deepEqual(await open(folder), expected[format]);
    });
  });
}
