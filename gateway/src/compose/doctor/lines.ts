import type { Finding } from './finding.ts';

const indent = ' '.repeat(9);

/**
 * A finding as it is printed: what it is about, what was found, and below it what to do. `columns`: of a terminal, undefined
 * where nobody looks; then each of the two is one line, as whoever searches in it wants it.
 */
export function linesOf({ check, outcome, detail, fix }: Finding, columns: number | undefined): string {
  const head = `${outcome.padEnd(indent.length)}${check}: ${detail}`;
  const advice = fix === undefined || fix === '' ? [] : [`${indent}${fix}`];
  return [head, ...advice].map((line) => `${wrapped(line, columns)}\n`).join('');
}

/** Broken between words, what follows beneath what it belongs to; a word that fits no line has one of its own. */
function wrapped(line: string, columns: number | undefined): string {
  if (columns === undefined || columns < 2 * indent.length) return line;
  const lines: string[] = [];
  let rest = line;
  while (rest.length > columns) {
    const fitting = rest.lastIndexOf(' ', columns);
    const at = fitting > indent.length ? fitting : rest.indexOf(' ', indent.length + 1);
    if (at < 0) break;
    lines.push(rest.slice(0, at).trimEnd());
    rest = `${indent}${rest.slice(at + 1)}`;
  }
  return [...lines, rest].join('\n');
}
