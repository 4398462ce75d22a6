import { createHash } from 'node:crypto';
import {
  asText,
  EvaluationError,
  hasUnknown,
  isList,
  isObject,
  unknown,
  Unknown,
  type ObjectValue,
  type Value,
} from './values.ts';

type Implementation = (...args: readonly Value[]) => Value;

interface BuiltIn {
  readonly least: number;
  readonly most: number;
  readonly run: Implementation;
  /** Takes values that hold something unknown as they are; others give back an unknown value. */
  readonly lenient?: true;
}

function text(value: Value | undefined, what: string): string {
  if (typeof value !== 'string') throw new EvaluationError(`${what} takes text, not ${JSON.stringify(value)}`);
  return value;
}

function whole(value: Value | undefined, what: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value)) throw new EvaluationError(`${what} takes a whole number`);
  return value;
}

function list(value: Value | undefined, what: string): readonly Value[] {
  if (value === undefined || !isList(value)) throw new EvaluationError(`${what} takes a list`);
  return value;
}

function object(value: Value | undefined, what: string): ObjectValue {
  if (value === undefined || !isObject(value)) throw new EvaluationError(`${what} takes an object`);
  return value;
}

function lambda(value: Value | undefined, what: string): Implementation {
  if (typeof value !== 'function') throw new EvaluationError(`${what} takes a lambda`);
  return value;
}

const letters = 'abcdefghijklmnopqrstuvwxyz234567';

/** 13 characters, the same for the same arguments, as Azure's: not the same characters as Azure's. */
function uniqueString(...args: readonly Value[]): string {
  const digest = createHash('sha256').update(args.map(asText).join('\0')).digest();
  return [...digest.subarray(0, 13)].map((byte) => letters[byte % 32] ?? 'a').join('');
}

function guid(...args: readonly Value[]): string {
  const hex = createHash('sha256').update(args.map(asText).join('\0')).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), `5${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  );
}

function isEmpty(value: Value | undefined): boolean {
  if (value === undefined || value === null || value === '') return true;
  if (isList(value)) return value.length === 0;
  return isObject(value) && Object.keys(value).length === 0;
}

function lengthOf(value: Value | undefined): number {
  if (typeof value === 'string') return value.length;
  if (value !== undefined && isList(value)) return value.length;
  return Object.keys(object(value, 'length')).length;
}

function contains(where: Value | undefined, what: Value | undefined): boolean {
  if (typeof where === 'string') return where.includes(text(what, 'contains'));
  if (where !== undefined && isList(where)) return where.some((one) => JSON.stringify(one) === JSON.stringify(what));
  return Object.hasOwn(object(where, 'contains'), text(what, 'contains'));
}

function merge(left: Value, right: Value): Value {
  if (!isObject(left) || !isObject(right)) return right;
  const merged: Record<string, Value> = { ...left };
  for (const [key, value] of Object.entries(right)) {
    const before = merged[key];
    merged[key] = before === undefined ? value : merge(before, value);
  }
  return merged;
}

function union(...args: readonly Value[]): Value {
  if (!args.every(isList)) return args.map((one) => object(one, 'union')).reduce<Value>(merge, {});
  const seen = new Set<string>();
  return args.flat().filter((one) => !seen.has(JSON.stringify(one)) && seen.add(JSON.stringify(one)));
}

/** The subnet number `index` of `prefixLength` bits in `network`, IPv4. */
function cidrSubnet(network: Value | undefined, prefixLength: Value | undefined, index: Value | undefined): string {
  const [address = '', bits = '0'] = text(network, 'cidrSubnet').split('/');
  const start = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const wanted = whole(prefixLength, 'cidrSubnet');
  const at = whole(index, 'cidrSubnet');
  if (wanted < Number(bits) || at >= 2 ** (wanted - Number(bits)))
    throw new EvaluationError(`${asText(network ?? '')} has no subnet ${at} of /${wanted}`);
  const first = start + at * 2 ** (32 - wanted);
  return `${[24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256).join('.')}/${wanted}`;
}

/** `resourceId('a/b/c', 'x', 'y')` → `a/b/x/c/y`, below the scope that the caller puts before it. */
export function resourcePath(type: string, names: readonly string[]): string {
  const [provider = '', ...kinds] = type.split('/');
  if (kinds.length !== names.length)
    throw new EvaluationError(`${type} needs ${kinds.length} names, not ${names.length}`);
  return `/providers/${provider}/${kinds.map((kind, at) => `${kind}/${names[at] ?? ''}`).join('/')}`;
}

function mapped(items: Value | undefined, by: Value | undefined): Value[] {
  const run = lambda(by, 'map');
  return list(items, 'map').map((item, at) => run(item, at));
}

function toObject(items: Value | undefined, key: Value | undefined, value?: Value): ObjectValue {
  const entries = list(items, 'toObject').map((item): [string, Value] => [
    text(lambda(key, 'toObject')(item), 'the key of toObject'),
    value === undefined ? item : lambda(value, 'toObject')(item),
  ]);
  return Object.fromEntries(entries);
}

function itemsOf(value: Value | undefined): Value[] {
  return Object.entries(object(value, 'items'))
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(([key, member]) => ({ key, value: member }));
}

function parsed(value: Value | undefined): Value {
  try {
    const read: Value = JSON.parse(text(value, 'json'));
    return read;
  } catch {
    throw new EvaluationError('json() was given what is no JSON');
  }
}

function int(value: Value | undefined): number {
  const number = Number(value);
  if (!Number.isInteger(number)) throw new EvaluationError(`int() was given ${JSON.stringify(value)}`);
  return number;
}

function bool(value: Value | undefined): boolean {
  if (typeof value === 'boolean') return value;
  const word = typeof value === 'string' ? value.toLowerCase() : '';
  if (word !== 'true' && word !== 'false') throw new EvaluationError(`bool() was given ${JSON.stringify(value)}`);
  return word === 'true';
}

const one = (run: Implementation): BuiltIn => ({ least: 1, most: 1, run });
const many = (run: Implementation, least = 1): BuiltIn => ({ least, most: Infinity, run });
const lenient = (least: number, most: number, run: Implementation): BuiltIn => ({ least, most, run, lenient: true });

/** The functions that need nothing but their arguments. */
export const functions: Readonly<Record<string, BuiltIn>> = {
  base64: one((value) => Buffer.from(text(value, 'base64')).toString('base64')),
  bool: one(bool),
  cidrSubnet: { least: 3, most: 3, run: cidrSubnet },
  concat: lenient(1, Infinity, (...args) => (args.every(isList) ? args.flat() : args.map(asText).join(''))),
  contains: { least: 2, most: 2, run: contains },
  empty: lenient(1, 1, (value) => (value instanceof Unknown ? unknown(`empty(${value.text})`) : isEmpty(value))),
  endsWith: { least: 2, most: 2, run: (value, end) => text(value, 'endsWith').endsWith(text(end, 'endsWith')) },
  filter: lenient(2, 2, (items, by) =>
    list(items, 'filter').filter((item, at) => lambda(by, 'filter')(item, at) === true),
  ),
  first: lenient(1, 1, (value) => (typeof value === 'string' ? value.slice(0, 1) : (list(value, 'first')[0] ?? null))),
  flatten: lenient(1, 1, (value) => list(value, 'flatten').flatMap((inner) => list(inner, 'flatten'))),
  guid: lenient(1, Infinity, guid),
  indexOf: { least: 2, most: 2, run: (value, part) => text(value, 'indexOf').indexOf(text(part, 'indexOf')) },
  int: one(int),
  intersection: many((...args) =>
    list(args[0], 'intersection').filter((item) => args.every((other) => contains(other, item))),
  ),
  items: lenient(1, 1, itemsOf),
  join: lenient(2, 2, (items, by) => list(items, 'join').map(asText).join(text(by, 'join'))),
  json: one(parsed),
  last: lenient(1, 1, (value) => (typeof value === 'string' ? value.slice(-1) : (list(value, 'last').at(-1) ?? null))),
  length: lenient(1, 1, lengthOf),
  map: lenient(2, 2, mapped),
  max: many((...args) => Math.max(...args.flat().map((value) => whole(value, 'max')))),
  min: many((...args) => Math.min(...args.flat().map((value) => whole(value, 'min')))),
  padLeft: {
    least: 2,
    most: 3,
    run: (value, width, by) => asText(value ?? '').padStart(whole(width, 'padLeft'), asText(by ?? ' ')),
  },
  range: {
    least: 2,
    most: 2,
    run: (from, count) => Array.from({ length: whole(count, 'range') }, (_, at) => whole(from, 'range') + at),
  },
  reduce: lenient(3, 3, (items, start, by) =>
    list(items, 'reduce').reduce((sum, item) => lambda(by, 'reduce')(sum, item), start ?? null),
  ),
  replace: {
    least: 3,
    most: 3,
    run: (value, what, by) => text(value, 'replace').replaceAll(text(what, 'replace'), text(by, 'replace')),
  },
  skip: lenient(2, 2, (value, count) =>
    (typeof value === 'string' ? value : list(value, 'skip')).slice(whole(count, 'skip')),
  ),
  split: { least: 2, most: 2, run: (value, by) => text(value, 'split').split(text(by, 'split')) },
  startsWith: {
    least: 2,
    most: 2,
    run: (value, start) => text(value, 'startsWith').startsWith(text(start, 'startsWith')),
  },
  string: lenient(1, 1, (value) => (hasUnknown(value ?? '') ? new Unknown(asText(value ?? '')) : asText(value ?? ''))),
  substring: {
    least: 2,
    most: 3,
    run: (value, from, length) =>
      text(value, 'substring').slice(
        whole(from, 'substring'),
        length === undefined ? undefined : whole(from, 'substring') + whole(length, 'substring'),
      ),
  },
  take: lenient(2, 2, (value, count) =>
    (typeof value === 'string' ? value : list(value, 'take')).slice(0, whole(count, 'take')),
  ),
  toLower: one((value) => text(value, 'toLower').toLowerCase()),
  toObject: lenient(2, 3, toObject),
  toUpper: one((value) => text(value, 'toUpper').toUpperCase()),
  trim: one((value) => text(value, 'trim').trim()),
  union: lenient(1, Infinity, union),
  uniqueString: lenient(1, Infinity, uniqueString),
};

/** Those that ask where and from what is deployed; `evaluate.ts` answers them. Least and most arguments. */
export const contextFunctions: Readonly<Record<string, readonly [number, number]>> = {
  deployment: [0, 0],
  environment: [0, 0],
  extensionResourceId: [3, Infinity],
  loadJsonContent: [1, 1],
  loadTextContent: [1, 1],
  newGuid: [0, 0],
  resourceGroup: [0, 2],
  resourceId: [2, Infinity],
  subscription: [0, 1],
  subscriptionResourceId: [2, Infinity],
  tenant: [0, 0],
  tenantResourceId: [2, Infinity],
  utcNow: [0, 1],
};

/** Functions that make something of a value that is known only in Azure. */
const takesUnknown = new Set(['concat', 'empty', 'guid', 'string', 'union', 'uniqueString']);

export function callFunction(name: string, args: readonly Value[]): Value {
  const found = Object.hasOwn(functions, name) ? functions[name] : undefined;
  if (found === undefined) throw new EvaluationError(`there is no function '${name}'`);
  if (found.lenient === undefined && args.some(hasUnknown)) return unknown(`${name}(${args.map(asText).join(', ')})`);
  const [first] = args;
  if (first instanceof Unknown && !takesUnknown.has(name)) return unknown(`${name}(${first.text})`);
  return found.run(...args);
}
