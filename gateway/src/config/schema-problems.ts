import type { ConfigPath } from '#kernel/config-section.ts';
import type { z } from 'zod';
import { nearest, suggestion } from '#kernel/suggest.ts';

/** A problem with a value, before it is known where in the file that value stands. */
export interface ValueProblem {
  readonly path: ConfigPath;
  readonly message: string;
  readonly fix: string | null;
  readonly severity: 'error' | 'warning';
  /** Whether the key is at fault, not what stands under it. */
  readonly ofKey?: boolean;
}

type Issue = z.core.$ZodIssue;

/** The parts of a generated JSON Schema that tell which keys are known somewhere. */
export interface KnownKeys {
  readonly properties?: Readonly<Record<string, KnownKeys>>;
  readonly additionalProperties?: KnownKeys | boolean;
  /** The names that a map may have, where it has a closed list of them. */
  readonly propertyNames?: { readonly enum?: readonly string[] };
  readonly items?: KnownKeys;
  readonly anyOf?: readonly KnownKeys[];
}

/** The problems of one issue of the schema library, in words for the person who wrote the file. */
export function problemsOfIssue(
  issue: Issue,
  context: { readonly root: unknown; readonly schema: KnownKeys },
): ValueProblem[] {
  const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
  const value = at(context.root, path);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknownKey([...path, key], knownAt(context.schema, path)));
  }
  if (issue.code === 'invalid_union') return ofUnion(issue, path, { ...context, value });
  if (issue.code === 'invalid_value') return [ofChoice(issue, path, value)];
  if (issue.code === 'invalid_type') return [ofType(issue, path, value)];
  if (issue.code === 'invalid_key') {
    const [inner] = issue.issues;
    const why = sentence(inner?.message ?? issue.message);
    return [{ ...problem(path, `'${String(path.at(-1))}' is no name: ${why}`, null), ofKey: true }];
  }
  return [problem(path, sentence(issue.message), null)];
}

function problem(path: ConfigPath, message: string, fix: string | null): ValueProblem {
  return { path, message, fix, severity: 'error' };
}

const missing = (path: ConfigPath, expected: string): ValueProblem =>
  problem(path, 'it is missing', expected === 'text' ? 'Add it.' : `Add it: ${expected.replace(/^expected /, '')}.`);

const sentence = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);

function at(root: unknown, path: ConfigPath): unknown {
  let value = root;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Object.getOwnPropertyDescriptor(value, part)?.value;
  }
  return value;
}

export function unknownKey(path: ConfigPath, known: readonly string[]): ValueProblem {
  const key = String(path.at(-1));
  return { ...problem(path, `there is no setting '${key}' here`, suggestion(key, known)), ofKey: true };
}

/** The keys that may stand at a path. */
function knownAt(schema: KnownKeys, path: ConfigPath): readonly string[] {
  let here: readonly KnownKeys[] = [schema];
  for (const part of path) {
    here = here.flatMap((one) => [one, ...(one.anyOf ?? [])]).flatMap((one) => stepInto(one, part));
  }
  return here
    .flatMap((one) => [one, ...(one.anyOf ?? [])])
    .flatMap((one) => [...Object.keys(one.properties ?? {}), ...(one.propertyNames?.enum ?? [])]);
}

function stepInto(schema: KnownKeys, part: string | number): readonly KnownKeys[] {
  const named = typeof part === 'string' ? schema.properties?.[part] : schema.items;
  if (named !== undefined) return [named];
  const any = schema.additionalProperties;
  return typeof any === 'object' ? [any] : [];
}

function ofUnion(
  issue: Extract<Issue, { code: 'invalid_union' }>,
  path: ConfigPath,
  context: { readonly root: unknown; readonly schema: KnownKeys; readonly value: unknown },
): ValueProblem[] {
  // The alternatives that the value is of the type of: their complaints are what the writer wants to hear.
  const isMap = typeof context.value === 'object';
  const meant = issue.errors.filter(
    (issues) =>
      !issues.some(
        (one) => one.path.length === 0 && (one.code === 'invalid_type' || (one.code === 'invalid_value' && isMap)),
      ),
  );
  const branch = closest(meant, context.value);
  if (branch === undefined || typeof context.value !== 'object' || context.value === null) {
    return context.value === undefined
      ? [missing(path, issue.message)]
      : [problem(path, sentence(issue.message), null)];
  }
  return branch.flatMap((inner) =>
    problemsOfIssue({ ...inner, path: [...path, ...inner.path] }, { root: context.root, schema: context.schema }),
  );
}

/** The alternative with the fewest unknown keys, then the fewest complaints. */
function closest(branches: readonly (readonly Issue[])[], value: unknown): readonly Issue[] | undefined {
  const strangers = (issues: readonly Issue[]): number =>
    issues.reduce(
      (sum, one) => sum + (one.code === 'unrecognized_keys' && one.path.length === 0 ? one.keys.length : 0),
      0,
    );
  if (typeof value !== 'object') return branches[0];
  return branches.toSorted((a, b) => strangers(a) - strangers(b) || a.length - b.length)[0];
}

function ofChoice(issue: Extract<Issue, { code: 'invalid_value' }>, path: ConfigPath, value: unknown): ValueProblem {
  const choices = issue.values.map(String);
  const list = `one of ${choices.join(', ')}`;
  if (value === undefined) return missing(path, list);
  if (typeof value === 'object') return problem(path, `expected ${list}, found ${typeWords(value)}`, null);
  const shown = typeof value === 'string' ? value : JSON.stringify(value);
  const near = nearest(shown, choices);
  return problem(path, `'${shown}' is not ${list}`, near === undefined ? null : `Did you mean '${near}'?`);
}

const plainTypes: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a map of settings',
  record: 'a map of names',
  array: 'a list',
};

function ofType(issue: Extract<Issue, { code: 'invalid_type' }>, path: ConfigPath, value: unknown): ValueProblem {
  const standard = issue.message.startsWith('Invalid input');
  const expected = standard ? (plainTypes[issue.expected] ?? issue.expected) : issue.message.replace(/^expected /, '');
  if (value === undefined) return missing(path, expected);
  const quotable = issue.expected === 'string' && standard && (typeof value === 'number' || typeof value === 'boolean');
  return problem(
    path,
    `expected ${expected}, found ${typeWords(value)}`,
    quotable ? `Put it in quotes: "${value}".` : null,
  );
}

function typeWords(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  if (typeof value === 'number') return `the number ${value}`;
  return typeof value === 'boolean' ? String(value) : 'text';
}
