import { arrayAt, countAt, isJsonObject, objectAt, textAt, type Json, type JsonObject } from '#kernel/json.ts';
import { pick, wholeBetween, type RandomSource } from '#kernel/random.ts';

/** A value that fits a JSON Schema (the part of it that tools and structured outputs use), made up from `random`. */
export function valueFor(schema: JsonObject, random: RandomSource): Json {
  return new Maker(schema, random).make(schema, 0);
}

// A schema may refer to itself: below this depth only what is required is filled in, and arrays stay empty.
const deep = 6;
const deepest = 24;

const plainWords = ['amber', 'birch', 'copper', 'delta', 'ember', 'fjord', 'garnet', 'harbour', 'Zürich', '漢字'];
const formats: Readonly<Record<string, string>> = {
  date: '2026-03-17',
  'date-time': '2026-03-17T09:30:00Z',
  time: '09:30:00Z',
  duration: 'PT15M',
  email: 'someone@example.com',
  hostname: 'example.com',
  ipv4: '192.0.2.10',
  ipv6: '2001:db8::10',
  uri: 'https://example.com/',
  uuid: '123e4567-e89b-42d3-a456-426614174000',
};

class Maker {
  private readonly root: JsonObject;
  private readonly random: RandomSource;

  constructor(root: JsonObject, random: RandomSource) {
    this.root = root;
    this.random = random;
  }

  make(given: JsonObject, depth: number): Json {
    if (depth > deepest) return null;
    const schema = this.resolve(given);
    if (schema['const'] !== undefined) return schema['const'];
    const chosen = arrayAt(schema, 'enum');
    if (chosen !== undefined) return pick(this.random, chosen) ?? null;
    const branch = this.branch(schema, depth);
    if (branch !== undefined) return this.make(branch, depth + 1);
    return this.ofType(schema, depth);
  }

  private ofType(schema: JsonObject, depth: number): Json {
    switch (typeOf(schema) ?? 'string') {
      case 'object':
        return this.object(schema, depth);
      case 'array':
        return this.array(schema, depth);
      case 'integer':
      case 'number':
        return this.number(schema);
      case 'boolean':
        return this.random.next() < 0.5;
      case 'null':
        return null;
      default:
        return this.text(schema);
    }
  }

  /** Follows `$ref` inside the document, and merges `allOf`. */
  private resolve(given: JsonObject): JsonObject {
    let schema = given;
    for (let hops = 0; hops < deepest; hops += 1) {
      const reference = textAt(schema, '$ref');
      if (reference === undefined) break;
      schema = this.lookUp(reference);
    }
    for (const part of arrayAt(schema, 'allOf') ?? []) {
      if (!isJsonObject(part)) continue;
      const resolved = this.resolve(part);
      schema = {
        ...schema,
        ...resolved,
        properties: { ...objectAt(schema, 'properties'), ...objectAt(resolved, 'properties') },
        required: [...(arrayAt(schema, 'required') ?? []), ...(arrayAt(resolved, 'required') ?? [])],
      };
    }
    return schema;
  }

  private lookUp(reference: string): JsonObject {
    let at: Json | undefined = this.root;
    for (const step of reference.split('/').slice(1)) {
      const name = step.replaceAll('~1', '/').replaceAll('~0', '~');
      at = isJsonObject(at) ? at[name] : undefined;
    }
    return isJsonObject(at) ? at : {};
  }

  /** One of `anyOf` or `oneOf`; the one that ends (`null`) where it is deep already. */
  private branch(schema: JsonObject, depth: number): JsonObject | undefined {
    const branches = (arrayAt(schema, 'anyOf') ?? arrayAt(schema, 'oneOf') ?? []).filter(isJsonObject);
    if (depth >= deep) {
      const ending = branches.find((one) => typeOf(one) !== 'object' && typeOf(one) !== undefined);
      if (ending !== undefined) return ending;
    }
    return pick(this.random, branches);
  }

  private object(schema: JsonObject, depth: number): Json {
    const required = new Set(arrayAt(schema, 'required') ?? []);
    const made: Record<string, Json> = {};
    for (const [name, property] of Object.entries(objectAt(schema, 'properties') ?? {})) {
      if (!isJsonObject(property)) continue;
      if (depth < deep || required.has(name)) made[name] = this.make(property, depth + 1);
    }
    return made;
  }

  private array(schema: JsonObject, depth: number): Json {
    const items = objectAt(schema, 'items');
    if (items === undefined) return [];
    const least = countAt(schema, 'minItems') ?? 0;
    const most = Math.max(least, Math.min(countAt(schema, 'maxItems') ?? 2, least + 2));
    const count = depth >= deep ? least : wholeBetween(this.random, Math.max(least, Math.min(1, most)), most);
    return Array.from({ length: count }, () => this.make(items, depth + 1));
  }

  private number(schema: JsonObject): Json {
    const whole = typeOf(schema) === 'integer';
    const bound = (inclusive: string, exclusive: string, step: number): number | undefined => {
      const limit = schema[inclusive];
      const beyond = schema[exclusive];
      if (typeof beyond === 'number') return beyond + step;
      return typeof limit === 'number' ? limit : undefined;
    };
    const step = whole ? 1 : 0.001;
    const low = bound('minimum', 'exclusiveMinimum', step);
    const high = bound('maximum', 'exclusiveMaximum', -step);
    const least = low ?? Math.min(0, high ?? 0);
    const most = high ?? least + 100;
    const multiple = schema['multipleOf'];
    if (typeof multiple === 'number' && multiple > 0) return Math.ceil(least / multiple) * multiple;
    return whole
      ? wholeBetween(this.random, Math.ceil(least), Math.floor(most))
      : Math.min(most, Math.round((least + this.random.next() * (most - least)) * 1000) / 1000);
  }

  private text(schema: JsonObject): string {
    const format = textAt(schema, 'format');
    const known = format === undefined ? undefined : formats[format];
    if (known !== undefined) return known;
    let text = pick(this.random, plainWords) ?? '';
    const least = countAt(schema, 'minLength') ?? 0;
    while (text.length < least) text += ` ${pick(this.random, plainWords) ?? 'x'}`;
    const most = countAt(schema, 'maxLength');
    return most === undefined ? text : text.slice(0, Math.max(most, least));
  }
}

/** The first type that is not null, so that a nullable field gets a value. */
function typeOf(schema: JsonObject): string | undefined {
  const type = schema['type'];
  if (typeof type === 'string') return type;
  const named = arrayAt(schema, 'type')?.find((one) => one !== 'null');
  if (typeof named === 'string') return named;
  if (schema['properties'] !== undefined) return 'object';
  return schema['items'] === undefined ? undefined : 'array';
}
