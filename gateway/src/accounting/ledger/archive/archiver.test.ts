import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openArchiveFolder } from '#adapters/journal-files/archive-folder.ts';
import { openJournalFiles } from '#adapters/journal-files/journal-files.ts';
import { silentLog } from '#kernel/log.ts';
import { OneAtATime } from '#kernel/one-at-a-time.ts';
import { journalAudit } from '../journal-audit.ts';
import type { JournalFiles, Position } from '../ports.ts';
import { fileEnd } from '../recovery.ts';
import { Archiver } from './archiver.ts';
import { readManifest, removedArchives } from './manifest.ts';
import type { ArchiveFolder } from './ports.ts';
import { open, segment, settle } from '../../../../test/support/journal-content.ts';
import { ManualClock } from '../../../../test/support/manual-clock.ts';
import { march, usageRecord } from '../../../../test/support/records.ts';

const hour = 3_600_000;
const day = 24 * hour;

interface Setup {
  readonly folder: string;
  readonly archive: ArchiveFolder;
  readonly clock: ManualClock;
  readonly files: JournalFiles;
  done: Position;
  archiver(options?: {
    readonly archive?: ArchiveFolder;
    readonly keepForMs?: number;
    readonly turns?: OneAtATime;
  }): Archiver;
}

/** A journal of four segments with two records each; the headers say that all were begun at 1 ms after the epoch. */
async function withJournal(run: (setup: Setup) => Promise<void>): Promise<void> {
  const parent = await mkdtemp(join(tmpdir(), 'tollgate-archiver-'));
  const folder = join(parent, 'journal');
  mkdirSync(folder);
  for (const number of [1, 2, 3, 4]) {
    const records = ['a', 'b'].map((id, at) =>
      usageRecord(`${id}${number}`, { at: march + (number * 10 + at) * 60_000 }),
    );
    const content = segment(number, ...records.map((one) => open(one)), ...records.map((one) => settle(one)));
    writeFileSync(join(folder, `0000000${number}.journal`), content);
  }
  const clock = new ManualClock(1);
  const files = openJournalFiles(folder);
  const setup: Setup = {
    folder,
    archive: openArchiveFolder(folder),
    clock,
    files,
    done: { segment: 4, offset: 0 },
    archiver: (options = {}) =>
      new Archiver({
        folder: options.archive ?? setup.archive,
        files,
        clock,
        log: silentLog,
        turns: options.turns ?? new OneAtATime(),
        done: () => setup.done,
        afterMs: hour,
        keepForMs: options.keepForMs ?? null,
      }),
  };
  try {
    await run(setup);
  } finally {
    files.close();
    await rm(parent, { recursive: true });
  }
}

/** Every record that can be read, in the journal's order. */
function settled(folder: string): string[] {
  const files = openJournalFiles(folder);
  const end = fileEnd(files);
  const items = end === null ? [] : [...journalAudit(files).items(null, end)];
  files.close();
  return items.flatMap((item) => (item.kind === 'settle' ? [item.record.id] : []));
}

const everyRecord = ['a1', 'b1', 'a2', 'b2', 'a3', 'b3', 'a4', 'b4'];

test('segments that are done with are archived in their order, and read as before', async () => {
  await withJournal(async (setup) => {
    setup.clock.advance(hour);
    await setup.archiver().tidy();
    assert.deepEqual([setup.archive.segments(), setup.archive.list()], [[4], [1, 2, 3]]);
    assert.deepEqual(settled(setup.folder), everyRecord);
    const manifest = readManifest(setup.archive.readManifest());
    assert.deepEqual(
      manifest.map(({ segment: number, follows, settles, from, to, removedAt }) => [
        number,
        follows,
        settles,
        from,
        to,
        removedAt,
      ]),
      [1, 2, 3].map((number) => [
        number,
        number === 1 ? null : number - 1,
        2,
        march + number * 600_000,
        march + number * 600_000 + 60_000,
        null,
      ]),
    );
    for (const { segment: number, sha256 } of manifest) assert.equal(await setup.archive.digest(number), sha256);
  });
});

test('a segment that the store has not followed, or in which an attempt may be open, is left alone', async () => {
  await withJournal(async (setup) => {
    setup.clock.advance(hour);
    setup.done = { segment: 2, offset: 10_000 };
    await setup.archiver().tidy();
    assert.deepEqual(setup.archive.segments(), [2, 3, 4]);
  });
});

test('the segment that is being written is never archived', async () => {
  await withJournal(async (setup) => {
    setup.clock.advance(hour);
    setup.done = { segment: 5, offset: 0 };
    await setup.archiver().tidy();
    assert.deepEqual(setup.archive.segments(), [4]);
  });
});

test('a segment stays as it is for as long as is configured', async () => {
  await withJournal(async (setup) => {
    setup.clock.advance(hour - 1);
    await setup.archiver().tidy();
    assert.deepEqual(setup.archive.list(), []);
    assert.equal(setup.archive.readManifest(), null);
  });
});

test('archives are kept for ever where nothing else is configured', async () => {
  await withJournal(async (setup) => {
    const archiver = setup.archiver();
    for (let years = 0; years < 20; years += 1) {
      setup.clock.advance(365 * day);
      await archiver.tidy();
    }
    assert.deepEqual(setup.archive.list(), [1, 2, 3]);
  });
});

test('archives go when they were kept long enough, and the manifest says what went', async () => {
  await withJournal(async (setup) => {
    setup.done = { segment: 3, offset: 0 };
    const archiver = setup.archiver({ keepForMs: 30 * day });
    setup.clock.advance(day);
    await archiver.tidy();
    assert.equal(removedArchives(readManifest(setup.archive.readManifest())), null);
    setup.clock.advance(30 * day - 1);
    await archiver.tidy();
    assert.deepEqual(setup.archive.list(), [1, 2]);
    setup.clock.advance(1);
    await archiver.tidy();
    assert.deepEqual([setup.archive.list(), setup.archive.segments()], [[], [3, 4]]);
    assert.deepEqual(removedArchives(readManifest(setup.archive.readManifest())), {
      segments: 2,
      records: 4,
      adjustments: 0,
      from: march + 600_000,
      to: march + 1_260_000,
      last: 2,
    });
    assert.deepEqual(settled(setup.folder), ['a3', 'b3', 'a4', 'b4']);
  });
});

test('what a store that was lost has still to be told is kept, however old it is', async () => {
  await withJournal(async (setup) => {
    const archiver = setup.archiver({ keepForMs: 30 * day });
    setup.clock.advance(day);
    await archiver.tidy();
    setup.done = { segment: 1, offset: 0 };
    setup.clock.advance(300 * day);
    await archiver.tidy();
    assert.deepEqual(setup.archive.list(), [1, 2, 3]);
  });
});

test('a clock that jumps a year ahead removes nothing while it may be set right', async () => {
  await withJournal(async (setup) => {
    const archiver = setup.archiver({ keepForMs: 30 * day });
    setup.clock.advance(2 * hour);
    await archiver.tidy();
    setup.clock.jump(365 * day);
    await archiver.tidy();
    setup.clock.advance(hour - 1);
    await archiver.tidy();
    assert.deepEqual(setup.archive.list(), [1, 2, 3]);
    setup.clock.jump(-365 * day);
    setup.clock.advance(day);
    await archiver.tidy();
    setup.clock.advance(day);
    await archiver.tidy();
    assert.deepEqual(setup.archive.list(), [1, 2, 3]);
  });
});

test('segments that were closed while the clock stood at 1970 are no older than others', async () => {
  await withJournal(async (setup) => {
    setup.clock.jump(56 * 365 * day);
    const archiver = setup.archiver({ keepForMs: 30 * day });
    for (let days = 0; days < 29; days += 1) {
      setup.clock.advance(day);
      await archiver.tidy();
    }
    assert.deepEqual(setup.archive.list(), [1, 2, 3]);
  });
});

test('a clock that jumps back delays what is due, and loses nothing', async () => {
  await withJournal(async (setup) => {
    setup.clock.advance(hour);
    setup.clock.jump(-10 * day);
    const archiver = setup.archiver({ keepForMs: 30 * day });
    await archiver.tidy();
    assert.deepEqual(setup.archive.segments(), [1, 2, 3, 4]);
    setup.clock.advance(10 * day);
    await archiver.tidy();
    assert.deepEqual(setup.archive.list(), [1, 2, 3]);
    assert.deepEqual(settled(setup.folder), everyRecord);
  });
});

class Killed extends Error {}

/** The steps of an archiver's work that change something, in their order. */
const steps = ['compress', 'keep', 'removeSegment', 'removeArchive', 'writeManifest'] as const;

/** Ends the work before or after the step with this number. */
function killedAt(archive: ArchiveFolder, number: number, when: 'before' | 'after'): ArchiveFolder {
  let step = 0;
  const wrapped: Record<string, unknown> = { ...archive };
  for (const name of steps) {
    const real = archive[name].bind(archive) as (value: never) => Promise<unknown>;
    wrapped[name] = async (value: never): Promise<unknown> => {
      step += 1;
      if (step === number && when === 'before') throw new Killed(name);
      const result = await real(value);
      if (step === number && when === 'after') throw new Killed(name);
      return result;
    };
  }
  // Every member is the real one, wrapped under its own name; a loop over names cannot say so in types.
  return wrapped as unknown as ArchiveFolder;
}

for (const when of ['before', 'after'] as const)
  test(`killed ${when} any step of archiving or removing, nothing is lost, and the next process finishes the work`, async () => {
    const killed: string[] = [];
    for (let number = 1; ; number += 1) {
      let reached = true;
      await withJournal(async (setup) => {
        setup.done = { segment: 3, offset: 0 };
        const due = [2 * hour, 30 * day] as const;
        const first = setup.archiver({ archive: killedAt(setup.archive, number, when), keepForMs: 30 * day });
        try {
          for (const ms of due) {
            setup.clock.advance(ms);
            assert.deepEqual(settled(setup.folder).slice(-4), everyRecord.slice(-4));
            await first.tidy();
          }
          reached = false;
        } catch (error) {
          if (!(error instanceof Killed)) throw error;
          killed.push(error.message);
        }
        const kept = readManifest(setup.archive.readManifest()).every((one) => one.removedAt === null);
        if (kept) assert.deepEqual(settled(setup.folder), everyRecord, `killed at step ${number}`);
        const next = setup.archiver({ keepForMs: 30 * day });
        for (const ms of due) {
          setup.clock.advance(ms);
          await next.tidy();
        }
        assert.deepEqual([setup.archive.list(), setup.archive.segments()], [[], [3, 4]]);
        assert.deepEqual(settled(setup.folder), everyRecord.slice(4));
        assert.equal(removedArchives(readManifest(setup.archive.readManifest()))?.records, 4);
        assert.equal(existsSync(join(setup.folder, 'archive', 'unfinished')), false);
      });
      if (!reached) break;
    }
    assert.deepEqual(new Set(killed), new Set(steps));
  });

test('an archive that was damaged while its segment is still there is made anew', async () => {
  await withJournal(async (setup) => {
    setup.clock.advance(hour);
    await assert.rejects(setup.archiver({ archive: killedAt(setup.archive, 3, 'after') }).tidy(), Killed);
    assert.deepEqual(setup.archive.segments(), [1, 2, 3, 4]);
    writeFileSync(join(setup.folder, 'archive', '00000001.journal.zst'), 'damaged');
    await setup.archiver().tidy();
    assert.deepEqual(settled(setup.folder), everyRecord);
    assert.deepEqual(setup.archive.segments(), [4]);
  });
});

test('with a manifest that cannot be read nothing is archived or removed', async () => {
  await withJournal(async (setup) => {
    setup.clock.advance(hour);
    await setup.archive.compress(1);
    await setup.archive.writeManifest('{"version":1,"archives":[{}]}');
    await assert.rejects(setup.archiver().tidy(), { name: 'UnreadableManifest' });
    assert.deepEqual(setup.archive.segments(), [1, 2, 3, 4]);
  });
});

test('closing lets the step under way end and begins no other', async () => {
  await withJournal(async (setup) => {
    setup.clock.advance(hour);
    const archiver = setup.archiver();
    const work = archiver.tidy();
    await archiver.close();
    await work;
    assert.deepEqual(settled(setup.folder), everyRecord);
    const manifest = readManifest(setup.archive.readManifest());
    assert.deepEqual(
      manifest.map((one) => one.segment),
      setup.archive.list(),
    );
  });
});

test('closing does not wait for whoever else reads the files of the journal', async () => {
  await withJournal(async (setup) => {
    setup.clock.advance(hour);
    const turns = new OneAtATime();
    const released = Promise.withResolvers<void>();
    const other = turns.run(async () => await released.promise);
    const archiver = setup.archiver({ turns });
    const work = archiver.tidy();
    await archiver.close();
    released.resolve();
    await Promise.all([other, work]);
    assert.deepEqual(setup.archive.list(), []);
  });
});
