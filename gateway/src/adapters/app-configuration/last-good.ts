import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
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
      const read = keyValuesIn(keyValues);
      if (typeof savedAt !== 'string' || read === undefined) return undefined;
      const at = Date.parse(savedAt);
      if (Number.isNaN(at)) return undefined;
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

/** What a store would hold, as `{ name, keyValues }`. Throws where the file is something else. */
export function readKeyValuesFile(path: string): { readonly name: string; readonly keyValues: readonly KeyValue[] } {
  const { name, keyValues } = parseJsonObject(readFileSync(path, 'utf8')) ?? {};
  const read = keyValuesIn(keyValues);
  if (typeof name !== 'string' || read === undefined) throw new Error(`${path} holds no key values.`);
  return { name, keyValues: read };
}

function keyValuesIn(value: Json | undefined): readonly KeyValue[] | undefined {
  if (!isJsonArray(value)) return undefined;
  const read = value.map(keyValueIn);
  return read.every((one) => one !== undefined) ? read : undefined;
}

function keyValueIn(value: Json): KeyValue | undefined {
  if (!isJsonObject(value)) return undefined;
  const { key, label, value: text, contentType } = value;
  if (typeof key !== 'string' || typeof text !== 'string' || typeof contentType !== 'string') return undefined;
  if (label !== null && typeof label !== 'string') return undefined;
  return { key, label, value: text, contentType };
}
