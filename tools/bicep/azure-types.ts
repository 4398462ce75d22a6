import type { Member, Shape } from './shape.ts';
import { isObject, type Value } from './values.ts';

/** Azure's own type definitions, as `@azure/bicep-types` stores them: entries that refer to one another by number. */
interface Entry {
  readonly $type: string;
  readonly value?: string;
  readonly body?: Reference;
  readonly itemType?: Reference;
  readonly elements?: readonly Reference[] | Readonly<Record<string, Reference>>;
  readonly discriminator?: string;
  readonly properties?: Readonly<Record<string, Described>>;
  readonly baseProperties?: Readonly<Record<string, Described>>;
  readonly additionalProperties?: Reference;
}
interface Reference {
  readonly $ref: string;
}
interface Described {
  readonly type: Reference;
  readonly flags: number;
}

export type AzureTypes = Readonly<Record<string, readonly Entry[]>>;

const required = 1;
const readOnly = 2;

/** Undefined where the type, or the version of it, is not there. Upper and lower case do not matter, as in Azure. */
export function azureShape(types: AzureTypes, name: string): Shape | undefined {
  const key = Object.keys(types).find((one) => one.toLowerCase() === name.toLowerCase());
  const entries = key === undefined ? undefined : types[key];
  const body = entries?.[0]?.body;
  return entries === undefined || body === undefined ? undefined : shapeOf(entries, body);
}

function entryOf(entries: readonly Entry[], { $ref }: Reference): Entry {
  const entry = entries[Number($ref.slice(2))];
  if (entry === undefined) throw new Error(`The type definitions refer to ${$ref}, which is not there.`);
  return entry;
}

function shapeOf(entries: readonly Entry[], reference: Reference): Shape {
  const entry = entryOf(entries, reference);
  switch (entry.$type) {
    case 'ObjectType':
      return objectShape(entries, entry);
    case 'DiscriminatedObjectType':
      return discriminatedShape(entries, entry);
    case 'ArrayType':
      return {
        kind: 'list',
        items: () => (entry.itemType === undefined ? { kind: 'any' } : shapeOf(entries, entry.itemType)),
      };
    case 'UnionType':
      return unionShape(entries, entry);
    case 'StringLiteralType':
      return { kind: 'text', values: [entry.value ?? ''] };
    case 'StringType':
      return { kind: 'text' };
    case 'IntegerType':
      return { kind: 'integer' };
    case 'BooleanType':
      return { kind: 'boolean' };
    default:
      return { kind: 'any' };
  }
}

/** Nearly every list of texts in Azure's definitions ends with "or any other text"; here it is taken as closed. */
function unionShape(entries: readonly Entry[], entry: Entry): Shape {
  const elements = Array.isArray(entry.elements) ? entry.elements.map((one: Reference) => entryOf(entries, one)) : [];
  const values = elements.flatMap(({ $type, value }) =>
    $type === 'StringLiteralType' && value !== undefined ? [value] : [],
  );
  const others = elements.some(({ $type }) => $type !== 'StringLiteralType' && $type !== 'StringType');
  return others || values.length === 0 ? { kind: 'any' } : { kind: 'text', values };
}

function membersOf(
  entries: readonly Entry[],
  described: Readonly<Record<string, Described>> | undefined,
): Map<string, Member> {
  return new Map(
    Object.entries(described ?? {}).map(([name, { type, flags }]) => [
      name,
      {
        get shape() {
          return shapeOf(entries, type);
        },
        required: (flags & required) !== 0,
        readOnly: (flags & readOnly) !== 0 && name !== 'name',
      },
    ]),
  );
}

function objectShape(entries: readonly Entry[], entry: Entry): Shape {
  const { additionalProperties } = entry;
  const members = membersOf(entries, entry.properties);
  return {
    kind: 'object',
    members: () => members,
    ...(additionalProperties === undefined ? {} : { others: () => shapeOf(entries, additionalProperties) }),
  };
}

function discriminatedShape(entries: readonly Entry[], entry: Entry): Shape {
  const kinds = Array.isArray(entry.elements) || entry.elements === undefined ? {} : entry.elements;
  const base = membersOf(entries, entry.baseProperties);
  const chosen = (value: Value): ReadonlyMap<string, Member> => {
    const kind = isObject(value) ? value[entry.discriminator ?? ''] : undefined;
    const reference =
      typeof kind === 'string' && Object.hasOwn(kinds, kind)
        ? Object.entries(kinds).find(([name]) => name === kind)?.[1]
        : undefined;
    const told: Member = { shape: { kind: 'text', values: Object.keys(kinds) }, required: true, readOnly: false };
    if (reference === undefined) return new Map([...base, [entry.discriminator ?? '', told]]);
    return new Map([...base, ...(shapeOf(entries, reference).members?.(value) ?? [])]);
  };
  return { kind: 'object', members: chosen, kindMember: entry.discriminator ?? '' };
}
