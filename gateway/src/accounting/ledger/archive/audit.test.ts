import assert from 'node:assert/strict';
import { test } from 'node:test';
import { auditArchives } from './audit.ts';
import { manifestText, type ArchiveEntry } from './manifest.ts';

const digest = (name: string): string => Buffer.from(name.repeat(32)).toString('hex').slice(0, 64);

const entry = (segment: number, changes: Partial<ArchiveEntry> = {}): ArchiveEntry => ({
  segment,
  follows: segment === 1 ? null : segment - 1,
  closedAt: 5,
  bytes: 100,
  sha256: digest(`${segment}`),
  contentBytes: 1000,
  contentSha256: digest('content'),
  settles: 7,
  adjustments: 1,
  from: 3,
  to: 4,
  archivedAt: 6,
  removedAt: null,
  ...changes,
});

/** `files`: the archives that are there, and the digest that each has. */
const folderOf = (options: {
  readonly entries: readonly ArchiveEntry[];
  readonly files: Readonly<Record<number, string>>;
  readonly segments?: readonly number[];
}): Parameters<typeof auditArchives>[0] => ({
  list: () => Object.keys(options.files).map(Number),
  segments: () => options.segments ?? [],
  digest: async (segment) => await Promise.resolve(options.files[segment] ?? null),
  readManifest: () => manifestText(options.entries),
});

test('every archive is compared with the manifest', async () => {
  const audited = await auditArchives(
    folderOf({
      entries: [entry(1, { removedAt: 9 }), entry(2), entry(3), entry(4)],
      files: { 2: digest('2'), 3: digest('another'), 5: digest('5') },
    }),
  );
  assert.deepEqual(
    audited?.map(({ segment, state }) => [segment, state]),
    [
      [1, 'removed'],
      [2, 'sound'],
      [3, 'altered'],
      [4, 'missing'],
      [5, 'unlisted'],
    ],
  );
  assert.deepEqual(audited?.[0], { segment: 1, state: 'removed', records: 7, adjustments: 1, to: 4 });
});

test('an archive whose segment is still there is not needed yet', async () => {
  const audited = await auditArchives(
    folderOf({ entries: [entry(1), entry(2)], files: { 2: digest('half'), 3: digest('3') }, segments: [1, 2, 3] }),
  );
  assert.deepEqual(
    audited?.map((one) => one.state),
    ['sound', 'sound'],
  );
});

test('a manifest that cannot be read is told apart from one that is not there', async () => {
  const folder = folderOf({ entries: [], files: {} });
  assert.equal(await auditArchives({ ...folder, readManifest: () => '{' }), null);
  assert.deepEqual(await auditArchives({ ...folder, readManifest: () => null }), []);
});
