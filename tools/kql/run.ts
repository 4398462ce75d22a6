import { KqlError, type Expression, type Named, type Operator, type Query } from './syntax.ts';

/** Datetimes are UTC milliseconds. */
export type Cell = string | number | boolean | null;
export type Row = Readonly<Record<string, Cell>>;
export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
}

const scalar: Readonly<Record<string, (args: readonly Cell[]) => Cell>> = {
  bin: ([value, size]) => (typeof value === 'number' ? Math.floor(value / Number(size)) * Number(size) : null),
  isempty: ([value]) => value === null || value === '',
  isnotempty: ([value]) => value !== null && value !== undefined && value !== '',
  isnotnull: ([value]) => value !== null && value !== undefined,
  isnull: ([value]) => value === null || value === undefined,
  round: ([value, digits]) => (typeof value === 'number' ? Number(value.toFixed(Number(digits ?? 0))) : null),
  toint: ([value]) =>
    value === null || value === undefined || Number.isNaN(Number(value)) ? null : Math.trunc(Number(value)),
};

type Aggregate = (rows: readonly Row[], args: readonly Expression[]) => Cell;
const numbers = (rows: readonly Row[], of: Expression | undefined): number[] =>
  rows.map((row) => valueOf(of, row)).filter((value) => typeof value === 'number');

const aggregates: Readonly<Record<string, Aggregate>> = {
  count: (rows) => rows.length,
  countif: (rows, [condition]) => rows.filter((row) => valueOf(condition, row) === true).length,
  dcount: (rows, [of]) => new Set(rows.map((row) => valueOf(of, row))).size,
  max: (rows, [of]) =>
    numbers(rows, of).reduce<number | null>((most, one) => (most === null || one > most ? one : most), null),
  min: (rows, [of]) =>
    numbers(rows, of).reduce<number | null>((least, one) => (least === null || one < least ? one : least), null),
  // Of nothing but nulls, the sum is 0 in Kusto.
  sum: (rows, [of]) => numbers(rows, of).reduce((sum, one) => sum + one, 0),
  sumif: (rows, [of, condition]) =>
    numbers(
      rows.filter((row) => valueOf(condition, row) === true),
      of,
    ).reduce((sum, one) => sum + one, 0),
  percentile: (rows, [of, rank]) => {
    const sorted = numbers(rows, of).toSorted((left, right) => left - right);
    const wanted = rank?.kind === 'value' ? Number(rank.value) : 50;
    return sorted[Math.max(0, Math.ceil((wanted / 100) * sorted.length) - 1)] ?? null;
  },
};

const compare: Readonly<Record<string, (left: number, right: number) => boolean>> = {
  '<': (left, right) => left < right,
  '<=': (left, right) => left <= right,
  '>': (left, right) => left > right,
  '>=': (left, right) => left >= right,
};
const compute: Readonly<Record<string, (left: number, right: number) => number>> = {
  '+': (left, right) => left + right,
  '-': (left, right) => left - right,
  '*': (left, right) => left * right,
  '/': (left, right) => left / right,
};

function valueOf(expression: Expression | undefined, row: Row): Cell {
  if (expression === undefined) return null;
  switch (expression.kind) {
    case 'value':
      return expression.value;
    case 'column':
      return row[expression.name] ?? null;
    case 'call':
      return scalar[expression.name]?.(expression.args.map((one) => valueOf(one, row))) ?? null;
    case 'binary':
      return binary(expression, row);
    case 'all':
    case 'list':
    default:
      return null;
  }
}

const either: Readonly<Record<string, (left: Cell, right: Cell) => Cell>> = {
  and: (left, right) => left === true && right === true,
  or: (left, right) => left === true || right === true,
  '==': (left, right) => left === right,
  '!=': (left, right) => left !== right,
  has: (left, right) =>
    String(left ?? '')
      .toLowerCase()
      .includes(String(right).toLowerCase()),
};

function binary({ operator, left, right }: Extract<Expression, { kind: 'binary' }>, row: Row): Cell {
  const first = valueOf(left, row);
  if (right.kind === 'list') return right.items.some((one) => valueOf(one, row) === first) === (operator === 'in');
  const second = valueOf(right, row);
  const run = either[operator];
  if (run !== undefined) return run(first, second);
  if (typeof first !== 'number' || typeof second !== 'number') return null;
  return compare[operator]?.(first, second) ?? compute[operator]?.(first, second) ?? null;
}

/** Throws KqlError for a column or a function that is not there. */
function check(expression: Expression, columns: readonly string[], sumsUp: boolean): void {
  if (expression.kind === 'column' && !columns.includes(expression.name))
    throw new KqlError(`there is no column '${expression.name}'`);
  const isAggregate = expression.kind === 'call' && checkFunction(expression.name, sumsUp);
  for (const one of partsOf(expression)) check(one, columns, sumsUp && !isAggregate);
}

/** Whether it is an aggregate; throws where there is none of this name, or no place for one. */
function checkFunction(name: string, sumsUp: boolean): boolean {
  const isAggregate = name === 'arg_max' || Object.hasOwn(aggregates, name);
  if (isAggregate ? sumsUp : Object.hasOwn(scalar, name)) return isAggregate;
  throw new KqlError(`there is no function '${name}' here`);
}

function partsOf(expression: Expression): readonly Expression[] {
  if (expression.kind === 'binary') return [expression.left, expression.right];
  if (expression.kind === 'list') return expression.items;
  return expression.kind === 'call' ? expression.args : [];
}

/** The query, worked out over a table; columns are checked whether there are rows or not. */
export function runQuery(query: Query, table: Table): Table {
  return query.operators.reduce(apply, table);
}

function apply(table: Table, operator: Operator): Table {
  const { columns, rows } = table;
  switch (operator.kind) {
    case 'where':
      check(operator.condition, columns, false);
      return { columns, rows: rows.filter((row) => valueOf(operator.condition, row) === true) };
    case 'extend':
    case 'project':
      return computed(table, operator);
    case 'order':
      check(operator.by, columns, false);
      return {
        columns,
        rows: rows.toSorted(
          (left, right) =>
            order(valueOf(operator.by, left), valueOf(operator.by, right)) * (operator.descending ? -1 : 1),
        ),
      };
    case 'take':
      return { columns, rows: rows.slice(0, operator.count) };
    case 'summarize':
    default:
      return summarized(table, operator);
  }
}

function order(left: Cell, right: Cell): number {
  if (left === right) return 0;
  if (left === null || right === null) return left === null ? -1 : 1;
  return left < right ? -1 : 1;
}

function computed(
  { columns, rows }: Table,
  { kind, columns: named }: { kind: 'extend' | 'project'; columns: readonly Named[] },
): Table {
  for (const { expression } of named) check(expression, columns, false);
  const names = named.map(({ name }) => name);
  const values = (row: Row): Row =>
    Object.fromEntries(named.map(({ name, expression }) => [name, valueOf(expression, row)]));
  return kind === 'project'
    ? { columns: names, rows: rows.map(values) }
    : { columns: [...new Set([...columns, ...names])], rows: rows.map((row) => ({ ...row, ...values(row) })) };
}

function summarized(
  { columns, rows }: Table,
  { columns: named, by }: { columns: readonly Named[]; by: readonly Named[] },
): Table {
  for (const { expression } of by) check(expression, columns, false);
  for (const { expression } of named) check(expression, columns, true);
  const groups = new Map<string, { key: Row; rows: Row[] }>();
  for (const row of rows) {
    const key = Object.fromEntries(by.map(({ name, expression }) => [name, valueOf(expression, row)]));
    const group = groups.get(JSON.stringify(key)) ?? { key, rows: [] };
    group.rows.push(row);
    groups.set(JSON.stringify(key), group);
  }
  // Without groups there is one row, whatever there is to sum up.
  if (by.length === 0 && groups.size === 0) groups.set('', { key: {}, rows: [] });
  const made = [...groups.values()].map(({ key, rows: own }) =>
    Object.assign({}, key, ...named.map((one) => aggregated(one, own))),
  );
  const whole = named.some(({ expression }) => latest(expression) !== undefined);
  const names = named.map(({ name }) => name).filter((name) => name !== '');
  return { columns: [...new Set([...by.map(({ name }) => name), ...names, ...(whole ? columns : [])])], rows: made };
}

/** The column by which `arg_max(column, *)` chooses. */
function latest(expression: Expression): Expression | undefined {
  return expression.kind === 'call' && expression.name === 'arg_max' ? expression.args[0] : undefined;
}

function aggregated({ name, expression }: Named, rows: readonly Row[]): Row {
  const by = latest(expression);
  if (by !== undefined) return rows.toSorted((left, right) => order(valueOf(by, right), valueOf(by, left)))[0] ?? {};
  return { [name]: aggregateValue(expression, rows) };
}

/** Aggregates may stand inside other expressions: `round(sum(x) / 1000, 2)`. */
function aggregateValue(expression: Expression, rows: readonly Row[]): Cell {
  if (expression.kind === 'binary') {
    const row = { left: aggregateValue(expression.left, rows), right: aggregateValue(expression.right, rows) };
    return binary(
      { ...expression, left: { kind: 'column', name: 'left' }, right: { kind: 'column', name: 'right' } },
      row,
    );
  }
  if (expression.kind !== 'call') return valueOf(expression, {});
  const aggregate = aggregates[expression.name];
  if (aggregate !== undefined) return aggregate(rows, expression.args);
  return scalar[expression.name]?.(expression.args.map((one) => aggregateValue(one, rows))) ?? null;
}
