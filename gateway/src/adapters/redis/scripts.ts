import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** A Lua script that the server runs in one step. */
export interface Script {
  readonly text: string;
  /** What the server calls it once it has been loaded. */
  readonly sha1: string;
}

function scriptOf(...files: readonly string[]): Script {
  const text = files.map((file) => readFileSync(new URL(file, import.meta.url), 'utf8')).join('\n');
  return { text, sha1: createHash('sha1').update(text).digest('hex') };
}

export const exchangeScript = scriptOf('./numbers.lua', './exchange.lua');
export const buildScript = scriptOf('./numbers.lua', './build.lua');
export const writeOffScript = scriptOf('./numbers.lua', './write-off.lua');
