import { add, compare, magnitude, multiply, negate, parseDecimal, zero, type Decimal } from '../decimal.ts';
import { checkValue } from './check-value.ts';
import { focus, type FocusColumn, type FocusCondition, type FocusCustomColumn, type FocusRule } from './schema.ts';

export interface FocusProblem {
  /** The line of the file, from 1. */
  readonly line: number;
  readonly column: string;
  /** Where the rule stands. */
  readonly source: string;
  readonly says: string;
}

export interface FocusCheck {
  readonly rows: number;
  /** How many there are; `problems` holds the first hundred. */
  readonly problemCount: number;
  readonly problems: readonly FocusProblem[];
  /** Exact sums over the file. */
  readonly sums: Readonly<Record<SummedColumn, Decimal>>;
}

const summed = ['BilledCost', 'ContractedCost', 'EffectiveCost', 'ListCost'] as const;
type SummedColumn = (typeof summed)[number];

/** Checks a file row by row; memory grows with its prices, not with its rows. */
export interface FocusChecker {
  header(cells: readonly string[], line: number): void;
  row(cells: readonly string[], line: number): void;
  /** Something that is wrong with the file itself. */
  report(problem: FocusProblem): void;
  result(): FocusCheck;
}

const mostShown = 100;
const relativeTolerance: Decimal = { digits: 1n, scale: 9 };
const one: Decimal = { digits: 1n, scale: 0 };

type KnownColumn = FocusColumn | (FocusCustomColumn & { readonly level?: undefined });

class Checker implements FocusChecker {
  readonly #columns = new Map<string, KnownColumn>(
    [...focus.columns, ...focus.customColumns].map((column) => [column.id, column]),
  );
  readonly #problems: FocusProblem[] = [];
  readonly #sums = new Map<SummedColumn, Decimal>();
  /** For each rule about parents: the parent of each child so far. */
  readonly #parents = new Map<string, Map<string, string>>();
  #problemCount = 0;
  #rows = 0;
  #header: readonly string[] = [];

  header(cells: readonly string[], line: number): void {
    this.#header = cells;
    const seen = new Set<string>();
    let custom = '';
    for (const column of cells) {
      const at = { line, column };
      if (seen.has(column)) this.report({ ...at, source: 'CSV', says: 'the column stands there twice' });
      seen.add(column);
      if (column.startsWith('x_')) custom = column;
      else if (focus.columns.every(({ id }) => id !== column))
        this.report({
          ...at,
          source: 'ATT-CustomColumnHandling-A-002-M',
          says: 'FOCUS has no such column, and it does not begin with x_',
        });
      else if (custom !== '')
        this.report({
          ...at,
          source: 'column order',
          says: `it stands behind ${custom}, which is a column of our own`,
        });
    }
    for (const { id, level, section } of focus.columns)
      if (level === 'Mandatory' && !seen.has(id))
        this.report({ line, column: id, source: section, says: 'the column is mandatory, and missing' });
  }

  row(cells: readonly string[], line: number): void {
    this.#rows += 1;
    if (cells.length !== this.#header.length) {
      const says = `the row has ${cells.length} cells, the header has ${this.#header.length}`;
      this.report({ line, column: '', source: 'CSV', says });
      return;
    }
    const row = new Map(this.#header.map((column, index) => [column, cells[index] ?? '']));
    for (const [id, value] of row) {
      const column = this.#columns.get(id);
      if (column === undefined) continue;
      const says = value === '' ? nullProblem(column) : checkValue(column, value);
      if (says !== undefined) this.report({ line, column: id, source: sourceOf(column), says });
    }
    for (const rule of focus.rules) {
      const found = this.#broken(rule, row);
      if (found !== undefined) this.report({ line, ...found, source: rule.source });
    }
    this.#addUp(row);
  }

  report(problem: FocusProblem): void {
    this.#problemCount += 1;
    if (this.#problems.length < mostShown) this.#problems.push(problem);
  }

  result(): FocusCheck {
    const sumOf = (column: SummedColumn): Decimal => this.#sums.get(column) ?? zero;
    return {
      rows: this.#rows,
      problemCount: this.#problemCount,
      problems: this.#problems,
      sums: {
        BilledCost: sumOf('BilledCost'),
        ContractedCost: sumOf('ContractedCost'),
        EffectiveCost: sumOf('EffectiveCost'),
        ListCost: sumOf('ListCost'),
      },
    };
  }

  #broken(
    rule: FocusRule,
    row: ReadonlyMap<string, string>,
  ): { readonly column: string; readonly says: string } | undefined {
    if (rule.kind === 'one-parent') return this.#secondParent(rule, row);
    const says = broken(rule, row);
    if (says === undefined) return undefined;
    return { column: columnOf(rule), says };
  }

  #secondParent(
    rule: Extract<FocusRule, { kind: 'one-parent' }>,
    row: ReadonlyMap<string, string>,
  ): { readonly column: string; readonly says: string } | undefined {
    const [child, parent] = [row.get(rule.column) ?? '', row.get(rule.parent) ?? ''];
    if (child === '') return undefined;
    const known = this.#parents.get(rule.column) ?? new Map<string, string>();
    this.#parents.set(rule.column, known);
    const first = known.get(child);
    if (first === undefined) known.set(child, parent);
    if (first === undefined || first === parent) return undefined;
    return { column: rule.column, says: `'${child}' belongs to the ${rule.parent} '${first}' and to '${parent}'` };
  }

  #addUp(row: ReadonlyMap<string, string>): void {
    for (const column of summed) {
      const amount = parseDecimal(row.get(column) ?? '');
      if (amount !== undefined) this.#sums.set(column, add(this.#sums.get(column) ?? zero, amount));
    }
  }
}

const sourceOf = (column: KnownColumn): string => (column.level === undefined ? column.id : column.section);

function nullProblem(column: KnownColumn): string | undefined {
  return column.nulls ? undefined : 'it is empty, and may not be';
}

function columnOf(rule: RowRule): string {
  if ('column' in rule) return rule.column;
  return 'result' in rule ? rule.result : rule.columns[1];
}

function applies(conditions: readonly FocusCondition[], row: ReadonlyMap<string, string>): boolean {
  return conditions.every(({ column, is, isNot, isNull }) => {
    const value = row.get(column) ?? '';
    if (is !== undefined && !is.includes(value)) return false;
    if (isNot?.includes(value) === true) return false;
    return isNull === undefined || isNull === (value === '');
  });
}

const shown = (conditions: readonly FocusCondition[]): string =>
  conditions
    .map(({ column, is, isNot, isNull }) => {
      if (is !== undefined) return `${column} is ${is.join(' or ')}`;
      if (isNot !== undefined) return `${column} is not ${isNot.join(' or ')}`;
      return `${column} is ${isNull === true ? 'empty' : 'not empty'}`;
    })
    .join(', ');

type RowRule = Exclude<FocusRule, { kind: 'one-parent' }>;

/** What is wrong with a row by a rule that needs no other row; undefined where nothing is. */
function broken(rule: RowRule, row: ReadonlyMap<string, string>): string | undefined {
  if ('when' in rule) return applies(rule.when, row) ? brokenThere(rule, row) : undefined;
  if (rule.kind === 'paired') return unpaired(rule.columns, row);
  if (rule.kind === 'before') return notBefore(rule.columns, row);
  return rule.kind === 'product' ? noProduct(rule, row) : strange(rule, row);
}

function brokenThere(
  rule: Extract<RowRule, { when: readonly FocusCondition[] }>,
  row: ReadonlyMap<string, string>,
): string | undefined {
  // A conditional column that the file does not have at all is no empty one.
  if (rule.kind === 'required')
    return row.get(rule.column) === '' ? `it is empty where ${shown(rule.when)}` : undefined;
  if (rule.kind === 'empty')
    return (row.get(rule.column) ?? '') === '' ? undefined : `it is not empty where ${shown(rule.when)}`;
  if (rule.kind === 'same') return different(rule.columns, row);
  return row.get(rule.column) === rule.from ? `it is ${rule.from} where ${shown(rule.when)}` : undefined;
}

function strange(
  { column, to }: Extract<FocusRule, { kind: 'belongs' }>,
  row: ReadonlyMap<string, string>,
): string | undefined {
  const [value, category] = [row.get(column) ?? '', row.get(to) ?? ''];
  const known = focus.subcategories[value];
  const strangeHere = known === undefined ? Object.values(focus.subcategories).includes(category) : known !== category;
  return value !== '' && strangeHere ? `'${value}' does not belong to '${category}'` : undefined;
}

function unpaired([first, second]: readonly [string, string], row: ReadonlyMap<string, string>): string | undefined {
  const [one_, other] = [row.get(first), row.get(second)];
  if (one_ === undefined || other === undefined || (one_ === '') === (other === '')) return undefined;
  return one_ === '' ? `it is not empty though ${first} is` : `it is empty though ${first} is not`;
}

function different([first, second]: readonly [string, string], row: ReadonlyMap<string, string>): string | undefined {
  const [left, right] = [parseDecimal(row.get(first) ?? ''), parseDecimal(row.get(second) ?? '')];
  if (left === undefined || right === undefined || compare(left, right) === 0) return undefined;
  return `it is ${row.get(second)}, but ${first} is ${row.get(first)}`;
}

function notBefore([first, second]: readonly [string, string], row: ReadonlyMap<string, string>): string | undefined {
  const [start, end] = [Date.parse(row.get(first) ?? ''), Date.parse(row.get(second) ?? '')];
  return end <= start ? `it is not after ${first}` : undefined;
}

function noProduct(
  { result, factors }: Extract<FocusRule, { kind: 'product' }>,
  row: ReadonlyMap<string, string>,
): string | undefined {
  const [cost, price, quantity] = [result, ...factors].map((column) => parseDecimal(row.get(column) ?? ''));
  if (cost === undefined || price === undefined || quantity === undefined) return undefined;
  const difference = magnitude(add(multiply(price, quantity), negate(cost)));
  const size = magnitude(cost);
  const allowed = multiply(relativeTolerance, compare(size, one) < 0 ? one : size);
  if (compare(difference, allowed) <= 0) return undefined;
  return `it is ${row.get(result)}, but ${factors.join(' × ')} is ${row.get(factors[0])} × ${row.get(factors[1])}`;
}

export function createFocusChecker(): FocusChecker {
  return new Checker();
}
