import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ledgerVerifySchema, type LedgerVerification } from '@tollgate/contract/admin-api/operations.ts';
import { journalAudit } from '#accounting/ledger/journal-audit.ts';
import type { JournalProgress, LedgerStore, Position, Shipping } from '#accounting/ledger/ports.ts';
import { fileEnd } from '#accounting/ledger/recovery.ts';
import { createSqliteLedgerStore } from '#adapters/sqlite/ledger-store.ts';
import { openSqlite, type SqliteDatabase } from '#adapters/sqlite/open.ts';
import type { UsageRecord } from '#model/usage-record.ts';
import { verifyLedger } from './verify-ledger.ts';
import { frames, open, segment, settle } from '../../../test/support/journal-content.ts';
import { MemoryJournalFiles } from '../../../test/support/memory-journal-files.ts';
import { march, shippedRecord, usageRecord } from '../../../test/support/records.ts';

const start: Position = { segment: 1, offset: 0 };
const records = [
  usageRecord('a'),
  usageRecord('b', { at: march + 1, cost: { lines: [], nanoUsd: null, listNanoUsd: null, unpriced: ['output'] } }),
  usageRecord('b2', {
    at: march + 2,
    requestId: 'request-of-b',
    attempt: 2,
    cost: { lines: [], nanoUsd: null, listNanoUsd: null, unpriced: ['output'] },
  }),
  usageRecord('c', { at: march + 3, measuredOutput: 'delivered', units: { toolCalls: { web_search: 2 } } }),
];

interface Ledger {
  readonly files: MemoryJournalFiles;
  readonly store: LedgerStore;
  readonly database: SqliteDatabase;
  readonly verify: (
    shipped?: Position,
    instead?: { readonly store: LedgerStore; readonly shipping: Shipping },
  ) => Promise<LedgerVerification>;
}

/** A journal of two segments whose records all stand in the store. */
async function withLedger(run: (ledger: Ledger) => Promise<void>): Promise<void> {
  const files = new MemoryJournalFiles();
  const [a, b, b2, c] = records as [UsageRecord, UsageRecord, UsageRecord, UsageRecord];
  files.segments.set(1, segment(1, open(a), open(b), settle(a), settle(b), open(b2), settle(b2)));
  files.segments.set(2, segment(2, open(c), settle(c), open(usageRecord('in-flight'))));
  const database = openSqlite({ path: ':memory:', durability: 'process' });
  try {
    const store = await createSqliteLedgerStore(database);
    await store.append(records.map(shippedRecord), { instance: 'j', shipped: start, lowWater: start, settles: 4 });
    await run({
      files,
      store,
      database,
      verify: async (shipped = fileEnd(files) ?? start, instead) => {
        const progress: JournalProgress = {
          written: () => shipped,
          lowWater: () => start,
          settles: () => 4,
          openAttempts: () => 1,
          shipped: () => 4,
        };
        const shipping: Shipping = {
          caughtUp: async () => await Promise.resolve(true),
          hold: async (work) => await work(shipped),
        };
        const found = await verifyLedger({ journal: journalAudit(files), store, progress, shipping, ...instead });
        ledgerVerifySchema.parse(found);
        return found;
      },
    });
  } finally {
    await database.close();
  }
}

/** Everything that a verification says is wrong, with the counts that led to it left out. */
const faults = ({ ok, missingInStore, missingInJournal, different, settledTwice, journal }: LedgerVerification) => ({
  ok,
  missingInStore,
  missingInJournal,
  different,
  settledTwice,
  damaged: journal.damaged,
});
const sound = { ok: true, missingInStore: [], missingInJournal: [], different: [], settledTwice: [], damaged: [] };

test('a sound ledger is found sound, with the same sums in journal, store and roll-ups', async () => {
  await withLedger(async ({ verify }) => {
    const found = await verify();
    assert.deepEqual(faults(found), sound);
    assert.deepEqual(found.problems, []);
    assert.deepEqual(found.journal, { segments: 2, opened: 5, settled: 4, open: 1, damaged: [], tornTailBytes: 0 });
    assert.deepEqual(found.store, { records: 4, rollUpAttempts: 4 });
    const sums = Object.fromEntries(found.sums.map((one) => [one.meter, one.journal]));
    assert.deepEqual(sums, {
      requests: '3',
      attempts: '4',
      unpricedRequests: '1',
      unknownUsageRequests: '0',
      deliveredOnlyRequests: '1',
      estimatedRequests: '0',
      input: '4000',
      cachedInput: '1600',
      cacheWriteInput: '0',
      audioInput: '0',
      imageInput: '0',
      output: '200',
      reasoning: '40',
      audioOutput: '0',
      seconds: '0',
      characters: '0',
      images: '0',
      toolCalls: '2',
      pricedAttempts: '2',
      cost: '520000',
      listPricedAttempts: '2',
      listCost: '520000',
      internalPricedAttempts: '0',
      internalCost: '0',
      held: '0',
    });
    for (const one of found.sums) assert.deepEqual([one.store, one.rollUp], [one.journal, one.journal], one.meter);
  });
});

test('a record that is missing in the store is named', async () => {
  await withLedger(async ({ database, verify }) => {
    database.connection.exec("delete from usage_record where id = 'a'");
    const found = await verify();
    assert.deepEqual(faults(found), { ...sound, ok: false, missingInStore: ['a'] });
    assert.ok(
      found.problems.some((one) => one.startsWith('attempts: 4 in the journal, 3 in the store, 4 in the roll-ups')),
    );
  });
});

test('a record that is missing in the journal is named, also when another is missing in the store', async () => {
  await withLedger(async ({ database, store, verify }) => {
    await store.append([shippedRecord(usageRecord('invented'))], {
      instance: 'j',
      shipped: start,
      lowWater: start,
      settles: 4,
    });
    assert.deepEqual(faults(await verify()), { ...sound, ok: false, missingInJournal: ['invented'] });
    database.connection.exec("delete from usage_record where id = 'c'");
    assert.deepEqual(faults(await verify()), {
      ...sound,
      ok: false,
      missingInStore: ['c'],
      missingInJournal: ['invented'],
    });
  });
});

for (const [what, change] of [
  ['a unit', "update usage_record set output = output + 1 where id = 'a'"],
  ['a cost', "update usage_record set cost_nano = cost_nano - 1 where id = 'a'"],
  ['an unknown made known', "update usage_record set cost_nano = 0 where id = 'a'"],
  ['a detail', "update usage_record set detail = replace(detail, '200', '201') where id = 'a'"],
  ['an outcome', "update usage_record set outcome = 'client-left' where id = 'a'"],
] as const)
  test(`a record whose store was altered is named: ${what}`, async () => {
    await withLedger(async ({ database, verify }) => {
      database.connection.exec(change);
      assert.deepEqual(faults(await verify()), { ...sound, ok: false, different: ['a'] });
    });
  });

test('who is charged cannot be altered unseen', async () => {
  await withLedger(async ({ database, verify }) => {
    database.connection.exec("update usage_series set consumer = 'finance'");
    assert.deepEqual((await verify()).different, ['a', 'b', 'b2', 'c']);
  });
});

for (const [what, change] of [
  ['altered', 'update usage_quarter set input = input + 1'],
  ['missing', 'delete from usage_day'],
  ['moved to another quarter-hour', 'update usage_quarter set quarter = quarter + 1'],
] as const)
  test(`roll-ups that are not the sum of their records are found: ${what}`, async () => {
    await withLedger(async ({ database, verify }) => {
      database.connection.exec(change);
      const found = await verify();
      assert.equal(found.ok, false);
      assert.ok(
        found.problems.some((one) => /^\d+ roll-ups are not the sum of their records/.test(one)),
        found.problems.join(),
      );
    });
  });

test('a count that no record carries is found', async () => {
  await withLedger(async ({ database, verify }) => {
    database.connection.exec("update usage_record set counts = 1 where id = 'b'");
    database.connection.exec(
      'update usage_quarter set unpriced_requests = 0; update usage_day set unpriced_requests = 0',
    );
    const found = await verify();
    assert.deepEqual(found.problems, ['unpricedRequests: 1 in the journal, 0 in the store, 0 in the roll-ups.']);
  });
});

test('damaged bytes are told by segment and offset; only what stood there is missed', async () => {
  await withLedger(async ({ files, verify }) => {
    const [a, b] = records as [UsageRecord, UsageRecord];
    const before = segment(1, open(a), open(b)).length;
    const content = files.segments.get(1) ?? assert.fail();
    content[before + 100] = 0x58;
    const found = await verify();
    assert.deepEqual(faults(found), {
      ...sound,
      ok: false,
      missingInJournal: ['a'],
      damaged: [{ segment: '00000001.journal', offset: before, bytes: frames(settle(a)).length }],
    });
    assert.equal(found.journal.open, 2);
  });
});

test('an attempt that is settled twice is named, and counted once', async () => {
  await withLedger(async ({ files, verify }) => {
    const [a] = records as [UsageRecord];
    files.segments.set(
      2,
      Buffer.concat([files.segments.get(2) ?? assert.fail(), frames(settle({ ...a, httpStatus: 500 }))]),
    );
    const found = await verify();
    assert.deepEqual(faults(found), { ...sound, ok: false, settledTwice: ['a'] });
    assert.equal(found.journal.settled, 5);
    assert.equal(found.sums.find((one) => one.meter === 'attempts')?.journal, '4');
  });
});

test('a segment that is gone is missed', async () => {
  await withLedger(async ({ files, verify }) => {
    files.segments.delete(1);
    const found = await verify();
    assert.equal(found.ok, false);
    assert.ok(
      found.problems.some((one) => one.startsWith('00000002.journal follows 00000001.journal, which is missing')),
    );
    assert.deepEqual(found.missingInJournal, ['a', 'b', 'b2']);
  });
});

test('bytes at the end that are no record are told', async () => {
  await withLedger(async ({ files, verify }) => {
    files.segments.set(
      2,
      Buffer.concat([files.segments.get(2) ?? assert.fail(), frames(settle(usageRecord('x'))).subarray(0, 40)]),
    );
    const found = await verify();
    assert.equal(found.journal.tornTailBytes, 40);
    assert.equal(found.ok, false);
  });
});

test('only what has been shipped is compared', async () => {
  await withLedger(async ({ files, verify }) => {
    const shipped = fileEnd(files) ?? start;
    files.segments.set(
      2,
      Buffer.concat([files.segments.get(2) ?? assert.fail(), frames(settle(usageRecord('later')))]),
    );
    assert.deepEqual(faults(await verify(shipped)), sound);
  });
});

test('the journal is compared while shipping goes on; only its end and the sums hold it up', async () => {
  await withLedger(async ({ files, store, verify }) => {
    const late = ['late-1', 'late-2'].map((id) => usageRecord(id));
    let held = false;
    const compared: [boolean, string[]][] = [];
    const watched: LedgerStore = {
      ...store,
      async find(keys) {
        compared.push([held, keys.map((key) => key.id)]);
        return await store.find(keys);
      },
      async figures(query) {
        assert.ok(held);
        return await store.figures(query);
      },
    };
    const ship = async (): Promise<Position> => {
      const one = late.shift();
      if (one !== undefined) {
        files.segments.set(2, Buffer.concat([files.segments.get(2) ?? assert.fail(), frames(settle(one))]));
        await store.append([shippedRecord(one)], { instance: 'j', shipped: start, lowWater: start, settles: 0 });
      }
      return fileEnd(files) ?? start;
    };
    const shipping: Shipping = {
      caughtUp: async () => await Promise.resolve(true),
      async hold(work) {
        const shipped = await ship();
        held = true;
        const result = await work(shipped);
        held = false;
        return result;
      },
    };
    const found = await verify(undefined, { store: watched, shipping });
    assert.deepEqual(faults(found), sound);
    assert.deepEqual(
      compared.filter(([, ids]) => ids.length > 0),
      [
        [false, ['a', 'b', 'b2', 'c', 'late-1']],
        [false, ['late-2']],
      ],
    );
    assert.deepEqual(found.store, { records: 6, rollUpAttempts: 6 });
  });
});

test('of very many faults a hundred are named, and all are counted', async () => {
  await withLedger(async ({ files, verify }) => {
    const many = Array.from({ length: 1200 }, (_, at) => settle(usageRecord(`many-${at}`)));
    files.segments.set(3, segment(3, ...many));
    const found = await verify();
    assert.equal(found.missingInStore.length, 100);
    assert.ok(found.problems.includes('1200 records of the journal are missing in the store.'));
  });
});
