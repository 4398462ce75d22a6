import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { link, mkdir, open, readFile, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '#kernel/log.ts';

const fileName = 'admin-token';
/** What 128 random bits need in base64url; shorter ones could be guessed. */
const leastLength = 22;

/**
 * The admin token of a data folder: 32 random bytes in base64url, made on first start and kept in `admin-token` (mode
 * 0600). Two processes that start at once agree on one. Rejects where the file cannot be made or holds no usable token.
 */
export async function adminToken(dataFolder: string, log: Log): Promise<string> {
  const path = join(dataFolder, fileName);
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  const token = (await existing(path)) ?? (await create(path));
  if (!new RegExp(`^[\\x21-\\x7e]{${leastLength},}$`).test(token))
    throw new Error(
      `${path} holds no usable token (at least ${leastLength} characters). Delete it: a new one is made.`,
    );
  await warnIfOthersMayRead(path, log);
  return token;
}

async function existing(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Written whole under another name and then linked: nobody ever reads half a token, and the first one stays. */
async function create(path: string): Promise<string> {
  const written = `${path}.${randomBytes(8).toString('hex')}`;
  const file = await open(written, 'wx', 0o600);
  try {
    await file.writeFile(`${randomBytes(32).toString('base64url')}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await link(written, path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  } finally {
    await unlink(written);
  }
  return (await readFile(path, 'utf8')).trim();
}

async function warnIfOthersMayRead(path: string, log: Log): Promise<void> {
  // Windows keeps access lists, which a mode does not show.
  if (process.platform === 'win32') return;
  const { mode } = await stat(path);
  if ((mode & 0o077) !== 0)
    log.warn(
      { path, mode: (mode & 0o777).toString(8) },
      'the admin token can be read by other users of this machine; chmod it to 600, or delete it and restart',
    );
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

/** Says whether an `authorization` header carries the token. Hashes are compared, so time tells nothing about it. */
export function tokenCheck(token: string): (authorization: string | undefined) => boolean {
  const expected = sha256(token);
  return (authorization) => {
    const given = /^Bearer +([\x21-\x7e]+) *$/i.exec(authorization ?? '')?.[1];
    return given !== undefined && timingSafeEqual(sha256(given), expected);
  };
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}
