import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Log } from '#kernel/log.ts';
import { secretFile } from './secret-file.ts';

/** Shorter ones could be guessed. */
const leastLength = 32;

/**
 * What a gateway that is given no signing key signs ids with: 32 random bytes in base64url, made on first start and kept in
 * `affinity-key` of the data folder. Rejects where the file cannot be made or holds no usable key.
 */
export async function affinityKey(dataFolder: string, log: Log): Promise<string> {
  const path = join(dataFolder, 'affinity-key');
  const content = await secretFile(path, () => `${randomBytes(32).toString('base64url')}\n`, log);
  const key = content.trim();
  if (key.length < leastLength)
    throw new Error(`${path} holds no usable key (at least ${leastLength} characters). Delete it: a new one is made.`);
  return key;
}
