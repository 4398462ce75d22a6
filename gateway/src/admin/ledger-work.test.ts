import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ledgerWorkSchema, type LedgerWork } from '@tollgate/contract/admin-api/operations.ts';
import { Failure } from '#kernel/errors.ts';
import type { Log } from '#kernel/log.ts';
import { LedgerWorks, type LedgerTasks } from './ledger-work.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { answers } from '../../test/support/start-admin.ts';

interface Setup {
  readonly works: LedgerWorks;
  readonly clock: ManualClock;
  readonly logged: object[];
  /** Ends the task that is under way. */
  readonly end: PromiseWithResolvers<unknown>;
}

function setUp(): Setup {
  const clock = new ManualClock();
  const logged: object[] = [];
  const end = Promise.withResolvers<unknown>();
  const task = async (): Promise<never> => (await end.promise) as never;
  const tasks: LedgerTasks = {
    verify: task,
    backup: task,
    reship: task,
    workProgress: async () => await Promise.resolve({ doneBytes: 5, totalBytes: 10 }),
  };
  const log: Log = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: (fields) => void logged.push(fields),
  };
  let made = 0;
  const newId = (): string => {
    made += 1;
    return `work-${made}`;
  };
  return { works: new LedgerWorks(tasks, { clock, newId, log }), clock, logged, end };
}

const found = async (works: LedgerWorks, id: string, waitMs = 60_000): Promise<LedgerWork> =>
  ledgerWorkSchema.parse(await works.find(id, waitMs));

test('work is begun, tells how far it is, and what came of it', async () => {
  const { works, clock, end } = setUp();
  const begun = works.begin({ kind: 'verify' });
  assert.deepEqual([begun.kind, begun.state, begun.startedAt], ['verify', 'running', '2026-11-23T00:00:00.000Z']);
  const waiting = works.find(begun.id, 500);
  clock.advance(500);
  assert.deepEqual(await waiting, { ...begun, doneBytes: 5, totalBytes: 10 });
  assert.equal((await found(works, begun.id, 0)).state, 'running');
  end.resolve(answers.verification);
  const done = await found(works, begun.id);
  assert.deepEqual([done.state, done.verification], ['done', answers.verification]);
  assert.deepEqual(await found(works, begun.id), done);
});

test('one piece of work runs at a time', async () => {
  const { works, end } = setUp();
  const { id } = works.begin({ kind: 'reship' });
  assert.throws(() => works.begin({ kind: 'verify' }), {
    code: 'admin_conflict',
    message: 'Another piece of work is under way: reship, work-1.',
  });
  end.resolve(undefined);
  assert.equal((await found(works, id)).state, 'done');
  assert.equal(works.begin({ kind: 'verify' }).state, 'running');
});

test('work that fails says why, where that may be told', async () => {
  const { works, end, logged } = setUp();
  const { id } = works.begin({ kind: 'backup', folder: '/backups/one' });
  end.reject(new Failure('admin_invalid', 'The folder /backups/one is not empty.'));
  const failed = await found(works, id);
  assert.deepEqual([failed.state, failed.error], ['failed', 'The folder /backups/one is not empty.']);
  assert.deepEqual(logged, []);
});

test('what failed inside is told by its id, and stands in the log', async () => {
  const { works, end, logged } = setUp();
  const { id } = works.begin({ kind: 'verify' });
  const inside = new Error('disk /var/secret');
  end.reject(inside);
  assert.equal((await found(works, id)).error, 'It failed inside the gateway; the log tells more under work-1.');
  assert.deepEqual(logged, [{ err: inside, work: 'work-1' }]);
});

test('the last ten are remembered', async () => {
  const { works, end } = setUp();
  end.resolve(undefined);
  for (let at = 1; at <= 12; at += 1) await found(works, works.begin({ kind: 'reship' }).id);
  assert.equal(await works.find('work-2', 0), undefined);
  assert.equal((await works.find('work-3', 0))?.state, 'done');
});
