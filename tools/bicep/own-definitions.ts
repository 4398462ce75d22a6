import type { Member, Shape } from './shape.ts';

/**
 * The properties that these templates use, as we wrote them down: by type and version, then by path. `[]` stands for
 * the items of a list, `*` for members of any name. A description is `object`, `list`, `text`, `integer`, `boolean`,
 * `any`, or the texts that are allowed with `|` between them; before it may stand `required` or `read`
 * (Azure sets it; it is only read here).
 */
export type OwnDefinitions = Readonly<Record<string, Readonly<Record<string, string>>>>;

interface Place {
  readonly description: string;
  readonly below: Map<string, Place>;
}

export function ownShape(definitions: OwnDefinitions, name: string): Shape | undefined {
  const key = Object.keys(definitions).find((one) => one.toLowerCase() === name.toLowerCase());
  const properties = key === undefined ? undefined : definitions[key];
  return properties === undefined ? undefined : shapeAt(treeOf(properties));
}

function treeOf(properties: Readonly<Record<string, string>>): Place {
  const root: Place = {
    description: 'object',
    below: new Map([['name', { description: 'required text', below: new Map() }]]),
  };
  for (const [path, description] of Object.entries(properties)) {
    let place = root;
    const steps = stepsOf(path);
    for (const [at, step] of steps.entries()) {
      const last = at === steps.length - 1;
      const known = place.below.get(step);
      // What is not described itself is an object or a list, by what stands below it.
      const implied = steps[at + 1] === '[]' ? 'list' : 'object';
      const next = {
        description: last ? description : (known?.description ?? implied),
        below: known?.below ?? new Map<string, Place>(),
      };
      place.below.set(step, next);
      place = next;
    }
  }
  return root;
}

/** `a.b[].c` → a, b, [], c. A name with dots in it stands in quotes: `criteria."odata.type"`. */
export function stepsOf(path: string): string[] {
  return [...path.matchAll(/"([^"]*)"|(\[\])|([^.[\]"]+)/g)].map((found) => found[1] ?? found[2] ?? found[3] ?? '');
}

function shapeAt(place: Place): Shape {
  const kind = place.description.replace(/^(required|read) /, '');
  switch (kind) {
    case 'object':
      return objectAt(place);
    case 'list':
      return { kind: 'list', items: () => belowOf(place, '[]') };
    case 'text':
    case 'integer':
    case 'boolean':
    case 'any':
      return { kind };
    default:
      return { kind: 'text', values: kind.split('|') };
  }
}

function belowOf(place: Place, step: string): Shape {
  const below = place.below.get(step);
  return below === undefined ? { kind: 'any' } : shapeAt(below);
}

function objectAt(place: Place): Shape {
  const members = new Map<string, Member>();
  for (const [name, below] of place.below) {
    if (name === '*') continue;
    const { description } = below;
    members.set(name, {
      shape: shapeAt(below),
      required: description.startsWith('required '),
      readOnly: description.startsWith('read '),
    });
  }
  return {
    kind: 'object',
    members: () => members,
    ...(place.below.has('*') ? { others: () => belowOf(place, '*') } : {}),
  };
}
