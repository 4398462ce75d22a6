import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { silentLog } from '#kernel/log.ts';
import { openExportKey } from './export-key.ts';

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-key-'));
  t.after(async () => await rm(folder, { recursive: true }));
  return folder;
}

suite('the key that signs exports', () => {
  test('is made on first use, for its owner alone, and stays', async (t) => {
    const folder = join(await folderOf(t), 'data');
    const key = await openExportKey(folder, silentLog);
    assert.equal((await stat(join(folder, 'export-key.pem'))).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(folder), ['export-key.pem']);
    assert.match(key.keyId, /^[0-9a-f]{32}$/);
    const again = await openExportKey(folder, silentLog);
    assert.equal(again.publicKey, key.publicKey);
    assert.equal(again.keyId, key.keyId);
  });

  test('signs what its public key verifies', async (t) => {
    const key = await openExportKey(await folderOf(t), silentLog);
    const { publicKey } = key;
    const signature = key.sign(Buffer.from('one'));
    assert.equal(signature.length, 64);
    assert.equal(verify(null, Buffer.from('one'), createPublicKey(publicKey), signature), true);
    assert.equal(verify(null, Buffer.from('two'), createPublicKey(publicKey), signature), false);
  });

  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  for (const [what, content] of [
    ['an empty file', ''],
    ['a key of another kind', rsa.export({ type: 'pkcs8', format: 'pem' })],
  ] as const)
    test(`is not ${what}: that is told, and not replaced`, async (t) => {
      const folder = await folderOf(t);
      const path = join(folder, 'export-key.pem');
      await writeFile(path, content, { mode: 0o600 });
      await assert.rejects(openExportKey(folder, silentLog), /holds no Ed25519 key/);
      assert.equal(await readFile(path, 'utf8'), content);
    });
});
