/** The name that was probably meant; undefined where none is near. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  const wanted = simplify(name);
  let best: { readonly name: string; readonly distance: number } | undefined;
  for (const candidate of known) {
    const distance = editDistance(wanted, simplify(candidate));
    if (distance <= Math.max(1, Math.floor(wanted.length / 3)) && (best === undefined || distance < best.distance)) {
      best = { name: candidate, distance };
    }
  }
  return best?.name;
}

/** `Did you mean 'x'?`, or the list where it is short. */
export function suggestion(name: string, known: readonly string[]): string | null {
  const near = nearest(name, known);
  if (near !== undefined) return `Did you mean '${near}'?`;
  if (known.length === 0) return null;
  const shown = known.slice(0, 12).join(', ');
  return `Known: ${shown}${known.length > 12 ? ', …' : ''}.`;
}

const simplify = (name: string): string => name.toLowerCase().replaceAll(/[-_ .]/g, '');

/** Insertions, deletions, replacements and swaps of neighbours (Damerau, optimal string alignment). */
function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 8 || a.length > 128) return Infinity;
  let older: readonly number[] = [];
  let previous: readonly number[] = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = nextRow({ a, b, i, previous, older });
    older = previous;
    previous = row;
  }
  return cell(previous, b.length);
}

const cell = (row: readonly number[], index: number): number => row[index] ?? Infinity;

interface Step {
  readonly a: string;
  readonly b: string;
  readonly i: number;
  readonly previous: readonly number[];
  readonly older: readonly number[];
}

function nextRow({ a, b, i, previous, older }: Step): readonly number[] {
  const row = [i];
  for (let j = 1; j <= b.length; j += 1) {
    const replaced = cell(previous, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
    const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
    row.push(
      Math.min(cell(previous, j) + 1, cell(row, j - 1) + 1, replaced, swapped ? cell(older, j - 2) + 1 : Infinity),
    );
  }
  return row;
}
