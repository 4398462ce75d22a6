// What is logged, asserted so that a failure shows the lines that matter and not all of them.
import assert from 'node:assert/strict';
import { until } from './until.ts';

/** Whatever keeps a log: a stack, the admin server of a test, a process. */
export interface Logging {
  /** Everything that was logged so far, a line each. */
  logged(): string;
}

const mostShown = 12;
const longestShown = 400;

const linesOf = (log: Logging): readonly string[] =>
  log
    .logged()
    .split('\n')
    .filter((line) => line !== '');

const shown = (lines: readonly string[]): string =>
  lines.map((line) => `  ${line.length > longestShown ? `${line.slice(0, longestShown)} …` : line}`).join('\n');

/** Lines that have most of the words of the clue, the best ones first; the last ones where none has any. */
function nearest(lines: readonly string[], clue: RegExp | string): string {
  const words = (clue instanceof RegExp ? clue.source : clue).match(/[a-z]{4,}/gi) ?? [];
  const score = (line: string): number => words.filter((word) => line.includes(word)).length;
  const scored = lines.map((line) => ({ line, score: score(line) })).filter((one) => one.score > 0);
  scored.sort((one, other) => other.score - one.score);
  if (scored.length === 0) return `None of ${lines.length} lines is like it; the last ones:\n${shown(lines.slice(-4))}`;
  const best = scored.slice(0, mostShown).map(({ line }) => line);
  return `Of ${lines.length} lines these are most like it:\n${shown(best)}`;
}

const holds = (line: string, clue: RegExp | string): boolean =>
  typeof clue === 'string' ? line.includes(clue) : clue.test(line);

/** Lines that hold the clue. */
export const linesWith = (log: Logging, clue: RegExp | string): readonly string[] =>
  linesOf(log).filter((line) => holds(line, clue));

/**
 * Waits for a line that holds the clue. What is logged may come from another thread, by message, later than all else
 * that shows the same: whoever asserts that something is logged waits for the line itself.
 */
export async function untilLogged(log: Logging, clue: RegExp | string): Promise<void> {
  await until(
    () => linesWith(log, clue).length > 0,
    () => `a line of the log like ${String(clue)}. ${nearest(linesOf(log), clue)}`,
  );
}

/** No line holds the clue. Only as good as the moment: first wait for something that is logged later. */
export function assertNotLogged(log: Logging, clue: RegExp | string, why = ''): void {
  const found = linesWith(log, clue);
  assert.ok(
    found.length === 0,
    `${why === '' ? '' : `${why}: `}${found.length} lines hold ${String(clue)}:\n${shown(found.slice(0, mostShown))}`,
  );
}

/** So many lines hold the clue: waits for them, and more are wrong. */
export async function untilLoggedTimes(log: Logging, clue: RegExp | string, count: number): Promise<void> {
  await until(
    () => linesWith(log, clue).length >= count,
    () => `${count} lines of the log like ${String(clue)}. ${nearest(linesOf(log), clue)}`,
  );
  const found = linesWith(log, clue);
  assert.ok(
    found.length === count,
    `${found.length} lines, not ${count}, hold ${String(clue)}:\n${shown(found.slice(0, mostShown))}`,
  );
}
