import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { LedgerProblem } from '@tollgate/contract/admin-api/ledger.ts';
import { ledgerVerifySchema, type LedgerVerification } from '@tollgate/contract/admin-api/operations.ts';
import type { AuditedArchive } from '#accounting/ledger/archive/ports.ts';
import { adjustmentText } from '#accounting/ledger/encode-entry.ts';
import { journalAudit } from '#accounting/ledger/journal-audit.ts';
import type {
  Adjustment,
  JournalAudit,
  JournalItem,
  JournalProgress,
  LedgerStore,
  Position,
  Shipping,
  StoredRecord,
} from '#accounting/ledger/ports.ts';
import { fileEnd } from '#accounting/ledger/recovery.ts';
import { createSqliteLedgerStore } from '#adapters/sqlite/ledger-store.ts';
import { openSqlite, type SqliteDatabase } from '#adapters/sqlite/open.ts';
import { openVerificationScratch } from '#adapters/sqlite/verification-scratch.ts';
import type { UsageRecord } from '#model/usage-record.ts';
import { verifyLedger, type VerifySources } from './verify-ledger.ts';
import { frames, open, segment, settle } from '../../../test/support/journal-content.ts';
import { MemoryJournalFiles } from '../../../test/support/memory-journal-files.ts';
import { correction, march, shippedRecord, usageRecord } from '../../../test/support/records.ts';

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
  readonly verify: (shipped?: Position, instead?: Partial<VerifySources>) => Promise<LedgerVerification>;
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
        const scratch = openVerificationScratch(':memory:');
        const found = await verifyLedger({
          journal: journalAudit(files),
          store,
          progress,
          shipping,
          scratch,
          ...instead,
        });
        ledgerVerifySchema.parse(found);
        return found;
      },
    });
  } finally {
    await database.close();
  }
}

/** What is wrong, and where; sums and roll-ups that differ in its wake left out. */
const faults = ({ problems }: LedgerVerification): Record<string, readonly string[]> =>
  Object.fromEntries(
    problems
      .filter((one) => one.fault !== 'wrong-sum' && one.fault !== 'wrong-roll-ups')
      .map((one) => [one.fault, one.where]),
  );
const problem = ({ problems }: LedgerVerification, fault: string): LedgerProblem =>
  problems.find((one) => one.fault === fault) ?? assert.fail(`no ${fault} among ${JSON.stringify(problems)}`);

test('a sound ledger is found sound, with the same sums in journal, store and roll-ups', async () => {
  await withLedger(async ({ verify }) => {
    const found = await verify();
    assert.equal(found.ok, true);
    assert.deepEqual(found.problems, []);
    assert.deepEqual(found.journal, {
      segments: 2,
      archived: 0,
      removed: null,
      opened: 5,
      settled: 4,
      open: 1,
      damaged: [],
      tornTailBytes: 0,
    });
    assert.deepEqual(found.store, { records: 4, rollUpAttempts: 4 });
    const sums = Object.fromEntries(found.sums.map((one) => [one.meter, one.journal]));
    assert.deepEqual(sums, {
      requests: '3',
      attempts: '4',
      unpricedRequests: '1',
      unknownUsageRequests: '0',
      deliveredOnlyRequests: '1',
      estimatedRequests: '0',
      unknownUsageAttempts: '0',
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
    assert.equal(found.ok, false);
    assert.deepEqual(faults(found), { 'missing-in-store': ['a'] });
    assert.ok(
      problem(found, 'wrong-sum').where.includes('attempts: 4 in the journal, 3 in the store, 4 in the roll-ups'),
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
    assert.deepEqual(faults(await verify()), { 'missing-in-journal': ['invented'] });
    database.connection.exec("delete from usage_record where id = 'c'");
    assert.deepEqual(faults(await verify()), { 'missing-in-store': ['c'], 'missing-in-journal': ['invented'] });
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
      assert.deepEqual(faults(await verify()), { different: ['a'] });
    });
  });

test('who is charged cannot be altered unseen', async () => {
  await withLedger(async ({ database, verify }) => {
    database.connection.exec("update usage_series set consumer = 'finance'");
    assert.deepEqual(faults(await verify()), { different: ['a', 'b', 'b2', 'c'] });
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
      assert.match(problem(found, 'wrong-roll-ups').what, /^Roll-ups that are not the sum of their records: \d+\.$/);
    });
  });

test('a count that no record carries is found', async () => {
  await withLedger(async ({ database, verify }) => {
    database.connection.exec("update usage_record set counts = 1 where id = 'b'");
    database.connection.exec(
      'update usage_quarter set unpriced_requests = 0; update usage_day set unpriced_requests = 0',
    );
    const found = await verify();
    assert.deepEqual(
      found.problems.map((one) => [one.fault, one.where]),
      [['wrong-sum', ['unpricedRequests: 1 in the journal, 0 in the store, 0 in the roll-ups']]],
    );
  });
});

test('a correction that gives a record its price changes the count of unpriced requests, in the journal as in the store', async () => {
  await withLedger(async ({ files, store, verify }) => {
    const [, b, b2] = records as [UsageRecord, UsageRecord, UsageRecord];
    const corrections = [b, b2].map((one) => correction(one, { qualifies: one.attempt === 1 ? 1 : 0 }));
    for (const [at, one] of corrections.entries()) {
      const booked = frames(adjustmentText(one));
      files.segments.set(2, Buffer.concat([files.segments.get(2) ?? assert.fail(), booked]));
      await store.append([{ kind: 'adjustment', adjustment: one }], {
        instance: 'j',
        shipped: start,
        lowWater: start,
        settles: 5,
      });
      const found = await verify();
      assert.deepEqual(found.problems, []);
      const unpriced = found.sums.find((sum) => sum.meter === 'unpricedRequests');
      assert.equal(unpriced?.journal, at === 0 ? '1' : '0');
    }
  });
});

/** Moves what a record cost to somebody else: no sum over the whole ledger changes. */
function shifted(id: string): Adjustment {
  const [a] = records as [UsageRecord];
  const one = correction(a);
  const [posting = assert.fail()] = one.postings;
  const { series, change } = posting;
  const taken = { ...change, cost: -change.cost, listCost: -change.listCost, internalCost: -change.internalCost };
  const caller = { ...series.caller, consumer: 'somebody-else' };
  return {
    ...one,
    id,
    postings: [
      { ...posting, lines: [] },
      { ...posting, series: { ...series, caller }, change: taken, lines: [] },
    ],
  };
}

for (const instance of [undefined, 'j'])
  test(`an adjustment of the store that the journal does not have is named, ${instance === undefined ? 'where one journal fills it' : 'where several do'}`, async () => {
    await withLedger(async ({ files, store, verify }) => {
      const [booked, forged] = [shifted('booked'), shifted('forged')];
      const ofOurs = { instance: 'j', shipped: start, lowWater: start, settles: 5 };
      await store.append([{ kind: 'adjustment', adjustment: booked }], ofOurs);
      await store.append([{ kind: 'adjustment', adjustment: forged }], ofOurs);
      const content = files.segments.get(2) ?? assert.fail();
      files.segments.set(2, Buffer.concat([content, frames(adjustmentText(booked))]));
      const scope = instance === undefined ? {} : { instance };
      assert.deepEqual(faults(await verify(undefined, scope)), { 'missing-in-journal': ['forged'] });
    });
  });

test('an adjustment that stands in the journal behind what is shipped once more is no fault', async () => {
  await withLedger(async ({ files, store, verify }) => {
    const before = fileEnd(files) ?? start;
    const ahead = shifted('ahead');
    await store.append([{ kind: 'adjustment', adjustment: ahead }], {
      instance: 'j',
      shipped: start,
      lowWater: start,
      settles: 5,
    });
    files.segments.set(2, Buffer.concat([files.segments.get(2) ?? assert.fail(), frames(adjustmentText(ahead))]));
    const progress = { written: () => fileEnd(files) ?? start, lowWater: () => start, settles: () => 5 };
    const found = await verify(before, { progress: { ...progress, openAttempts: () => 1, shipped: () => 4 } });
    assert.deepEqual(faults(found), {});
  });
});

test('damaged bytes are told by segment and offset; only what stood there is missed', async () => {
  await withLedger(async ({ files, verify }) => {
    const [a, b] = records as [UsageRecord, UsageRecord];
    const before = segment(1, open(a), open(b)).length;
    const content = files.segments.get(1) ?? assert.fail();
    content[before + 100] = 0x58;
    const found = await verify();
    const bytes = frames(settle(a)).length;
    assert.deepEqual(faults(found), {
      damage: [`00000001.journal, ${bytes} bytes from ${before} on`],
      'missing-in-journal': ['a'],
    });
    assert.deepEqual(found.journal.damaged, [{ segment: '00000001.journal', offset: before, bytes }]);
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
    assert.deepEqual(faults(found), { 'settled-twice': ['a'] });
    assert.equal(found.journal.settled, 5);
    assert.equal(found.sums.find((one) => one.meter === 'attempts')?.journal, '4');
  });
});

test('a segment that is gone is missed', async () => {
  await withLedger(async ({ files, verify }) => {
    files.segments.delete(1);
    const found = await verify();
    assert.deepEqual(faults(found), {
      'missing-segment': ['00000001.journal'],
      'missing-in-journal': ['a', 'b', 'b2'],
    });
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
    assert.equal(problem(found, 'torn-tail').count, 40);
  });
});

test('only what has been shipped is compared', async () => {
  await withLedger(async ({ files, verify }) => {
    const shipped = fileEnd(files) ?? start;
    files.segments.set(
      2,
      Buffer.concat([files.segments.get(2) ?? assert.fail(), frames(settle(usageRecord('later')))]),
    );
    assert.deepEqual((await verify(shipped)).problems, []);
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
        files.segments.set(2, Buffer.concat([files.segments.get(2) ?? assert.fail(), frames(open(one), settle(one))]));
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
    assert.deepEqual(found.problems, []);
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
    const many = Array.from({ length: 1200 }, (_, at) => usageRecord(`many-${at}`));
    files.segments.set(3, segment(3, ...many.flatMap((one) => [open(one), settle(one)])));
    const found = await verify();
    const { count, where, what } = problem(found, 'missing-in-store');
    assert.deepEqual(
      [count, where.length, what],
      [1200, 100, 'Entries of the journal that the store does not have: 1200.'],
    );
  });
});

/** The journal without one of its entries, as if it had never been written: no byte is out of place. */
function without(files: MemoryJournalFiles, number: number, entry: string): void {
  const content = files.segments.get(number) ?? assert.fail();
  const bytes = frames(entry);
  const from = content.indexOf(bytes);
  assert.ok(from > 0);
  files.segments.set(number, Buffer.concat([content.subarray(0, from), content.subarray(from + bytes.length)]));
}

test('an admission that is gone from the journal is missed by its record', async () => {
  await withLedger(async ({ files, verify }) => {
    without(files, 1, open(usageRecord('a')));
    assert.deepEqual(faults(await verify()), { 'lost-open': ['a'] });
  });
});

test('a record that is gone from the journal is missed by its admission, one of an attempt in flight is not', async () => {
  await withLedger(async ({ files, verify }) => {
    without(files, 1, settle(usageRecord('a')));
    const end = fileEnd(files) ?? start;
    const inFlight = { segment: 2, offset: end.offset - frames(open(usageRecord('in-flight'))).length };
    const progress = { written: () => end, lowWater: () => inFlight, settles: () => 4, openAttempts: () => 1 };
    const found = await verify(end, { progress: { ...progress, shipped: () => 4 } });
    assert.deepEqual(faults(found), { 'lost-settle': ['a'], 'missing-in-journal': ['a'] });
    assert.equal(found.journal.open, 2);
  });
});

test('files that were exchanged for each other are named', async () => {
  await withLedger(async ({ files, verify }) => {
    const [one, two] = [files.segments.get(1) ?? assert.fail(), files.segments.get(2) ?? assert.fail()];
    files.segments.set(1, two);
    files.segments.set(2, one);
    const found = await verify();
    assert.deepEqual(problem(found, 'foreign-segment').where, ['00000001.journal', '00000002.journal']);
  });
});

const archive = (number: number, state: AuditedArchive['state']): AuditedArchive => ({
  segment: number,
  state,
  records: 3,
  adjustments: 0,
  to: march + 2,
});

for (const [state, fault] of [
  ['missing', 'missing-archive'],
  ['altered', 'altered-archive'],
  ['unlisted', 'unlisted-archive'],
] as const)
  test(`an archive that is ${state} is named once`, async () => {
    await withLedger(async ({ files, verify }) => {
      if (state === 'missing') files.segments.delete(1);
      const audited = [archive(1, state)];
      const found = await verify(undefined, {
        journal: journalAudit(files, async () => await Promise.resolve(audited)),
      });
      const inItsWake = state === 'missing' ? { 'missing-in-journal': ['a', 'b', 'b2'] } : {};
      assert.deepEqual(faults(found), { [fault]: ['00000001.journal'], ...inItsWake });
    });
  });

test('a manifest that cannot be read is told', async () => {
  await withLedger(async ({ files, verify }) => {
    const journal = journalAudit(files, async () => await Promise.resolve(null));
    assert.deepEqual(faults(await verify(undefined, { journal })), { 'unreadable-manifest': [] });
  });
});

/** The first segment was removed by retention. */
async function withRemoved(run: (ledger: Ledger, removed: JournalAudit) => Promise<void>): Promise<void> {
  await withLedger(async (ledger) => {
    ledger.files.segments.delete(1);
    await run(
      ledger,
      journalAudit(ledger.files, async () => await Promise.resolve([archive(1, 'removed')])),
    );
  });
}

test('what retention has removed is no fault: its records are in the store, and are only counted', async () => {
  await withRemoved(async ({ verify }, journal) => {
    const found = await verify(undefined, { journal });
    assert.deepEqual(found.problems, []);
    assert.deepEqual(found.journal.removed, { segments: 1, records: 3, to: '2026-03-01T00:00:00.002Z' });
    assert.equal(found.store.records, 4);
  });
});

test('records of removed archives that a store lacks, because it was made anew without them, are counted', async () => {
  await withRemoved(async ({ database, verify }, journal) => {
    database.connection.exec("delete from usage_record where id in ('a', 'b')");
    const found = await verify(undefined, { journal });
    assert.equal(problem(found, 'removed-not-stored').count, 2);
  });
});

test('a record of the store that no journal ever held is found, also where archives were removed', async () => {
  await withRemoved(async ({ store, verify }, journal) => {
    const checkpoint = { instance: 'j', shipped: start, lowWater: start, settles: 4 };
    await store.append([shippedRecord(usageRecord('new', { at: march + 3 }))], checkpoint);
    await store.append([shippedRecord(usageRecord('old'))], checkpoint);
    const found = problem(await verify(undefined, { journal }), 'missing-in-journal');
    assert.deepEqual([found.count, found.where], [2, ['new']]);
  });
});

test('adjustments that went with a removed archive are no fault, as many as there were', async () => {
  await withRemoved(async ({ files, store, verify }) => {
    const removed = { ...archive(1, 'removed'), adjustments: 1 };
    const journal = journalAudit(files, async () => await Promise.resolve([removed]));
    const checkpoint = { instance: 'j', shipped: start, lowWater: start, settles: 5 };
    await store.append([{ kind: 'adjustment', adjustment: shifted('removed') }], checkpoint);
    assert.deepEqual((await verify(undefined, { journal })).problems, []);
    await store.append([{ kind: 'adjustment', adjustment: shifted('forged') }], checkpoint);
    assert.equal(problem(await verify(undefined, { journal }), 'missing-in-journal').count, 1);
  });
});

test('a record whose admission went with a removed archive has lost nothing', async () => {
  await withRemoved(async ({ files, store, verify }, journal) => {
    const late = usageRecord('late', { at: march + 2 });
    files.segments.set(2, Buffer.concat([files.segments.get(2) ?? assert.fail(), frames(settle(late))]));
    await store.append([shippedRecord(late)], { instance: 'j', shipped: start, lowWater: start, settles: 5 });
    assert.deepEqual((await verify(undefined, { journal })).problems, []);
  });
});

test('where several journals fill the store, each answers for its own records, and the roll-ups for all', async () => {
  await withLedger(async ({ store, verify }) => {
    const other = { instance: 'other', shipped: start, lowWater: start, settles: 1 };
    await store.append([shippedRecord(usageRecord('of-another'))], other);
    const found = await verify(undefined, { instance: 'j' });
    assert.deepEqual(found.problems, []);
    assert.deepEqual(found.store, { records: 4, rollUpAttempts: 5 });
  });
});

test('where several journals fill the store, an adjustment that another gateway booked first is no fault', async () => {
  await withLedger(async ({ files, store, verify }) => {
    const [a] = records;
    const ours = correction(a ?? assert.fail());
    files.segments.set(3, segment(3, adjustmentText(ours)));
    const theirs = { ...ours, bookedAt: ours.bookedAt + 1, detail: '{"why":"the other gateway took over"}' };
    const other = { instance: 'other', shipped: start, lowWater: start, settles: 1 };
    await store.append([{ kind: 'adjustment', adjustment: theirs }], other);
    assert.deepEqual(faults(await verify(undefined, { instance: 'j' })), {});
    assert.deepEqual(faults(await verify()), { different: [ours.id] });
  });
});

test('where several journals fill the store, an adjustment that was altered is found, whenever it says it was booked', async () => {
  await withLedger(async ({ files, store, database, verify }) => {
    const [a] = records;
    const ours = correction(a ?? assert.fail());
    files.segments.set(3, segment(3, adjustmentText(ours)));
    const checkpoint = { instance: 'j', shipped: start, lowWater: start, settles: 5 };
    await store.append([{ kind: 'adjustment', adjustment: ours }], checkpoint);
    database.connection.exec('update ledger_adjustment set booked_at = booked_at + 1');
    assert.deepEqual(faults(await verify(undefined, { instance: 'j' })), { different: [ours.id] });
  });
});

test('progress is told in bytes of the journal', async () => {
  await withLedger(async ({ files, verify }) => {
    const told: (readonly [number, number])[] = [];
    await verify(undefined, { onProgress: (done, total) => void told.push([done, total]) });
    const total = [...files.segments.values()].reduce((bytes, one) => bytes + one.length, 0);
    assert.deepEqual(told.at(-1), [total, total]);
  });
});

test('memory does not grow with the number of records', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const [template] = records;
  const { record, qualifies } = shippedRecord(template ?? assert.fail());
  // Ever new ids that nobody else keeps; every request is flagged, and every attempt number two.
  const count = 120_000;
  const item = (at: number): JournalItem => ({
    kind: 'settle',
    at: { segment: 1, offset: at * 1000 },
    record: { ...record, id: `attempt-${at}`, requestId: `request-${at}` },
    qualifies: qualifies | 2,
  });
  const journal: JournalAudit = {
    segments: () => [{ segment: 1, bytes: count * 1000, archived: false }],
    archives: async () => await Promise.resolve([]),
    *items(from) {
      if (from === null) for (let at = 0; at < count; at += 1) yield item(at);
    },
  };
  const used: number[] = [];
  await withLedger(async ({ store, verify }) => {
    let batches = 0;
    const echo: LedgerStore = {
      ...store,
      async find(keys) {
        batches += 1;
        if (batches % 40 === 0) {
          collect();
          used.push(process.memoryUsage().heapUsed);
        }
        return await Promise.resolve(keys.map((key) => key as StoredRecord));
      },
    };
    const found = await verify({ segment: 1, offset: count * 1000 }, { journal, store: echo });
    assert.equal(found.journal.settled, count);
    assert.equal(found.sums.find((one) => one.meter === 'unpricedRequests')?.journal, String(count));
  });
  const [first = 0, ...later] = used;
  assert.ok(later.length >= 4);
  // 40 batches of 500 ids would be more than 2 MB.
  for (const one of later) assert.ok(one - first < 2_000_000, `${one - first} bytes more than after the first records`);
});
