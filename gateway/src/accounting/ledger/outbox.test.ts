import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog } from '#kernel/log.ts';
import { Outbox } from './outbox.ts';
import { SharedProgress } from './progress.ts';
import type { Checkpoint, Position, ShippedEntry } from './ports.ts';
import { fileEnd } from './recovery.ts';
import { frames, open, segment, settle } from '../../../test/support/journal-content.ts';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { MemoryJournalFiles } from '../../../test/support/memory-journal-files.ts';
import { MemoryLedgerStore } from '../../../test/support/memory-ledger-store.ts';
import { usageRecord } from '../../../test/support/records.ts';

/** A store whose next appends can be made to fail, and that remembers what it was sent. */
class FaultyStore extends MemoryLedgerStore {
  failures = 0;
  readonly batches: number[] = [];

  override async append(records: readonly ShippedEntry[], checkpoint: Checkpoint, from?: Position): Promise<number> {
    if (this.failures > 0) {
      this.failures -= 1;
      throw new Error('database or disk is full');
    }
    this.batches.push(records.length);
    return await super.append(records, checkpoint, from);
  }
}

interface Setup {
  readonly files: MemoryJournalFiles;
  readonly store: FaultyStore;
  readonly clock: ManualClock;
  readonly progress: SharedProgress;
  readonly outbox: Outbox;
  /** Appends to the journal and tells the outbox. */
  readonly write: (segmentNumber: number, ...entries: readonly string[]) => void;
}

function setUp(files = new MemoryJournalFiles(), store = new FaultyStore()): Setup {
  const clock = new ManualClock();
  const progress = new SharedProgress();
  const outbox = new Outbox({ files, store, progress, clock, log: silentLog });
  const publish = (lowWater: Position): void => {
    const written = fileEnd(files) ?? { segment: 1, offset: 0 };
    progress.publish({ written, lowWater, settles: 0, openAttempts: 0 });
  };
  publish({ segment: 1, offset: 0 });
  return {
    files,
    store,
    clock,
    progress,
    outbox,
    write: (number, ...entries) => {
      const before = files.segments.get(number) ?? segment(number);
      files.segments.set(number, Buffer.concat([before, frames(...entries)]));
      publish({ segment: number, offset: 0 });
      if (progress.nudge()) outbox.nudge();
    },
  };
}

const turns = async (count = 20): Promise<void> => {
  for (let at = 0; at < count; at += 1) await new Promise((resolve) => setImmediate(resolve));
};
const ids = async (store: MemoryLedgerStore): Promise<string[]> =>
  (await store.page({ filter: [], period: { from: null, to: null }, after: null, limit: 5000 })).map((one) => one.id);
const call = (id: string): [string, string] => [open(usageRecord(id)), settle(usageRecord(id))];

test('settles go into the store after a nudge and a moment of gathering', async () => {
  const { store, clock, outbox, write } = setUp();
  await outbox.start('journal-1');
  write(1, ...call('a'));
  write(1, ...call('b'));
  await turns();
  assert.deepEqual(await ids(store), []);
  clock.advance(50);
  await turns();
  assert.deepEqual(await ids(store), ['a', 'b']);
  assert.deepEqual(store.batches, [2]);
});

test('what stands in the journal already is shipped at the start, over segments', async () => {
  const files = new MemoryJournalFiles();
  files.segments.set(1, segment(1, ...call('a')));
  files.segments.set(3, segment(3, ...call('b')));
  const { store, outbox, progress } = setUp(files);
  await outbox.start('journal-1');
  await turns();
  assert.deepEqual(await ids(store), ['a', 'b']);
  assert.equal(progress.shipped(), 2);
  assert.deepEqual((await store.checkpoint('journal-1'))?.shipped, fileEnd(files));
});

test('nothing beyond what counts is read', async () => {
  const { files, store, clock, outbox, write } = setUp();
  await outbox.start('journal-1');
  write(1, ...call('a'));
  files.segments.set(
    1,
    Buffer.concat([files.segments.get(1) ?? assert.fail(), frames(settle(usageRecord('not-yet')))]),
  );
  clock.advance(50);
  await turns();
  assert.deepEqual(await ids(store), ['a']);
});

test('what is written while a batch is being stored is shipped after another moment of gathering', async () => {
  const setup = setUp();
  const { store, clock, outbox, write } = setup;
  await outbox.start('journal-1');
  const append = store.append.bind(store);
  let once = true;
  store.append = async (records, checkpoint, from) => {
    if (once) write(1, ...call('meanwhile'));
    once = false;
    return await append(records, checkpoint, from);
  };
  write(1, ...call('a'));
  clock.advance(50);
  await turns();
  assert.deepEqual(await ids(store), ['a']);
  clock.advance(50);
  await turns();
  assert.deepEqual(await ids(store), ['a', 'meanwhile']);
  write(1, ...call('later'));
  clock.advance(50);
  await turns();
  assert.deepEqual(await ids(store), ['a', 'later', 'meanwhile']);
});

test('a large backlog goes in batches', async () => {
  const files = new MemoryJournalFiles();
  const many = Array.from({ length: 2500 }, (_, at) => settle(usageRecord(`many-${at}`)));
  files.segments.set(1, segment(1, ...many));
  const { store, outbox } = setUp(files);
  await outbox.start('journal-1');
  await turns();
  assert.deepEqual(store.batches, [1000, 1000, 500]);
  assert.equal((await ids(store)).length, 2500);
});

test('another outbox goes on where the store stands', async () => {
  const first = setUp();
  await first.outbox.start('journal-1');
  first.write(1, ...call('a'));
  first.clock.advance(50);
  await turns();
  first.write(1, ...call('b'));
  const second = setUp(first.files, first.store);
  await second.outbox.start('journal-1');
  await turns();
  assert.deepEqual(await ids(second.store), ['a', 'b']);
  assert.deepEqual(second.store.batches, [1, 1]);
  assert.equal(second.progress.shipped(), 2);
});

test('a store of another journal is shipped everything, and holds nothing twice', async () => {
  const first = setUp();
  await first.outbox.start('journal-1');
  first.write(1, ...call('a'), ...call('b'));
  first.clock.advance(50);
  await turns();
  const second = setUp(first.files, first.store);
  await second.outbox.start('journal-2');
  await turns();
  assert.deepEqual(await ids(second.store), ['a', 'b']);
  assert.deepEqual(second.store.batches, [2, 2]);
});

test('a store that fails is tried again until it takes the records; none is left out', async () => {
  const { store, clock, outbox, progress, write } = setUp();
  await outbox.start('journal-1');
  store.failures = 3;
  write(1, ...call('a'));
  clock.advance(50);
  for (let again = 0; again < 3; again += 1) {
    await turns();
    assert.deepEqual(await ids(store), []);
    assert.equal(progress.shipped(), 0);
    clock.advance(30_000);
  }
  await turns();
  assert.deepEqual(await ids(store), ['a']);
  assert.equal(progress.shipped(), 1);
});

test('a store that refuses records keeps nobody waiting: what it holds is still read', async () => {
  const { store, clock, progress, outbox, write } = setUp();
  await outbox.start('journal-1');
  write(1, ...call('a'));
  store.failures = Number.POSITIVE_INFINITY;
  clock.advance(50);
  await turns();
  assert.deepEqual(await Promise.race([outbox.hold(async () => await ids(store)), turns().then(() => 'waits')]), []);
  write(1, ...call('b'));
  store.failures = 0;
  clock.advance(250);
  await turns();
  assert.deepEqual(await ids(store), ['a', 'b']);
  assert.equal(progress.shipped(), 2);
});

test('who waits is told when everything written before has been shipped, or that it has not', async () => {
  const { store, clock, outbox, write } = setUp();
  await outbox.start('journal-1');
  await turns();
  write(1, ...call('a'));
  assert.equal(await outbox.caughtUp(1000), true, 'without waiting for more to gather');
  assert.deepEqual(await ids(store), ['a']);
  store.failures = 1000;
  write(1, ...call('b'));
  assert.equal(await outbox.caughtUp(0), false);
  const waiting = outbox.caughtUp(1000);
  await turns();
  clock.advance(1000);
  assert.equal(await waiting, false);
});

test('who asks before the start is told as soon as there is nothing to wait for', async () => {
  const first = setUp();
  await first.outbox.start('journal-1');
  first.write(1, ...call('a'));
  assert.equal(await first.outbox.caughtUp(1000), true);
  const second = setUp(first.files, first.store);
  const waiting = second.outbox.caughtUp(1000);
  await second.outbox.start('journal-1');
  assert.equal(await waiting, true);
});

test('nothing is shipped while somebody holds it', async () => {
  const { store, clock, outbox, write } = setUp();
  await outbox.start('journal-1');
  await turns();
  const held = Promise.withResolvers<void>();
  const work = outbox.hold(async (shipped) => {
    await held.promise;
    return shipped;
  });
  write(1, ...call('a'));
  clock.advance(50);
  await turns();
  assert.deepEqual(await ids(store), []);
  held.resolve();
  assert.deepEqual(await work, { segment: 1, offset: 0 });
  await turns();
  assert.deepEqual(await ids(store), ['a']);
});

test('damage is passed over', async () => {
  const { files, store, clock, outbox, write } = setUp();
  await outbox.start('journal-1');
  const content = Buffer.concat([segment(1, ...call('a')), frames(...call('b')), frames(...call('c'))]);
  content[segment(1, ...call('a')).length + 600] = 0x58;
  files.segments.set(1, content);
  write(1);
  clock.advance(50);
  await turns();
  const stored = await ids(store);
  assert.ok(stored.includes('a') && stored.includes('c'));
});

test('a journal that cannot be read for a while is read on later, nothing left out', async () => {
  const { files, store, clock, outbox, write } = setUp();
  await outbox.start('journal-1');
  write(1, ...call('a'));
  const content = files.segments.get(1) ?? assert.fail();
  files.segments.delete(1);
  clock.advance(50);
  await turns();
  assert.deepEqual(await ids(store), []);
  files.segments.set(1, content);
  clock.advance(30_000);
  await turns();
  assert.deepEqual(await ids(store), ['a']);
});

test('what a later version wrote is never skipped', async () => {
  const { store, clock, outbox, write } = setUp();
  await outbox.start('journal-1');
  write(1, '{"v":3,"kind":"settle","id":"later"}', ...call('a'));
  for (let again = 0; again < 3; again += 1) {
    clock.advance(60_000);
    await turns();
    write(1, ...call(`b${again}`));
  }
  assert.deepEqual(await ids(store), []);
  assert.equal(await outbox.caughtUp(1000), false);
});

test('closing keeps how far opens without settles have been read', async () => {
  const { files, store, clock, outbox, write } = setUp();
  await outbox.start('journal-1');
  write(1, open(usageRecord('a')));
  clock.advance(50);
  await turns();
  assert.equal(await store.checkpoint('journal-1'), null);
  await outbox.close();
  assert.deepEqual((await store.checkpoint('journal-1'))?.shipped, fileEnd(files));
});

test('a journal that is shipped again adds what the store lacks, twice nothing, and is no backlog', async () => {
  const { files, store, clock, progress, outbox, write } = setUp();
  files.segments.set(1, segment(1, ...call('a'), ...call('b')));
  await outbox.start('journal-1');
  await turns();
  write(2, ...call('c'));
  clock.advance(50);
  await turns();
  store.forget('b');
  assert.deepEqual(await ids(store), ['a', 'c']);
  const before = progress.shippedTo();
  store.failures = 1;
  await outbox.reship().catch(() => undefined);
  await turns();
  assert.deepEqual(await ids(store), ['a', 'c'], 'a store that refuses to begin again is left alone');
  await outbox.reship();
  assert.deepEqual(progress.shippedTo(), before);
  await turns();
  write(2, ...call('d'));
  clock.advance(50);
  await turns();
  assert.deepEqual(await ids(store), ['a', 'b', 'c', 'd']);
  assert.equal(progress.shipped(), 4);
  assert.deepEqual((await store.checkpoint('journal-1'))?.shipped, fileEnd(files));
});

test('an outbox that ends while the journal is shipped again is followed by one that goes on', async () => {
  const first = setUp();
  first.files.segments.set(1, segment(1, ...call('a'), ...call('b')));
  await first.outbox.start('journal-1');
  first.write(1);
  first.clock.advance(50);
  await turns();
  first.store.forget('a');
  const append = first.store.append.bind(first.store);
  first.store.append = async (entries, checkpoint, from) => {
    if (entries.length > 0) throw new Error('The worker ended.');
    return await append(entries, checkpoint, from);
  };
  await first.outbox.reship();
  await turns();
  first.store.append = append;
  const second = setUp(first.files, first.store);
  await second.outbox.start('journal-1');
  await turns();
  assert.deepEqual(await ids(second.store), ['a', 'b']);
});

test('a store that was put back to an earlier state is told what it has lost, without a restart', async () => {
  const { store, clock, outbox, write } = setUp();
  await outbox.start('journal-1');
  const ship = async (id: string): Promise<void> => {
    write(1, ...call(id));
    clock.advance(50);
    await turns();
  };
  await ship('a');
  const putBack = store.snapshot();
  await ship('b');
  await ship('c');
  putBack();
  await ship('d');
  assert.deepEqual(await ids(store), ['a', 'b', 'c', 'd']);
  assert.equal((await store.checkpoint('journal-1'))?.settles, 4);
});

test('a store that was put back is told what it has lost when it is looked at again, though there is nothing new', async () => {
  const { store, clock, outbox, write } = setUp();
  const empty = store.snapshot();
  await outbox.start('journal-1');
  write(1, ...call('a'));
  clock.advance(50);
  await turns();
  await outbox.lookAgain();
  assert.deepEqual(store.batches, [1], 'nothing is lost yet');
  empty();
  await outbox.lookAgain();
  await turns();
  assert.deepEqual(await ids(store), ['a']);
  assert.equal((await store.checkpoint('journal-1'))?.settles, 1);
  await outbox.close();
  empty();
  await outbox.lookAgain();
  assert.deepEqual(await ids(store), [], 'nothing is shipped any more');
});

test('a store that was emptied is told everything, without a restart', async () => {
  const setup = setUp();
  const { store, clock, outbox, write } = setup;
  const empty = store.snapshot();
  await outbox.start('journal-1');
  for (const id of ['a', 'b']) {
    write(1, ...call(id));
    clock.advance(50);
    await turns();
    if (id === 'a') empty();
  }
  assert.deepEqual(await ids(store), ['a', 'b']);
});

test('two outboxes on copies of one journal leave nothing out, wherever the other one has got', async () => {
  const one = setUp();
  const other = setUp(new MemoryJournalFiles(), one.store);
  await one.outbox.start('journal-1');
  await other.outbox.start('journal-1');
  for (let round = 0; round < 5; round += 1) {
    for (const [name, setup] of [
      ['one', one],
      ['other', other],
    ] as const) {
      const calls = Array.from({ length: name === 'one' ? 3 : 1 }, (_, at) => call(`${name}-${round}-${at}`));
      setup.write(1, ...calls.flat());
      setup.clock.advance(50);
      await turns();
    }
  }
  assert.equal((await ids(one.store)).length, 20);
});

test('where archives were removed, a journal that is shipped again is not said to lag for ever', async () => {
  const { files, clock, outbox, progress } = setUp();
  files.segments.set(1, segment(1, ...call('removed')));
  files.segments.set(2, segment(2, ...call('kept')));
  const written = fileEnd(files) ?? assert.fail();
  progress.publish({ written, lowWater: written, settles: 2, openAttempts: 0 });
  await outbox.start('journal-1');
  await turns();
  assert.equal(progress.shipped(), 2);
  files.segments.delete(1);
  await outbox.reship();
  clock.advance(50);
  await turns();
  assert.deepEqual([outbox.shipped, progress.shipped()], [written, 2]);
});
