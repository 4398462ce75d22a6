import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { LedgerVerification } from '@tollgate/contract/admin-api/operations.ts';
import { openLedger, type LedgerOptions, type OpenLedger } from './ledger.ts';
import { systemClock } from '#kernel/clock.ts';
import { silentLog } from '#kernel/log.ts';
import { Metrics } from '#kernel/metrics.ts';
import { openedAttempt, usageRecord } from '../../../test/support/records.ts';
import { plainSettings } from '../../../test/support/report-sources.ts';

const childScript = fileURLToPath(new URL('../../../test/support/ledger-child.ts', import.meta.url));
const crashingWorker = new URL('../../../test/support/crashing-ledger-worker.ts', import.meta.url);
const waitMs = 30_000;

async function withFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-ledger-'));
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function start(dataFolder: string, options: Partial<LedgerOptions> = {}): Promise<OpenLedger> {
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

/** Opens the ledger, works with it and closes it, whatever happens. */
async function using<Result>(
  dataFolder: string,
  work: (ledger: OpenLedger) => Promise<Result>,
  options: Partial<LedgerOptions> = {},
): Promise<Result> {
  const ledger = await start(dataFolder, options);
  try {
    return await work(ledger);
  } finally {
    await ledger.close();
  }
}

async function record(ledger: OpenLedger, ...ids: readonly string[]): Promise<void> {
  const records = ids.map((id) => usageRecord(id));
  await Promise.all(records.map(async (one) => await ledger.ledger.open(openedAttempt(one))));
  await Promise.all(records.map(async (one) => await ledger.ledger.settle(one)));
}

async function outcomes(ledger: OpenLedger): Promise<Record<string, number>> {
  const { rows } = await ledger.reports.query({ by: 'outcome', waitMs }, plainSettings);
  return Object.fromEntries(rows.map((row) => [row.key, row.attempts]));
}

async function assertSound(ledger: OpenLedger): Promise<void> {
  const found = await ledger.verify();
  assert.deepEqual(found.problems, []);
  assert.equal(found.journal.open, 0);
}

/** What is wrong, and where; sums differ in its wake. */
const faults = ({ problems }: LedgerVerification): Record<string, readonly string[]> =>
  Object.fromEntries(problems.filter((one) => one.fault !== 'wrong-sum').map((one) => [one.fault, one.where]));

function child(...parameters: readonly string[]): ChildProcess {
  return spawn(process.execPath, [childScript, ...parameters], { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function ended(one: ChildProcess): Promise<string> {
  let output = '';
  one.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString('utf8');
  });
  await once(one, 'close');
  return output;
}

async function toldReady(one: ChildProcess): Promise<void> {
  assert.ok(one.stdout !== null);
  for await (const line of createInterface({ input: one.stdout })) {
    assert.equal(line, 'ready');
    return;
  }
}

test('what was settled is reported, and still there after a restart', async () => {
  await withFolder(async (folder) => {
    await using(folder, async (ledger) => {
      await record(ledger, 'a', 'b');
      assert.deepEqual(await outcomes(ledger), { completed: 2 });
      assert.deepEqual(await ledger.lag(), { records: 0, openAttempts: 0 });
      assert.equal(ledger.unready(), undefined);
    });
    await using(folder, async (ledger) => {
      assert.deepEqual(await outcomes(ledger), { completed: 2 });
      assert.deepEqual(ledger.recovered.lost, []);
      await record(ledger, 'c');
      assert.deepEqual(await outcomes(ledger), { completed: 3 });
      await assertSound(ledger);
    });
  });
});

test('durability disk does the same', async () => {
  await withFolder(async (folder) => {
    const options = { durability: 'disk' } as const;
    await using(folder, async (ledger) => await record(ledger, 'a', 'b', 'c'), options);
    await using(
      folder,
      async (ledger) => {
        assert.deepEqual(await outcomes(ledger), { completed: 3 });
        await assertSound(ledger);
      },
      options,
    );
  });
});

test('the directory lives in the same file', async () => {
  await withFolder(async (folder) => {
    await using(folder, async (ledger) => {
      const change = { kind: 'names-declared', names: ['marketing-web'] } as const;
      assert.equal(await ledger.directoryStore.commit(change, []), 'committed');
    });
    await using(folder, async (ledger) => {
      assert.deepEqual((await ledger.directoryStore.load()).declaredNames, ['marketing-web']);
    });
  });
});

test('a second process is refused its folder, in words, and served once the first is dead', async () => {
  await withFolder(async (folder) => {
    const holder = child(folder, 'hold');
    await toldReady(holder);
    try {
      assert.match(
        await ended(child(folder, 'hold')),
        /^FolderInUse: The data folder .* is in use by another gateway \(process \d+\)/,
      );
      await assert.rejects(start(folder), { name: 'FolderInUse' });
    } finally {
      holder.kill('SIGKILL');
      await once(holder, 'close');
    }
    await using(folder, async (ledger) => await record(ledger, 'a'));
  });
});

test('a lock that nobody holds any more is taken, whatever its files say', async () => {
  await withFolder(async (folder) => {
    const journal = join(folder, 'journal');
    // As a killed gateway leaves them; its number has since been given to a process that has nothing to do with it.
    mkdirSync(journal, { recursive: true });
    writeFileSync(join(journal, 'lock-holder'), String(process.ppid));
    writeFileSync(join(journal, 'lock.sqlite'), '');
    writeFileSync(join(journal, 'lock.sqlite-journal'), '');
    await using(folder, async (ledger) => {
      await record(ledger, 'a');
      await assert.rejects(start(folder), { name: 'FolderInUse', message: new RegExp(`process ${process.pid}`) });
    });
    await using(folder, async (ledger) => await assertSound(ledger));
  });
});

test('the folder is free again when the ledger is closed, or could not be opened', async () => {
  await withFolder(async (folder) => {
    await using(folder, async (ledger) => await record(ledger, 'a'));
    writeFileSync(join(folder, 'tollgate.sqlite'), 'this is no database, and never was one');
    await assert.rejects(start(folder), /not a database/);
    rmSync(join(folder, 'tollgate.sqlite'));
    await using(folder, async (ledger) => await assertSound(ledger));
  });
});

test('an attempt whose process died is recorded as gateway-lost, once', async () => {
  await withFolder(async (folder) => {
    await ended(child(folder, 'open', 'a', 'b', 'c'));
    await using(folder, async (ledger) => {
      assert.deepEqual(
        ledger.recovered.lost.map((one) => one.id),
        ['a', 'b', 'c'],
      );
      assert.deepEqual(await outcomes(ledger), { 'gateway-lost': 3 });
      const { total } = await ledger.reports.query({ by: 'day', waitMs }, plainSettings);
      assert.equal(total.unknownUsageRequests, 3);
      assert.equal(total.costNanoUsd, null);
      await assertSound(ledger);
    });
    await using(folder, async (ledger) => {
      assert.deepEqual(ledger.recovered.lost, []);
      assert.deepEqual(await outcomes(ledger), { 'gateway-lost': 3 });
    });
  });
});

for (const bytes of [0, 5, 700, 1500, 2400])
  test(`a recovery that dies after ${bytes} bytes is finished by the next, each attempt once`, async () => {
    await withFolder(async (folder) => {
      await ended(child(folder, 'open', 'a', 'b', 'c'));
      await ended(child(folder, 'recover', String(bytes)));
      await using(folder, async (ledger) => {
        assert.deepEqual(await outcomes(ledger), { 'gateway-lost': 3 });
        await assertSound(ledger);
      });
    });
  });

test('a store that is lost is made anew from the journal', async () => {
  await withFolder(async (folder) => {
    await using(folder, async (ledger) => await record(ledger, 'a', 'b', 'c'));
    await ended(child(folder, 'open', 'd'));
    for (const name of readdirSync(folder)) if (name.startsWith('tollgate.sqlite')) rmSync(join(folder, name));
    await using(folder, async (ledger) => {
      assert.deepEqual(await outcomes(ledger), { completed: 3, 'gateway-lost': 1 });
      await assertSound(ledger);
    });
  });
});

test('a store that is older than the journal catches up', async () => {
  await withFolder(async (folder) => {
    await using(folder, async (ledger) => await record(ledger, 'a'));
    cpSync(join(folder, 'tollgate.sqlite'), join(folder, 'backup'));
    await using(folder, async (ledger) => await record(ledger, 'b', 'c'));
    cpSync(join(folder, 'backup'), join(folder, 'tollgate.sqlite'));
    await using(folder, async (ledger) => {
      assert.deepEqual(await outcomes(ledger), { completed: 3 });
      await assertSound(ledger);
    });
  });
});

test('a journal that is older than its store: what is written over the place that the store had reached is shipped', async () => {
  await withFolder(async (folder) => {
    const segmentFile = join(folder, 'journal', '00000001.journal');
    const inFlight = ['b', 'c', 'd', 'e', 'f', 'g'];
    await using(folder, async (ledger) => {
      await record(ledger, 'a');
      await Promise.all(inFlight.map(async (id) => await ledger.ledger.open(openedAttempt(usageRecord(id)))));
      cpSync(segmentFile, join(folder, 'backup'));
      await ledger.ledger.settle(usageRecord('b'));
    });
    cpSync(join(folder, 'backup'), segmentFile);
    await using(folder, async (ledger) => {
      assert.deepEqual(
        ledger.recovered.lost.map((one) => one.id),
        inFlight,
      );
      // What the store knows of b is better than that it was lost.
      assert.deepEqual(await outcomes(ledger), { completed: 2, 'gateway-lost': 5 });
      await assertSound(ledger);
    });
  });
});

test('an attempt whose settle the journal has lost is taken from the store that has it, and is not lost', async () => {
  await withFolder(async (folder) => {
    const path = join(folder, 'journal', '00000001.journal');
    let opened = 0;
    await using(folder, async (ledger) => {
      const one = usageRecord('shipped');
      await ledger.ledger.open(openedAttempt(one));
      await ledger.ledger.open(openedAttempt(usageRecord('nowhere')));
      opened = statSync(path).size;
      await ledger.ledger.settle(one);
    });
    // What a loss of power leaves, where the store is another machine, or was synced by chance.
    truncateSync(path, opened);
    await using(folder, async (ledger) => {
      assert.deepEqual(
        ledger.recovered.lost.map((one) => one.id),
        ['shipped', 'nowhere'],
      );
      assert.deepEqual(await outcomes(ledger), { completed: 1, 'gateway-lost': 1 });
      await assertSound(ledger);
    });
    rmSync(join(folder, 'tollgate.sqlite'));
    await using(folder, async (ledger) => {
      assert.deepEqual(await outcomes(ledger), { completed: 1, 'gateway-lost': 1 });
    });
  });
});

test('a journal that is lost leaves the store as it is, and verification says so', async () => {
  await withFolder(async (folder) => {
    await using(folder, async (ledger) => await record(ledger, 'a', 'b'));
    rmSync(join(folder, 'journal'), { recursive: true });
    await using(folder, async (ledger) => {
      await record(ledger, 'c');
      assert.deepEqual(await outcomes(ledger), { completed: 3 });
      const found = await ledger.verify();
      assert.equal(found.ok, false);
      assert.deepEqual(faults(found), { 'missing-in-journal': ['a', 'b'] });
    });
  });
});

test('a worker that ends between shipped and acknowledged is replaced, and nothing is stored twice', async () => {
  await withFolder(async (folder) => {
    await using(
      folder,
      async (ledger) => {
        await record(ledger, 'a', 'b');
        assert.deepEqual(await outcomes(ledger), { completed: 2 });
        writeFileSync(join(folder, 'crash-worker'), '');
        await record(ledger, 'c', 'd');
        // The worker dies of this report's shipping, or of its own; the next one answers.
        await assert.doesNotReject(async () => {
          for (;;) {
            try {
              assert.deepEqual(await outcomes(ledger), { completed: 4 });
              return;
            } catch (error) {
              if (!(error instanceof Error && error.message.startsWith('The ledger worker ended'))) throw error;
            }
          }
        });
        assert.equal(existsSync(join(folder, 'crash-worker')), false);
        await record(ledger, 'e');
        assert.deepEqual(await outcomes(ledger), { completed: 5 });
        assert.deepEqual(await ledger.lag(), { records: 0, openAttempts: 0 });
        await assertSound(ledger);
      },
      { worker: crashingWorker },
    );
  });
});

test('a process that is killed between shipped and acknowledged has shipped once', async () => {
  await withFolder(async (folder) => {
    await ended(child(folder, 'crash'));
    assert.equal(existsSync(join(folder, 'crash-process')), false);
    await using(folder, async (ledger) => {
      assert.deepEqual(await outcomes(ledger), { completed: 1 });
      await assertSound(ledger);
    });
  });
});

test('killed at random under load, again and again: whatever was told to be settled is there once', async () => {
  await withFolder(async (folder) => {
    const told = { opened: new Set<string>(), settled: new Set<string>() };
    for (let round = 0; round < 3; round += 1) {
      const loaded = child(folder, 'load', `round${round}`);
      assert.ok(loaded.stdout !== null);
      const after = 50 + Math.floor(Math.random() * 1500);
      let lines = 0;
      for await (const line of createInterface({ input: loaded.stdout })) {
        const [word, id = ''] = line.split(' ');
        if (word === 'opened' || word === 'settled') told[word].add(id);
        lines += 1;
        if (lines === after) loaded.kill('SIGKILL');
      }
      console.log(`killed after ${after} lines`);
    }
    await using(folder, async (ledger) => {
      const counted = await outcomes(ledger);
      const completed = counted['completed'] ?? 0;
      const lost = counted['gateway-lost'] ?? 0;
      assert.ok(told.settled.size > 50);
      assert.ok(completed >= told.settled.size, `${completed} completed, ${told.settled.size} told`);
      assert.ok(completed + lost >= told.opened.size, `${completed + lost} in all, ${told.opened.size} told`);
      // What was written and not told in time: at most one attempt a lane and kill.
      assert.ok(completed + lost <= told.opened.size + 3 * 8);
      await assertSound(ledger);
    });
  });
});
