import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backupReportSchema } from '@tollgate/contract/admin-api/ledger.ts';
import { backupManifestSchema } from '@tollgate/contract/backup.ts';
import type { Position } from '#accounting/ledger/ports.ts';
import { backupLedger, type BackupSources } from './backup-ledger.ts';
import type { JournalFile } from './ports.ts';

interface Setup {
  readonly sources: BackupSources;
  /** What was done, in its order. */
  readonly done: string[];
  readonly told: [number, number][];
  manifest: string;
}

const own = (segment: number, bytes: number): JournalFile => ({
  name: `journal/0000000${segment}.journal`,
  bytes,
  segment,
});
const archive: JournalFile = { name: 'journal/archive/00000001.journal.zst', bytes: 10, segment: null };
const sha256 = 'a'.repeat(64);

function setUp(options: {
  readonly files: readonly JournalFile[];
  readonly gone?: string;
  readonly kind?: 'postgresql';
}): Setup {
  const done: string[] = [];
  const told: [number, number][] = [];
  // It goes on while the store is copied.
  const written: Position[] = [{ segment: 3, offset: 70 }];
  const setup: Setup = {
    done,
    told,
    manifest: '',
    sources: {
      target: {
        path: '/backups/one',
        folder: {
          begin: async () => await Promise.resolve(void done.push('begin')),
          journal: () => options.files,
          async copy({ name }, bytes) {
            done.push(`copy ${bytes} of ${name}`);
            return await Promise.resolve(name === options.gone ? null : { name, bytes, sha256 });
          },
          pathOf: (name) => `/backups/one/${name}`,
          async seal(name) {
            done.push(`seal ${name}`);
            return await Promise.resolve({ name, bytes: 500, sha256 });
          },
          async finish(manifest) {
            done.push('finish');
            setup.manifest = manifest;
            await Promise.resolve();
          },
        },
      },
      store:
        options.kind === 'postgresql'
          ? { kind: 'postgresql' }
          : {
              kind: 'sqlite',
              bytes: () => 400,
              async copyTo(path, onBytes) {
                done.push(`store to ${path}`);
                onBytes(200);
                written.unshift({ segment: 3, offset: 90 });
                await Promise.resolve();
              },
            },
      progress: { written: () => written[0] ?? assert.fail() },
      now: () => Date.UTC(2026, 10, 23),
      onProgress: (bytes, total) => void told.push([bytes, total]),
    },
  };
  return setup;
}

test('the store is copied first, then the journal as far as it counts after that, and the manifest last', async () => {
  const setup = setUp({ files: [archive, own(2, 100), own(3, 120), own(4, 5)] });
  const report = await backupLedger(setup.sources);
  assert.deepEqual(setup.done, [
    'begin',
    'store to /backups/one/tollgate.sqlite',
    'seal tollgate.sqlite',
    'copy 10 of journal/archive/00000001.journal.zst',
    'copy 100 of journal/00000002.journal',
    // What stands behind does not count yet, nor does a segment that was begun meanwhile.
    'copy 90 of journal/00000003.journal',
    'finish',
  ]);
  assert.deepEqual(backupReportSchema.parse(report), {
    folder: '/backups/one',
    madeAt: '2026-11-23T00:00:00.000Z',
    files: 4,
    bytes: 700,
    store: 'sqlite',
    storeCopied: true,
    notes: [],
  });
  const manifest = backupManifestSchema.parse(JSON.parse(setup.manifest));
  assert.deepEqual(
    manifest.files.map((file) => [file.name, file.bytes]),
    [
      ['tollgate.sqlite', 500],
      ['journal/archive/00000001.journal.zst', 10],
      ['journal/00000002.journal', 100],
      ['journal/00000003.journal', 90],
    ],
  );
  const total = 400 + 10 + 100 + 120 + 5;
  assert.deepEqual(setup.told, [
    [0, total],
    [200, total],
    [410, total],
    [510, total],
    [600, total],
  ]);
});

test('a file that went meanwhile is left out', async () => {
  const setup = setUp({ files: [own(2, 100), own(3, 120)], gone: own(2, 100).name });
  assert.equal((await backupLedger(setup.sources)).files, 2);
});

test('beside a server of its own the journal alone is copied, and the report says so', async () => {
  const setup = setUp({ files: [own(3, 120)], kind: 'postgresql' });
  const report = await backupLedger(setup.sources);
  assert.deepEqual(setup.done, ['begin', 'copy 70 of journal/00000003.journal', 'finish']);
  assert.deepEqual([report.store, report.storeCopied, report.files], ['postgresql', false, 1]);
  assert.match(report.notes[0] ?? '', /back it up with pg_dump, before/);
});
