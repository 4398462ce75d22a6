import { describe, isList, isObject, Unknown, type ObjectValue, type Value } from './values.ts';

/** What may stand at one place of a resource body. Members are computed when asked for: Azure's types refer to themselves. */
export interface Shape {
  readonly kind: 'object' | 'list' | 'text' | 'integer' | 'boolean' | 'any';
  /** Texts that are allowed; without them any text is. */
  readonly values?: readonly string[];
  /** Members of an object by name; for one that is told apart by a member, those of the kind that it is. */
  members?(of: Value): ReadonlyMap<string, Member>;
  /** The member by which kinds of it are told apart. */
  readonly kindMember?: string;
  /** What members that are not listed are; without it there may be none. */
  others?(): Shape;
  items?(): Shape;
}

export interface Member {
  readonly shape: Shape;
  readonly required: boolean;
  readonly readOnly: boolean;
}

export interface Complaint {
  readonly rule: 'property-name' | 'property-value' | 'property-missing' | 'property-read-only';
  readonly path: string;
  readonly message: string;
}

/** Texts that Azure takes though its type definitions do not list them, each with the reason. */
export type Allowed = ReadonlyMap<string, string>;

/** Everything that does not fit. `allowed` has `path=value` → why that is right although the type does not list it. */
export function judge(
  shape: Shape,
  value: Value,
  at: { readonly path: string; readonly allowed: Allowed },
): Complaint[] {
  const { path } = at;
  if (value instanceof Unknown || value === null || shape.kind === 'any') return [];
  if (shape.kind === 'object') return judgeObject(shape, value, at);
  if (shape.kind === 'list') {
    if (!isList(value)) return [wrong(path, `a list is needed, not ${describe(value)}`)];
    const items = shape.items?.();
    return items === undefined ? [] : value.flatMap((item, n) => judge(items, item, { ...at, path: `${path}[${n}]` }));
  }
  return judgePlain(shape, value, at);
}

function wrong(path: string, message: string): Complaint {
  return { rule: 'property-value', path, message: `${path}: ${message}` };
}

function judgePlain(shape: Shape, value: Value, { path, allowed }: { path: string; allowed: Allowed }): Complaint[] {
  if (shape.kind === 'integer')
    return typeof value === 'number' ? [] : [wrong(path, `a whole number is needed, not ${describe(value)}`)];
  if (shape.kind === 'boolean')
    return typeof value === 'boolean' ? [] : [wrong(path, `true or false is needed, not ${describe(value)}`)];
  if (typeof value !== 'string') return [wrong(path, `text is needed, not ${describe(value)}`)];
  if (shape.values === undefined || shape.values.includes(value)) return [];
  if (allowed.has(`${anyItem(path)}=${value}`)) return [];
  return [wrong(path, `'${value}' is none of ${shape.values.join(', ')}`)];
}

function judgeObject(
  shape: Shape,
  value: Value,
  at: { readonly path: string; readonly allowed: Allowed },
): Complaint[] {
  const { path } = at;
  if (!isObject(value)) return [wrong(path, `an object is needed, not ${describe(value)}`)];
  if (isAllowedKind(shape, value, at)) return [];
  const members = shape.members?.(value) ?? new Map<string, Member>();
  const complaints = missing(members, value, path);
  for (const [name, inner] of Object.entries(value)) {
    const member = members.get(name);
    const below = { ...at, path: `${path}.${name}` };
    if (member?.readOnly === true)
      complaints.push({ rule: 'property-read-only', path, message: `${below.path} is set by Azure, not by us` });
    const shapeBelow = member?.shape ?? shape.others?.();
    if (shapeBelow === undefined)
      complaints.push({ rule: 'property-name', path, message: `${below.path} does not exist` });
    else complaints.push(...judge(shapeBelow, inner, below));
  }
  return complaints;
}

/** A kind that Azure takes though its definitions do not describe it: nothing can be said about its members. */
function isAllowedKind(
  shape: Shape,
  value: ObjectValue,
  { path, allowed }: { path: string; allowed: Allowed },
): boolean {
  const kind = shape.kindMember === undefined ? undefined : value[shape.kindMember];
  return typeof kind === 'string' && allowed.has(`${anyItem(path)}.${shape.kindMember ?? ''}=${kind}`);
}

const anyItem = (path: string): string => path.replaceAll(/\[\d+\]/g, '[]');

function missing(members: ReadonlyMap<string, Member>, value: ObjectValue, path: string): Complaint[] {
  return [...members].flatMap(([name, { required, readOnly }]): Complaint[] => {
    const absent = value[name] === undefined || value[name] === null;
    if (!required || readOnly || !absent) return [];
    return [{ rule: 'property-missing', path, message: `${path}.${name} is required` }];
  });
}

const anything: Shape = { kind: 'any' };

/** Whether something can be read there; `[]` and members of what is not described are believed. */
export function canRead(shape: Shape, steps: readonly string[]): boolean {
  const [step, ...rest] = steps;
  if (step === undefined || shape.kind === 'any') return true;
  if (step === '[]') return shape.kind === 'list' && canRead(shape.items?.() ?? anything, rest);
  const below = memberShape(shape, step);
  return below !== undefined && canRead(below, rest);
}

function memberShape(shape: Shape, name: string): Shape | undefined {
  if (shape.kind !== 'object') return undefined;
  return shape.members?.({}).get(name)?.shape ?? shape.others?.();
}
