import { isComposite, type Composite, type Expression, type Template } from './syntax.ts';

/** The expressions right inside one. */
export function childrenOf(expression: Expression): Expression[] {
  if (isComposite(expression)) return partsOf(expression);
  switch (expression.kind) {
    case 'literal':
    case 'name':
      return [];
    case 'template':
      return expression.parts.filter((part) => typeof part !== 'string');
    case 'call':
      return [...optional(expression.target), ...expression.args];
    case 'index':
      return [expression.target, expression.index];
    case 'member':
    case 'assert':
    default:
      return [expression.target];
  }
}

function partsOf(expression: Composite): Expression[] {
  switch (expression.kind) {
    case 'unary':
      return [expression.operand];
    case 'binary':
      return [expression.left, expression.right];
    case 'ternary':
      return [expression.condition, expression.yes, expression.no];
    case 'object':
      return expression.properties.flatMap(({ key, value }) => [key, value]);
    case 'array':
      return [...expression.items];
    case 'for':
      return [expression.over, ...optional(expression.condition), expression.body];
    case 'lambda':
    default:
      return [expression.body];
  }
}

function optional(expression: Expression | undefined): Expression[] {
  return expression === undefined ? [] : [expression];
}

/** An expression and everything inside it. */
export function everyExpression(expression: Expression): Expression[] {
  return [expression, ...childrenOf(expression).flatMap(everyExpression)];
}

/** The expressions of a statement: its value, default, body, loop and condition. */
export function expressionsOf(statement: Template['statements'][number]): Expression[] {
  const own = statement.decorators.flatMap(({ args }) => args);
  switch (statement.kind) {
    case 'param':
      return statement.defaultValue === undefined ? own : [...own, statement.defaultValue];
    case 'var':
    case 'output':
      return [...own, statement.value];
    case 'resource':
    case 'module':
    default:
      if (statement.loop !== undefined) return [...own, statement.loop];
      return [...own, ...(statement.condition === undefined ? [] : [statement.condition]), statement.body];
  }
}

/** Names that an expression uses and does not bind itself, with their lines. */
export function freeNames(
  expression: Expression,
  bound: ReadonlySet<string> = new Set(),
): { name: string; line: number }[] {
  if (expression.kind === 'name')
    return bound.has(expression.name) ? [] : [{ name: expression.name, line: expression.line }];
  if (expression.kind === 'lambda') return freeNames(expression.body, new Set([...bound, ...expression.parameters]));
  if (expression.kind !== 'for') return childrenOf(expression).flatMap((child) => freeNames(child, bound));
  const inner = new Set([...bound, expression.item, ...(expression.index === undefined ? [] : [expression.index])]);
  const rest = [...(expression.condition === undefined ? [] : [expression.condition]), expression.body];
  return [...freeNames(expression.over, bound), ...rest.flatMap((child) => freeNames(child, inner))];
}
