import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { KeyValue, LastGoodCopy } from '#config/ports.ts';
import { isJsonArray, isJsonObject, parseJsonObject, type Json } from '#kernel/json.ts';

/** Whose copy it is: another store's, or another label's, is none. */
export interface CopyOf {
  readonly endpoint: string;
  readonly label: string | null;
}

/**
 * The copy as a file, for its owner alone. It holds what the store held: references to secrets, and no secret, because a
 * configuration with one in clear is never in force.
 */
export function lastGoodFile(path: string, { endpoint, label }: CopyOf): LastGoodCopy {
  return {
    async read() {
      const found = parseJsonObject(await readFile(path, 'utf8').catch(() => ''));
      if (found === undefined || found['endpoint'] !== endpoint || found['label'] !== label) return undefined;
      const { savedAt, keyValues } = found;
      if (typeof savedAt !== 'string' || !isJsonArray(keyValues)) return undefined;
      const read = keyValues.map(keyValueIn);
      const at = Date.parse(savedAt);
      if (Number.isNaN(at) || !read.every((one) => one !== undefined)) return undefined;
      return { keyValues: read, savedAt: at };
    },
    async write(keyValues, savedAt) {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      const at = new Date(savedAt).toISOString();
      await replace(path, `${JSON.stringify({ endpoint, label, savedAt: at, keyValues }, null, 2)}\n`);
    },
  };
}

/** Written whole beside it, and then put in its place: nobody ever reads half of it. */
async function replace(path: string, text: string): Promise<void> {
  const beside = `${path}.${randomBytes(8).toString('hex')}`;
  try {
    const file = await open(beside, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}

function keyValueIn(value: Json): KeyValue | undefined {
  if (!isJsonObject(value)) return undefined;
  const { key, label, value: text, contentType } = value;
  if (typeof key !== 'string' || typeof text !== 'string' || typeof contentType !== 'string') return undefined;
  if (label !== null && typeof label !== 'string') return undefined;
  return { key, label, value: text, contentType };
}
