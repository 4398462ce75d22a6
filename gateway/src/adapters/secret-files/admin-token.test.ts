import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { silentLog, type Log } from '#kernel/log.ts';
import { adminToken } from './admin-token.ts';

async function withFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-token-'));
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('the admin token', () => {
  test('is made on first start, for its owner alone, and stays', () =>
    withFolder(async (folder) => {
      const data = join(folder, 'data');
      const token = await adminToken(data, silentLog);
      assert.match(token, /^[A-Za-z0-9_-]{43}$/);
      assert.equal((await readFile(join(data, 'admin-token'), 'utf8')).trim(), token);
      assert.equal((await stat(join(data, 'admin-token'))).mode & 0o777, 0o600);
      assert.deepEqual(await readdir(data), ['admin-token']);
      assert.equal(await adminToken(data, silentLog), token);
    }));

  test('is one, when several start at once', () =>
    withFolder(async (folder) => {
      const tokens = await Promise.all(Array.from({ length: 8 }, () => adminToken(folder, silentLog)));
      assert.equal(new Set(tokens).size, 1);
      assert.deepEqual(await readdir(folder), ['admin-token']);
    }));

  test('that other users can read is taken with a warning, which does not hold it', () =>
    withFolder(async (folder) => {
      const token = await adminToken(folder, silentLog);
      const warnings: string[] = [];
      const log: Log = { ...silentLog, warn: (fields, message) => warnings.push(JSON.stringify(fields) + message) };
      await adminToken(folder, log);
      assert.deepEqual(warnings, []);
      await chmod(join(folder, 'admin-token'), 0o644);
      assert.equal(await adminToken(folder, log), token);
      assert.equal(warnings.length, 1);
      assert.match(warnings.join(), /644.*read by other users/);
      assert.ok(!warnings.join().includes(token));
    }));

  for (const [what, content] of [
    ['an empty file', ''],
    ['a short one', 'secret\n'],
    ['several words', 'a token that somebody made of words\n'],
  ] as const)
    test(`refuses ${what}, saying what to do and not what it holds`, () =>
      withFolder(async (folder) => {
        await writeFile(join(folder, 'admin-token'), content, { mode: 0o600 });
        await assert.rejects(adminToken(folder, silentLog), (error: Error) => {
          assert.match(error.message, /Delete it/);
          if (content.trim() !== '') assert.ok(!error.message.includes(content.trim()));
          return true;
        });
      }));
});
