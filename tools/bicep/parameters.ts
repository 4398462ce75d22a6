import { evaluate, type Environment } from './evaluate.ts';
import type { Expression, Parameter } from './syntax.ts';
import { describe, EvaluationError, isList, isObject, Unknown, type Value } from './values.ts';

/** A value for a parameter, checked against its type and decorators. Throws EvaluationError. */
export function checkedArgument(parameter: Parameter, value: Value, environment: Environment): Value {
  if (value instanceof Unknown) return value;
  if (value === null && parameter.type.endsWith('?')) return value;
  if (!fits(parameter.type.replace(/\?$/, ''), value))
    throw new EvaluationError(`'${parameter.name}' takes ${parameter.type}, not ${describe(value)}`, {
      rule: 'parameter-value',
    });
  for (const { name, args } of parameter.decorators) {
    const [limit] = args;
    const complaint = limit === undefined ? undefined : judges[name]?.(value, evaluate(limit, environment), limit);
    if (complaint !== undefined)
      throw new EvaluationError(`'${parameter.name}' is ${describe(value)}: ${complaint}`, { rule: 'parameter-value' });
  }
  return value;
}

function fits(type: string, value: Value): boolean {
  if (value instanceof Unknown) return true;
  if (type.endsWith('[]')) return isList(value) && value.every((item) => fits(type.slice(0, -2), item));
  switch (type) {
    case 'string':
      return typeof value === 'string';
    case 'int':
      return typeof value === 'number' && Number.isInteger(value);
    case 'bool':
      return typeof value === 'boolean';
    case 'array':
      return isList(value);
    case 'object':
      return isObject(value);
    default:
      throw new EvaluationError(`there is no type '${type}'`);
  }
}

const size = (value: Value): number => (typeof value === 'string' || isList(value) ? value.length : Infinity);

type Judge = (value: Value, limit: Value, at: Expression) => string | undefined;

const judges: Readonly<Record<string, Judge>> = {
  allowed: (value, limit) => {
    const list = isList(limit) ? limit : [];
    const good = list.some((one) => JSON.stringify(one) === JSON.stringify(value));
    return good ? undefined : `one of ${list.map(describe).join(', ')} is allowed`;
  },
  minLength: (value, limit) => (size(value) < Number(limit) ? `at least ${describe(limit)} long` : undefined),
  maxLength: (value, limit) => (size(value) > Number(limit) ? `at most ${describe(limit)} long` : undefined),
  minValue: (value, limit) => (Number(value) < Number(limit) ? `at least ${describe(limit)}` : undefined),
  maxValue: (value, limit) => (Number(value) > Number(limit) ? `at most ${describe(limit)}` : undefined),
};
