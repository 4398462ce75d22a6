import assert from 'node:assert/strict';
import { test } from 'node:test';
import { budgetServices } from './budgets.ts';
import { Outbox } from '#accounting/ledger/outbox.ts';
import { fileEnd } from '#accounting/ledger/recovery.ts';
import { SharedProgress } from '#accounting/ledger/progress.ts';
import { silentLog } from '#kernel/log.ts';
import { open, segment, settle } from '../../../test/support/journal-content.ts';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { MemoryJournalFiles } from '../../../test/support/memory-journal-files.ts';
import { MemoryLedgerStore } from '../../../test/support/memory-ledger-store.ts';
import { march, usageRecord } from '../../../test/support/records.ts';

test('what was spent is known to the entry, also where the store was put back and nobody has noticed yet', async () => {
  const [files, store, progress] = [new MemoryJournalFiles(), new MemoryLedgerStore(), new SharedProgress()];
  const records = ['a', 'b', 'c'].map((id) => usageRecord(id));
  const write = (count: number): void => {
    files.segments.set(1, segment(1, ...records.slice(0, count).flatMap((one) => [open(one), settle(one)])));
    const written = fileEnd(files) ?? assert.fail();
    progress.publish({ written, lowWater: written, settles: count, openAttempts: 0 });
  };
  const outbox = new Outbox({ files, store, progress, clock: new ManualClock(), log: silentLog });
  const services = budgetServices({ store, files, shipping: outbox });
  const node = { kind: 'consumer', name: 'marketing', product: null } as const;
  const spent = async (alone: boolean): Promise<bigint> => {
    const asked = { node, from: march, to: march + 1, whose: 'own' as const, until: progress.written() };
    return (await services.spending({ ...asked, instance: 'journal-1', alone })).own.cost;
  };
  const each = records[0]?.cost.nanoUsd ?? assert.fail();
  const isExact = async (): Promise<void> => {
    for (const alone of [true, false]) assert.equal(await spent(alone), 3n * each, `alone: ${alone}`);
  };
  const empty = store.snapshot();

  write(1);
  await outbox.start('journal-1');
  assert.equal(await outbox.caughtUp(1000), true);
  const early = store.snapshot();
  write(3);
  await isExact();
  assert.equal(await outbox.caughtUp(1000), true);
  await isExact();
  for (const putBack of [early, empty]) {
    putBack();
    await isExact();
    const [caller] = await services.callersLately({ instance: 'journal-1', until: progress.written() });
    assert.equal(caller?.consumer, 'marketing');
  }
  await outbox.close();
});
