import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { ledgerWorkSchema, type LedgerWork } from '@tollgate/contract/admin-api/operations.ts';
import { backupManifestSchema } from '@tollgate/contract/backup.ts';
import { fakeGateway, promised, refused, temporaryFolder } from '../../../test/support/fake-gateway.ts';
import { runCli } from '../../../test/support/run-cli.ts';

const done: LedgerWork = {
  id: 'work-1',
  kind: 'backup',
  state: 'done',
  startedAt: '2026-11-23T10:20:30Z',
  doneBytes: 0,
  totalBytes: 0,
  error: null,
  verification: null,
  backup: {
    folder: '/backups/one',
    madeAt: '2026-11-23T10:20:31Z',
    files: 1204,
    bytes: 2_500_000_000,
    store: 'sqlite',
    storeCopied: true,
    notes: [],
  },
};

test('ledger backup asks for an absolute folder, and tells what is in it', async (t) => {
  const gateway = await fakeGateway(t, { 'POST ledger/work': promised(ledgerWorkSchema, done) });
  const { status, out } = await runCli(['ledger', 'backup', '--to', 'one'], gateway.environment);
  assert.equal(status, 0);
  assert.deepEqual(gateway.asked[0]?.body, { kind: 'backup', folder: path.resolve('one') });
  assert.match(out, /^Store and journal as of 2026-11-23T10:20:31Z: 1,204 files, 2\.5 GB, in \/backups\/one$/m);
  assert.match(out, /ledger restore --from \/backups\/one --data FOLDER$/m);
  const json = await runCli(['ledger', 'backup', '--to', 'one', '--json'], gateway.environment);
  assert.deepEqual(JSON.parse(json.out), done.backup);
});

test('ledger backup says plainly where the store is not in it', async (t) => {
  const { backup } = done;
  assert.ok(backup !== null);
  const work: LedgerWork = {
    ...done,
    backup: { ...backup, store: 'postgresql', storeCopied: false, notes: ['Back it up with pg_dump.'] },
  };
  const gateway = await fakeGateway(t, { 'POST ledger/work': promised(ledgerWorkSchema, work) });
  const { out } = await runCli(['ledger', 'backup', '--to', '/backups/one'], gateway.environment);
  assert.match(out, /^The journal as of /);
  assert.match(out, /^Back it up with pg_dump\.$/m);
});

test('ledger backup exits 1 with the reason where it fails, or something else is under way', async (t) => {
  const failed: LedgerWork = { ...done, state: 'failed', backup: null, error: 'The folder /x is not empty.' };
  const one = await fakeGateway(t, { 'POST ledger/work': promised(ledgerWorkSchema, failed) });
  const first = await runCli(['ledger', 'backup', '--to', '/x'], one.environment);
  assert.equal(first.status, 1);
  assert.match(first.err, /The folder \/x is not empty\./);
  const other = await fakeGateway(t, {
    'POST ledger/work': refused(409, { code: 'admin_conflict', message: 'Another piece of work.', id: 'id-2' }),
  });
  const second = await runCli(['ledger', 'backup', '--to', '/x'], other.environment);
  assert.equal(second.status, 1);
  assert.match(second.err, /Another piece of work\./);
});

test('ledger reship waits until everything was shipped again', async (t) => {
  const running: LedgerWork = { ...done, kind: 'reship', state: 'running', backup: null };
  const gateway = await fakeGateway(t, {
    'POST ledger/work': promised(ledgerWorkSchema, running),
    'GET ledger/work/work-1': promised(ledgerWorkSchema, { ...running, state: 'done' }),
  });
  const { status, out } = await runCli(['ledger', 'reship'], gateway.environment);
  assert.equal(status, 0);
  assert.deepEqual(gateway.asked[0]?.body, { kind: 'reship' });
  assert.match(out, /shipped again/);
});

const contents: Readonly<Record<string, string>> = {
  'journal/00000002.journal': 'second segment',
  'journal/archive/00000001.journal.zst': 'first segment',
  'journal/archive/manifest.json': '{}',
  'tollgate.sqlite': 'store',
};

/** A whole backup in a folder of its own. */
function backupIn(t: TestContext): string {
  const folder = path.join(temporaryFolder(t), 'backup');
  const files = Object.entries(contents).map(([name, content]) => {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), content);
    return { name, bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') };
  });
  const manifest = { version: 1, madeAt: '2026-11-23T10:20:31Z', store: 'sqlite', files };
  writeFileSync(path.join(folder, 'backup.json'), JSON.stringify(backupManifestSchema.parse(manifest)));
  return folder;
}

const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(path.join(folder, name)).isFile())
    .toSorted();

test('ledger restore puts every file in place, readable for its owner alone', async (t) => {
  const from = backupIn(t);
  for (const data of [path.join(temporaryFolder(t), 'new', 'data'), temporaryFolder(t)]) {
    const { status, out } = await runCli(['ledger', 'restore', '--from', from, '--data', data]);
    assert.equal(status, 0);
    assert.match(out, /^Restored as of 2026-11-23T10:20:31Z: 4 files, 34 B, in /);
    assert.deepEqual(filesIn(data), Object.keys(contents).toSorted());
    for (const [name, content] of Object.entries(contents)) {
      assert.equal(readFileSync(path.join(data, name), 'utf8'), content);
      assert.equal(statSync(path.join(data, name)).mode & 0o777, 0o600);
    }
  }
});

test('ledger restore takes the data folder of the environment where none is named', async (t) => {
  const data = path.join(temporaryFolder(t), 'data');
  const environment = { TOLLGATE_DATA: data };
  const { status, out } = await runCli(['ledger', 'restore', '--from', backupIn(t), '--json'], environment);
  assert.equal(status, 0);
  assert.deepEqual(JSON.parse(out), { data, madeAt: '2026-11-23T10:20:31Z', store: 'sqlite', files: 4, bytes: 34 });
});

for (const [what, damage, words] of [
  [
    'changed',
    (from: string) => writeFileSync(path.join(from, 'tollgate.sqlite'), 'stort'),
    /tollgate\.sqlite is not what was backed up/,
  ],
  ['cut', (from: string) => truncateSync(path.join(from, 'tollgate.sqlite'), 2), /tollgate\.sqlite has 2 bytes, not 5/],
  [
    'missing',
    (from: string) => rmSync(path.join(from, 'journal/archive/manifest.json')),
    /journal\/archive\/manifest\.json is missing/,
  ],
] as const)
  test(`ledger restore writes nothing where a file of the backup is ${what}`, async (t) => {
    const from = backupIn(t);
    damage(from);
    const data = path.join(temporaryFolder(t), 'data');
    const { status, err } = await runCli(['ledger', 'restore', '--from', from, '--data', data]);
    assert.equal(status, 1);
    assert.match(err, words);
    assert.equal(existsSync(data), false);
  });

test('ledger restore tells everything that is wrong with a backup at once', async (t) => {
  const from = backupIn(t);
  rmSync(path.join(from, 'journal'), { recursive: true });
  const { err } = await runCli(['ledger', 'restore', '--from', from, '--data', path.join(temporaryFolder(t), 'data')]);
  assert.equal(err.match(/is missing/g)?.length, 3);
});

test('ledger restore refuses a folder without a manifest, or with one that leads out of the folder', async (t) => {
  const from = backupIn(t);
  const manifest = readFileSync(path.join(from, 'backup.json'), 'utf8');
  const data = path.join(temporaryFolder(t), 'data');
  for (const bad of [
    '{',
    manifest.replace('tollgate.sqlite', '../tollgate.sqlite'),
    manifest.replace('"version":1', '"version":2'),
  ]) {
    writeFileSync(path.join(from, 'backup.json'), bad);
    const { status, err } = await runCli(['ledger', 'restore', '--from', from, '--data', data]);
    assert.equal(status, 2);
    assert.match(err, /backup\.json cannot be understood/);
  }
  rmSync(path.join(from, 'backup.json'));
  const { err } = await runCli(['ledger', 'restore', '--from', from, '--data', data]);
  assert.match(err, /there is no backup\.json, which is written last/);
});

test('ledger restore never writes over anything, and says what a restore that was broken off has left', async (t) => {
  const from = backupIn(t);
  const data = temporaryFolder(t);
  writeFileSync(path.join(data, 'something'), '');
  const used = await runCli(['ledger', 'restore', '--from', from, '--data', data]);
  assert.equal(used.status, 1);
  assert.match(used.err, /is not empty/);
  assert.deepEqual(filesIn(data), ['something']);
  mkdirSync(path.join(data, '.restoring'));
  const again = await runCli(['ledger', 'restore', '--from', from, '--data', data]);
  assert.match(again.err, /A restore was broken off there/);
});
