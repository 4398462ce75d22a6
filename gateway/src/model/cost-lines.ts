import { parseJson } from '#kernel/json.ts';
import type { CostLine, LedgerLine } from './money.ts';
import { isWord, layers } from './words.ts';

/** `["list","input",600,"list/gpt-5.4-mini/…","150000",3]`: as below, and what the line is part of. */
export function ledgerLinesText(lines: readonly LedgerLine[]): string {
  return JSON.stringify(
    lines.map(({ layer, meter, units, priceId, nanoUsd, standing }) => [
      layer,
      meter,
      units,
      priceId,
      String(nanoUsd),
      standing,
    ]),
  );
}

/** The lines of a text that `ledgerLinesText` has made, or of the list that it stands for; undefined for anything else. */
export function parseLedgerLines(from: unknown): readonly LedgerLine[] | undefined {
  return linesOf(from, (one) => {
    const [line, standing]: readonly unknown[] = [lineOf(one.slice(0, 5)), one[5]];
    return one.length === 6 && isLine(line) && isStanding(standing) ? { ...line, standing } : undefined;
  });
}

/**
 * The lines of the list in a journal's settle: layer, meter, units, price id, nano-USD as a decimal string, such as
 * `["list","input",600,"list/gpt-5.4-mini/…","150000"]`; undefined for anything else.
 */
export function parseCostLines(from: unknown): readonly CostLine[] | undefined {
  return linesOf(from, lineOf);
}

function linesOf<Line>(
  from: unknown,
  parse: (one: readonly unknown[]) => Line | undefined,
): readonly Line[] | undefined {
  const value = typeof from === 'string' ? parseJson(from) : from;
  if (!Array.isArray(value)) return undefined;
  const lines: Line[] = [];
  for (const one of value) {
    const line = Array.isArray(one) ? parse(one) : undefined;
    if (line === undefined) return undefined;
    lines.push(line);
  }
  return lines;
}

const isLine = (line: unknown): line is CostLine => line !== undefined;
const isStanding = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value < 16;

function lineOf(from: readonly unknown[]): CostLine | undefined {
  const [layer, meter, units, priceId, nanoUsd] = from;
  if (from.length !== 5 || !isWord(layers, layer) || typeof meter !== 'string' || typeof priceId !== 'string')
    return undefined;
  if (typeof units !== 'number' || !Number.isSafeInteger(units)) return undefined;
  if (typeof nanoUsd !== 'string' || !/^-?\d{1,19}$/.test(nanoUsd)) return undefined;
  return { layer, meter, units, priceId, nanoUsd: BigInt(nanoUsd) };
}
