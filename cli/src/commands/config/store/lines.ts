/** A line that is in one text alone, or in both (` `). */
export interface DiffLine {
  readonly sign: '+' | '-' | ' ';
  readonly text: string;
}

/** Of longer texts all lines go and all come: the table of what they share would be larger than it is worth. */
const mostCells = 4_000_000;

/** The lines of two short texts side by side: the fewest that have to go and come. */
export function lineDifference(before: string, after: string): readonly DiffLine[] {
  const [old, young] = [linesOf(before), linesOf(after)];
  if (old.length * young.length > mostCells) return [...old.map(goes), ...young.map(comes)];
  return walked(old, young, sharedLines(old, young));
}

function walked(old: readonly string[], young: readonly string[], shared: Shared): readonly DiffLine[] {
  const lines: DiffLine[] = [];
  let [i, j] = [0, 0];
  for (let [a, b] = [old[i], young[j]]; a !== undefined && b !== undefined; [a, b] = [old[i], young[j]]) {
    const step = stepAt({ a, b, without: shared(i + 1, j), with: shared(i, j + 1) });
    lines.push({ sign: step, text: step === '+' ? b : a });
    if (step !== '+') i += 1;
    if (step !== '-') j += 1;
  }
  return [...lines, ...old.slice(i).map(goes), ...young.slice(j).map(comes)];
}

/** `without` the old line, or `with` the new one: how much is shared behind it. */
function stepAt(at: { a: string; b: string; without: number; with: number }): DiffLine['sign'] {
  if (at.a === at.b) return ' ';
  return at.without >= at.with ? '-' : '+';
}

/** How many lines the rests of both texts from these on share. */
type Shared = (i: number, j: number) => number;

function sharedLines(old: readonly string[], young: readonly string[]): Shared {
  const table = Array.from({ length: old.length + 1 }, () => new Uint32Array(young.length + 1));
  for (let i = old.length - 1; i >= 0; i -= 1) {
    const [row, below] = [table[i] ?? new Uint32Array(), table[i + 1] ?? new Uint32Array()];
    for (let j = young.length - 1; j >= 0; j -= 1)
      row[j] = old[i] === young[j] ? (below[j + 1] ?? 0) + 1 : Math.max(below[j] ?? 0, row[j + 1] ?? 0);
  }
  return (i, j) => table[i]?.[j] ?? 0;
}

const goes = (text: string): DiffLine => ({ sign: '-', text });
const comes = (text: string): DiffLine => ({ sign: '+', text });

/** What a terminal would take for an order is shown as a sign of replacement. */
const linesOf = (text: string): readonly string[] =>
  text === ''
    ? []
    : text
        .replace(/\n$/, '')
        .replaceAll(/[^\P{Cc}\n\t]/gu, '\uFFFD')
        .split('\n');
