import { parseJson } from '#kernel/json.ts';
import type { CostLine } from './money.ts';
import { isWord, layers } from './words.ts';

/** `[["list","input",600,"list/gpt-5.4-mini/…","150000"],…]`: layer, meter, units, price id, nano-USD as a decimal string. */
export function costLinesText(lines: readonly CostLine[]): string {
  return JSON.stringify(
    lines.map(({ layer, meter, units, priceId, nanoUsd }) => [layer, meter, units, priceId, String(nanoUsd)]),
  );
}

/** The lines of a text that `costLinesText` has made, or of the list that it stands for; undefined for anything else. */
export function parseCostLines(from: unknown): readonly CostLine[] | undefined {
  const value = typeof from === 'string' ? parseJson(from) : from;
  if (!Array.isArray(value)) return undefined;
  const lines: CostLine[] = [];
  for (const one of value) {
    const line = lineOf(one);
    if (line === undefined) return undefined;
    lines.push(line);
  }
  return lines;
}

function lineOf(from: unknown): CostLine | undefined {
  if (!Array.isArray(from) || from.length !== 5) return undefined;
  const [layer, meter, units, priceId, nanoUsd]: readonly unknown[] = from;
  if (!isWord(layers, layer) || typeof meter !== 'string' || typeof priceId !== 'string') return undefined;
  if (typeof units !== 'number' || !Number.isSafeInteger(units)) return undefined;
  if (typeof nanoUsd !== 'string' || !/^-?\d{1,19}$/.test(nanoUsd)) return undefined;
  return { layer, meter, units, priceId, nanoUsd: BigInt(nanoUsd) };
}
