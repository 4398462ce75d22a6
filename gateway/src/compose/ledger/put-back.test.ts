import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { shipJournal } from './adoption.ts';
import { PutBackWatch } from './put-back.ts';
import { segmentName } from '#accounting/ledger/ports.ts';
import { systemClock, type Clock } from '#kernel/clock.ts';
import { folderDone } from '#adapters/journal-files/replica-folders.ts';
import { silentLog } from '#kernel/log.ts';
import { frames, open, segment, settle } from '../../../test/support/journal-content.ts';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { MemoryLedgerStore } from '../../../test/support/memory-ledger-store.ts';
import { usageRecord } from '../../../test/support/records.ts';
import { until } from '../../../test/support/until.ts';

interface Volume {
  readonly root: string;
  readonly store: MemoryLedgerStore;
  readonly told: string[];
  /** Puts the store back to where it had nothing. */
  readonly lose: () => void;
  readonly watch: (holder: string, own?: () => Promise<void>) => PutBackWatch;
  readonly records: () => Promise<number>;
}

/** A volume with the journal of a gateway that has ended, which the store has whole. */
async function volume(context: TestContext, clock: Clock = systemClock): Promise<Volume> {
  const root = mkdtempSync(join(tmpdir(), 'tollgate-put-back-'));
  context.after(() => rmSync(root, { recursive: true }));
  const folder = join(root, 'replica-a');
  mkdirSync(folder);
  const calls = ['a', 'b'].flatMap((id) => [open(usageRecord(id)), settle(usageRecord(id))]);
  writeFileSync(join(folder, segmentName(1)), Buffer.concat([segment(1), frames(...calls)]));
  const store = new MemoryLedgerStore();
  const told: string[] = [];
  const log = { ...silentLog, error: (_fields: object, message: string): void => void told.push(message) };
  const around = { store, openSinks: () => [], clock, log };
  const lose = store.snapshot();
  assert.equal((await shipJournal(folder, around, () => true))?.records, 2);
  await folderDone(root, 'replica-a', 'journal-1');
  return {
    root,
    store,
    told,
    lose,
    watch: (holder, own = async () => await Promise.resolve()) =>
      new PutBackWatch({ outbox: { lookAgain: own }, replicas: { root }, holder: () => holder, around }),
    records: async () =>
      (await store.page({ filter: [], period: { from: null, to: null }, after: null, limit: 10 })).length,
  };
}

describe('the journal of a gateway that has ended', () => {
  test('is left alone where the store has it', async (context) => {
    const { watch, told, records } = await volume(context);
    let looks = 0;
    const one = watch('journal-2', async () => {
      looks += 1;
      await Promise.resolve();
    });
    one.start();
    await until(() => looks === 1, 'a first look');
    one.look();
    // One after the other: the first is over.
    await until(() => looks === 2, 'a second look');
    await one.close();
    assert.equal(await records(), 2);
    assert.deepEqual(told, []);
  });

  test('is shipped again, once, where a store that was put back lacks it', async (context) => {
    const { watch, told, lose, records } = await volume(context);
    lose();
    const watches = [watch('journal-2'), watch('journal-3')];
    for (const one of watches) one.start();
    for (const one of watches) one.look();
    while ((await records()) < 2) await new Promise((resolve) => setImmediate(resolve));
    await Promise.all(watches.map(async (one) => await one.close()));
    assert.equal(await records(), 2);
    assert.deepEqual(told, ['the store was put back: what it has lost of an ended journal is shipped again']);
  });

  test('is shipped again although one beside it cannot be read', async (context) => {
    const { root, watch, told, lose, records } = await volume(context);
    lose();
    // On both sides: folders are listed in any order.
    for (const name of ['replica-0~journal-0', 'replica-z~journal-z']) {
      mkdirSync(join(root, 'done', name));
      writeFileSync(join(root, 'done', name, segmentName(1)), frames('{"v":9,"kind":"header"}'));
    }
    const one = watch('journal-2');
    one.start();
    await until(async () => (await records()) === 2, 'the records of the journal that can be read');
    const unreadable = (): number => told.filter((message) => message.includes('cannot be shipped again')).length;
    await until(() => unreadable() === 2, 'a line about each of the others');
    await one.close();
  });

  test('stays with the gateway that ships it, however long that takes', async (context) => {
    const clock = new ManualClock();
    const { store, watch, lose } = await volume(context, clock);
    lose();
    const held = Promise.withResolvers<void>();
    const append = store.append.bind(store);
    store.append = async (...given) => {
      await held.promise;
      return await append(...given);
    };
    let leases = 0;
    const lease = store.lease.bind(store);
    store.lease = async (...given) => {
      leases += 1;
      return await lease(...given);
    };
    const one = watch('journal-2');
    one.start();
    await until(() => {
      clock.advance(1000);
      return leases >= 4;
    }, 'a lease that is renewed again and again');
    held.resolve();
    await one.close();
  });

  test('is looked at when another server answers, and after a store that could not be asked', async (context) => {
    const { watch, lose, records } = await volume(context);
    const asked: string[] = [];
    let away = true;
    const one = watch('journal-2', async () => {
      asked.push(away ? 'away' : 'there');
      if (away) throw new Error('The store is away.');
      await Promise.resolve();
    });
    one.look();
    assert.deepEqual(asked, [], 'not before the start');
    one.start();
    while (asked.length === 0) await new Promise((resolve) => setImmediate(resolve));
    away = false;
    lose();
    one.look();
    while ((await records()) < 2) await new Promise((resolve) => setImmediate(resolve));
    await one.close();
    one.look();
    assert.deepEqual(asked, ['away', 'there']);
  });
});
