import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Log } from '#kernel/log.ts';
import { secretFile } from './secret-file.ts';

/** What 128 random bits need in base64url; shorter ones could be guessed. */
const leastLength = 22;

/**
 * The admin token of a data folder: 32 random bytes in base64url, made on first start and kept in `admin-token`. Rejects
 * where the file cannot be made or holds no usable token.
 */
export async function adminToken(dataFolder: string, log: Log): Promise<string> {
  const path = join(dataFolder, 'admin-token');
  const content = await secretFile(path, () => `${randomBytes(32).toString('base64url')}\n`, log);
  const token = content.trim();
  if (!new RegExp(`^[\\x21-\\x7e]{${leastLength},}$`).test(token))
    throw new Error(
      `${path} holds no usable token (at least ${leastLength} characters). Delete it: a new one is made.`,
    );
  return token;
}
