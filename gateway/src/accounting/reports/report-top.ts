import type { FiguresRow } from '#model/figures.ts';
import { costOf, RunningFigures } from './figures.ts';
import { readRows } from './read-rows.ts';
import { refused } from './refused.ts';
import { addedUp, type ReportedRows, type RowsQuery, type RunningRow } from './report-rows.ts';

/** Held at once while everything is looked through. */
const atOnce = 5_000;
/** What is looked through again and again gets slow long before it gets large. */
const mostGroups = 250_000;

interface Ranked {
  readonly keys: readonly string[];
  readonly cost: bigint | null;
}

/** The dearest first; what has no cost last; else in the order in which they come. */
function dearer(one: Ranked, other: Ranked): number {
  if (one.cost === other.cost) return 0;
  if (one.cost === null) return 1;
  return other.cost === null || one.cost > other.cost ? -1 : 1;
}

const nameOf = (keys: readonly string[]): string => JSON.stringify(keys);

/** The dearest keys of the whole period, and how many there are in all. */
async function ranking({ store, question, whole }: RowsQuery, top: number) {
  const { by, filter, layer } = question;
  const [first] = whole;
  const last = whole.at(-1);
  let best: readonly Ranked[] = [];
  let groups = 0;
  if (first === undefined || last === undefined) return { best, groups };
  // Ranked by USD: one piece, whatever rates there are.
  const pieces = [{ ...first, to: last.to }];
  for await (const rows of readRows({ store, by, filter, pieces, after: null, atOnce })) {
    groups += rows.length;
    if (groups > mostGroups)
      throw refused([
        `top: more than ${mostGroups} rows would have to be compared. Filter, or ask by fewer dimensions.`,
      ]);
    const found = rows.map(({ keys, figures }) => ({ keys, cost: costOf(figures, layer) }));
    best = [...best, ...found].toSorted(dearer).slice(0, top);
  }
  return { best, groups };
}

/** The dearest rows of each bucket by name, and everything else added up. */
export async function reportTop(query: RowsQuery, top: number): Promise<ReportedRows> {
  const { store, question, pieces } = query;
  const { best, groups } = await ranking(query, top);
  const ranks = new Map(best.map(({ keys }, rank) => [nameOf(keys), rank]));
  const rows = new Map<string, RunningRow & { readonly rank: number }>();
  const rest = new Map<string, RunningRow>();
  const add = (found: FiguresRow): void => {
    const piece = pieces[found.bucket];
    if (piece === undefined) return;
    const rank = ranks.get(nameOf(found.keys));
    const label = piece.bucket?.label ?? '';
    const name = rank === undefined ? label : `${label} ${rank}`;
    const known = (rank === undefined ? rest : rows).get(name);
    const running = (known?.running ?? new RunningFigures(question.layer)).add(found.figures, piece.rate);
    if (known !== undefined) return;
    if (rank === undefined) rest.set(name, { piece, keys: [], running });
    else rows.set(name, { piece, keys: found.keys, running, rank });
  };
  const { by, filter } = question;
  for await (const found of readRows({ store, by, filter, pieces, after: null, atOnce })) found.forEach(add);
  return {
    ...addedUp(question, inOrder([...rows.values()]), [...rest.values()]),
    restGroups: Math.max(0, groups - best.length),
    next: null,
  };
}

const startOf = ({ piece }: RunningRow): number => piece.bucket?.from ?? 0;

function inOrder(rows: readonly (RunningRow & { readonly rank: number })[]): readonly RunningRow[] {
  return rows.toSorted((one, other) => startOf(one) - startOf(other) || one.rank - other.rank);
}
