import { callFunction, resourcePath } from './functions.ts';
import { isComposite, type Composite, type Expression } from './syntax.ts';
import {
  asText,
  describe,
  EvaluationError,
  hasUnknown,
  isHandle,
  isList,
  isObject,
  unknown,
  Unknown,
  type ObjectValue,
  type Value,
} from './values.ts';

/** Where something is deployed. */
export interface Scope {
  readonly tenantId: string;
  readonly subscriptionId: string;
  /** Undefined at the scope of a subscription. */
  readonly resourceGroup: string | undefined;
  readonly location: string;
}

/** What names mean, and what the functions that look around see. */
export interface Environment {
  readonly scope: Scope;
  readonly deploymentName: string;
  lookup(name: string, line: number): Value;
  /** Text of a file, relative to the template. */
  readFile(path: string): string;
}

export function scopeId({ subscriptionId, resourceGroup }: Scope): string {
  const subscription = `/subscriptions/${subscriptionId}`;
  return resourceGroup === undefined ? subscription : `${subscription}/resourceGroups/${resourceGroup}`;
}

export function evaluate(expression: Expression, environment: Environment): Value {
  try {
    return compute(expression, environment);
  } catch (thrown) {
    if (!(thrown instanceof EvaluationError) || thrown.line !== undefined) throw thrown;
    throw new EvaluationError(thrown.message, { line: expression.line, rule: thrown.rule });
  }
}

function compute(expression: Expression, environment: Environment): Value {
  if (isComposite(expression)) return computeComposite(expression, environment);
  switch (expression.kind) {
    case 'literal':
      return expression.value;
    case 'template':
      return interpolated(expression.parts, environment);
    case 'name':
      return environment.lookup(expression.name, expression.line);
    case 'call':
      return call(expression, environment);
    case 'member':
      return memberOf(evaluate(expression.target, environment), expression.name, expression.safe);
    case 'index':
      return indexed(expression, environment);
    case 'assert':
    default:
      return evaluate(expression.target, environment);
  }
}

function computeComposite(expression: Composite, environment: Environment): Value {
  switch (expression.kind) {
    case 'unary':
      return unary(expression.operator, evaluate(expression.operand, environment));
    case 'binary':
      return binary(expression, environment);
    case 'ternary':
      return evaluate(truth(evaluate(expression.condition, environment)) ? expression.yes : expression.no, environment);
    case 'object':
      return objectOf(expression.properties, environment);
    case 'array':
      return expression.items.map((item) => evaluate(item, environment));
    case 'for':
      return loopItems(expression, environment).map((inner) => evaluate(expression.body, inner));
    case 'lambda':
    default:
      return callableOf(expression, environment);
  }
}

function callableOf({ parameters, body }: Extract<Expression, { kind: 'lambda' }>, environment: Environment): Value {
  return (...args: readonly Value[]) =>
    evaluate(body, withNames(environment, Object.fromEntries(parameters.map((name, at) => [name, args[at] ?? null]))));
}

/** The environments of a loop's turns, those that its condition leaves out not among them. */
export function loopItems(loop: Extract<Expression, { kind: 'for' }>, environment: Environment): Environment[] {
  const over = evaluate(loop.over, environment);
  if (!isList(over)) throw new EvaluationError(`a loop needs a list, not ${describe(over)}`);
  return over.map((item, at) =>
    withNames(environment, { [loop.item]: item, ...(loop.index === undefined ? {} : { [loop.index]: at }) }),
  );
}

export function withNames(environment: Environment, names: Readonly<Record<string, Value>>): Environment {
  return {
    ...environment,
    readFile: (path) => environment.readFile(path),
    lookup: (name, line) => (Object.hasOwn(names, name) ? (names[name] ?? null) : environment.lookup(name, line)),
  };
}

export function truth(value: Value): boolean {
  if (typeof value === 'boolean') return value;
  const why = value instanceof Unknown ? 'is known only while it is deployed' : 'is no boolean';
  throw new EvaluationError(`the condition ${why}: ${describe(value)}`);
}

function interpolated(parts: readonly (string | Expression)[], environment: Environment): Value {
  const values = parts.map((part) => (typeof part === 'string' ? part : evaluate(part, environment)));
  const joined = values.map(asText).join('');
  return values.some(hasUnknown) ? new Unknown(joined) : joined;
}

function memberOf(target: Value, name: string, safe: boolean): Value {
  if (isHandle(target)) return target.member(name);
  if (target instanceof Unknown) return unknown(`${target.text.slice(1, -1)}.${name}`);
  if (isObject(target)) {
    const found = Object.hasOwn(target, name) ? target[name] : undefined;
    if (found !== undefined) return found;
  }
  if (safe) return null;
  throw new EvaluationError(`${describe(target)} has no '${name}'`);
}

function indexed({ target, index, safe }: Extract<Expression, { kind: 'index' }>, environment: Environment): Value {
  const list = evaluate(target, environment);
  const at = evaluate(index, environment);
  if (typeof at === 'string') return memberOf(list, at, safe);
  if (list instanceof Unknown) return unknown(`${list.text.slice(1, -1)}[${asText(at)}]`);
  const found = isList(list) && typeof at === 'number' ? list[at] : undefined;
  if (found !== undefined) return found;
  if (safe) return null;
  throw new EvaluationError(`${describe(list)} has no item ${asText(at)}`);
}

function unary(operator: string, operand: Value): Value {
  if (operator === '!') return !truth(operand);
  if (typeof operand !== 'number') throw new EvaluationError(`'-' needs a number, not ${describe(operand)}`);
  return -operand;
}

const arithmetic: Readonly<Record<string, (left: number, right: number) => Value>> = {
  '+': (left, right) => left + right,
  '-': (left, right) => left - right,
  '*': (left, right) => left * right,
  '/': (left, right) => Math.trunc(left / right),
  '%': (left, right) => left % right,
  '<': (left, right) => left < right,
  '<=': (left, right) => left <= right,
  '>': (left, right) => left > right,
  '>=': (left, right) => left >= right,
};

const same = (left: Value, right: Value): boolean => JSON.stringify(left) === JSON.stringify(right);
const alike = (left: Value, right: Value): boolean => asText(left).toLowerCase() === asText(right).toLowerCase();

/** Operators that look at their right side only when they must, or that take anything. */
const lazy: Readonly<Record<string, (left: Value, right: () => Value) => Value>> = {
  '&&': (left, right) => truth(left) && truth(right()),
  '||': (left, right) => truth(left) || truth(right()),
  '??': (left, right) => left ?? right(),
  '==': (left, right) => same(left, right()),
  '!=': (left, right) => !same(left, right()),
  '=~': (left, right) => alike(left, right()),
  '!~': (left, right) => !alike(left, right()),
};

function binary(expression: Extract<Expression, { kind: 'binary' }>, environment: Environment): Value {
  const { operator } = expression;
  const left = evaluate(expression.left, environment);
  const right = (): Value => evaluate(expression.right, environment);
  const early = lazy[operator];
  if (early !== undefined) return early(left, right);
  const other = right();
  const run = arithmetic[operator];
  if (run === undefined || typeof left !== 'number' || typeof other !== 'number')
    throw new EvaluationError(`'${operator}' needs numbers, not ${describe(left)} and ${describe(other)}`);
  return run(left, other);
}

function objectOf(
  properties: Extract<Expression, { kind: 'object' }>['properties'],
  environment: Environment,
): ObjectValue {
  const made: Record<string, Value> = {};
  for (const { key, value, line } of properties) {
    const name = asText(evaluate(key, environment));
    if (Object.hasOwn(made, name)) throw new EvaluationError(`'${name}' stands twice in one object`, { line });
    made[name] = evaluate(value, environment);
  }
  return made;
}

function call(expression: Extract<Expression, { kind: 'call' }>, environment: Environment): Value {
  const args = expression.args.map((arg) => evaluate(arg, environment));
  if (expression.target === undefined || isNamespace(expression.target))
    return callNamed(expression.name, args, environment);
  const target = evaluate(expression.target, environment);
  if (!isHandle(target)) throw new EvaluationError(`${describe(target)} has no function '${expression.name}'`);
  return unknown(`${target.symbol}.${expression.name}()`);
}

function isNamespace(target: Expression): boolean {
  return target.kind === 'name' && (target.name === 'sys' || target.name === 'az');
}

const suffixes = {
  acrLoginServer: '.azurecr.io',
  keyvaultDns: '.vault.azure.net',
  storage: 'core.windows.net',
  sqlServerHostname: '.database.windows.net',
};

type Surroundings = (args: readonly Value[], environment: Environment) => Value;

const texts = (args: readonly Value[]): string[] => args.map(asText);
const subscriptionOf = ({ subscriptionId, tenantId }: Scope): ObjectValue => ({
  id: `/subscriptions/${subscriptionId}`,
  subscriptionId,
  tenantId,
});
const pathOf = ([type = '', ...names]: readonly string[]): string => resourcePath(type, names);
const extensionOf = ([id = '', ...rest]: readonly string[]): string => id + pathOf(rest);

/** Functions that ask where and from what is deployed. */
const surroundings: Readonly<Record<string, Surroundings>> = {
  subscription: (_, { scope }) => subscriptionOf(scope),
  tenant: (_, { scope }) => ({ tenantId: scope.tenantId }),
  resourceGroup: (args, { scope }) => groupOf(args, scope),
  environment: () => ({ name: 'AzureCloud', suffixes, resourceManager: 'https://management.azure.com/' }),
  deployment: (_, { deploymentName }) => ({ name: deploymentName }),
  resourceId: (args, { scope }) => scopeId(scope) + pathOf(texts(args)),
  subscriptionResourceId: (args, { scope }) => `/subscriptions/${scope.subscriptionId}${pathOf(texts(args))}`,
  tenantResourceId: (args) => pathOf(texts(args)),
  extensionResourceId: (args) => extensionOf(texts(args)),
  loadTextContent: (args, environment) => environment.readFile(asText(args[0] ?? '')),
  loadJsonContent: (args, environment) => callFunction('json', [environment.readFile(asText(args[0] ?? ''))]),
  newGuid: () => unknown('newGuid()'),
  utcNow: () => unknown('utcNow()'),
};

function callNamed(name: string, args: readonly Value[], environment: Environment): Value {
  const run = Object.hasOwn(surroundings, name) ? surroundings[name] : undefined;
  return run === undefined ? callFunction(name, args) : run(args, environment);
}

function groupOf(args: readonly Value[], scope: Scope): Value {
  const name = args.length > 0 ? asText(args.at(-1) ?? '') : (scope.resourceGroup ?? '');
  const subscriptionId = args.length > 1 ? asText(args[0] ?? '') : scope.subscriptionId;
  if (name === '') throw new EvaluationError('there is no resource group at this scope');
  return {
    id: scopeId({ ...scope, subscriptionId, resourceGroup: name }),
    name,
    location: scope.location,
    scopeName: 'resourceGroup',
    subscriptionId,
  };
}
