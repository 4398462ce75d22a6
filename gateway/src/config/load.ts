import { createHash } from 'node:crypto';
import type { ConfigFinding, ConfigPath, ConfigReference, ConfigSection } from '#kernel/config-section.ts';
import { z } from 'zod';
import { deepFreeze } from './freeze.ts';
import { interpolate, type Environment } from './interpolate.ts';
import { configJsonSchema } from './json-schema.ts';
import type { ConfigProblem } from './problem.ts';
import { showPath } from './problem.ts';
import { readConfigFile } from './read-file.ts';
import { brokenReferences } from './references.ts';
import { problemsOfIssue, unknownKey, type KnownKeys, type ValueProblem } from './schema-problems.ts';
import type { SecretValues } from './ports.ts';
import { loadSecrets } from './secrets.ts';
import { parseYamlTree, placeKey, type YamlTree } from './yaml-tree.ts';

export interface LoadedConfig<Config> {
  /** The file as it was named. */
  readonly source: string;
  /** Deep-frozen; its secrets show as `***` wherever it is printed. */
  readonly config: Config;
  readonly warnings: readonly ConfigProblem[];
  /** Changes when the file's text or a value from the environment or a secret's file does. */
  readonly digest: string;
}

export type LoadResult<Config> =
  | {
      readonly ok: true;
      readonly loaded: LoadedConfig<Config>;
      /** What is found out about a value of the file once it is loaded, at its place there. */
      readonly locate: (finding: ConfigFinding) => ConfigProblem;
    }
  /** Every problem that could be found in one reading, in the order of the file; warnings too. */
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/** What of it remains where it was loaded in another thread. */
export type LoadOutcome<Config> =
  | { readonly ok: true; readonly loaded: LoadedConfig<Config> }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/** Where a configuration comes from. */
interface ConfigOrigin {
  /** As it is named in problems. */
  readonly name: string;
  /** Where files of secrets are looked for: beside this one. */
  readonly path: string;
  readonly text: string;
}

/** Reads configuration files of one set of sections. */
export interface ConfigLoader<Config> {
  /** Never throws for what is in the file. */
  load(path: string, environment: Environment): LoadResult<Config>;
  /** The same for text that is not read from `path`; `path` is where secrets' files are looked for. */
  loadText(text: string, path: string, environment: Environment): LoadResult<Config>;
  /** The same for what is no file: `source.text` is whatever changes when it does. */
  loadTree(tree: YamlTree, source: ConfigOrigin, environment: Environment): LoadResult<Config>;
}

/**
 * `Config` is the merged type of the sections; the caller states it, next to the list of sections. `outside`: without it,
 * secrets of Key Vault are empty, and nothing is said of them.
 */
export function createConfigLoader<Config>(
  sections: readonly ConfigSection[],
  outside?: SecretValues,
): ConfigLoader<Config> {
  const schema: KnownKeys = configJsonSchema(sections);
  const loader: ConfigLoader<Config> = {
    load(path, environment) {
      const read = readConfigFile(path);
      if ('text' in read) return loader.loadText(read.text, path, environment);
      const { problem: message, fix } = read;
      return { ok: false, problems: [{ file: path, line: 0, column: 0, path: '', message, fix, severity: 'error' }] };
    },
    loadText(text, path, environment) {
      return loader.loadTree(parseYamlTree(text), { name: path, path, text }, environment);
    },
    loadTree(tree, { name, path, text }, environment) {
      const found: ConfigProblem[] = tree.problems.map(({ file = name, position, severity = 'error', ...one }) => ({
        file,
        ...position,
        path: showPath(one.path),
        message: one.message,
        fix: one.fix,
        severity,
      }));
      if (tree.value === undefined) return { ok: false, problems: inOrder(found) };
      const judged = judge(tree, { sections, schema, environment, path, outside });
      const problems = inOrder([...found, ...judged.problems.map((one) => place(one, tree, name))]);
      if (problems.some((one) => one.severity === 'error')) return { ok: false, problems };
      const digest = createHash('sha256').update(text).update('\0').update(judged.digest).digest('hex').slice(0, 16);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- made and checked key by key by the sections' schemas
      const config = deepFreeze(judged.values) as Config;
      const locate = (finding: ConfigFinding): ConfigProblem => place(asProblem(finding), tree, name);
      return { ok: true, loaded: { source: name, config, warnings: problems, digest }, locate };
    },
  };
  return loader;
}

interface Judging {
  readonly sections: readonly ConfigSection[];
  readonly schema: KnownKeys;
  readonly environment: Environment;
  readonly path: string;
  readonly outside: SecretValues | undefined;
}

interface Judged {
  readonly values: Readonly<Record<string, unknown>>;
  readonly problems: readonly ValueProblem[];
  readonly digest: string;
}

function judge(tree: YamlTree, judging: Judging): Judged {
  const { sections } = judging;
  const { value: root, references, missing } = interpolate(tree.value, judging.environment);
  const problems: ValueProblem[] = missing.map((one) => ({ ...one, severity: 'error' }));
  // What a missing variable leaves behind says nothing about the rest.
  const poisoned = new Set([...missing, ...tree.problems].map((one) => placeKey(one.path)));
  const add = (found: readonly ValueProblem[]): void => {
    for (const one of found) if (!poisoned.has(placeKey(one.path))) problems.push(one);
  };
  if (root !== null && (typeof root !== 'object' || Array.isArray(root))) {
    add([
      {
        path: [],
        message: 'the file must be a map of settings',
        fix: 'Start with `organisation: name`.',
        severity: 'error',
      },
    ]);
    return { values: {}, problems, digest: '' };
  }
  const map: Readonly<Record<string, unknown>> = { ...root };
  const known = sections.flatMap((section) => Object.keys(section.keys));
  add(
    Object.keys(map)
      .filter((key) => !known.includes(key))
      .map((key) => unknownKey([key], known)),
  );

  const sources = new Map(references.map((one) => [placeKey(one.path), one.source]));
  const sourceAt = (path: ConfigPath): string | undefined => sources.get(placeKey(path));
  const values: Record<string, unknown> = {};
  for (const section of sections) {
    const parsed = parseKeys(section, map, judging.schema);
    add(parsed.problems);
    const secrets = loadSecrets(parsed.values, [], { configFile: judging.path, sourceAt, outside: judging.outside });
    add(secrets.problems);
    const empty = new Set(secrets.empty.map(placeKey));
    const findings = section
      .check(parsed.values)
      .filter(({ path, severity }) => !(parsed.incomplete && severity === 'warning') && !empty.has(placeKey(path)));
    add(findings.map(asProblem));
    Object.assign(values, parsed.values);
  }
  const allReferences: readonly ConfigReference[] = sections.flatMap((section) => section.references);
  add(brokenReferences(map, allReferences));
  return { values, problems, digest: digestOf(root, values) };
}

const asProblem = (finding: ConfigFinding): ValueProblem => ({ fix: null, severity: 'error', ...finding });

interface ParsedKeys {
  readonly values: Record<string, unknown>;
  readonly problems: readonly ValueProblem[];
  /** Something was left out of the values because it is wrong. */
  readonly incomplete: boolean;
}

/**
 * Each key by itself, and where one is wrong, what is right about it: a mistake does not hide what else could be found.
 * The incomplete values are for the checks only; they are never used.
 */
function parseKeys(section: ConfigSection, map: Readonly<Record<string, unknown>>, schema: KnownKeys): ParsedKeys {
  const values: Record<string, unknown> = {};
  const problems: ValueProblem[] = [];
  let incomplete = false;
  for (const [key, type] of Object.entries(section.keys)) {
    // `subscriptions:` with nothing (or only comments) under it is as good as absent.
    const given = map[key] ?? undefined;
    const result = z.safeParse(type, given);
    if (result.success) {
      values[key] = result.data;
      continue;
    }
    incomplete = true;
    const issues = result.error.issues.map((issue) => ({ ...issue, path: [key, ...issue.path] }));
    problems.push(...issues.flatMap((issue) => problemsOfIssue(issue, { root: map, schema })));
    const rest = z.safeParse(type, withoutFaulty(given, result.error.issues));
    if (rest.success) values[key] = atTheirPlaces(rest.data, given, result.error.issues);
  }
  return { values, problems, incomplete };
}

/** A map or a list without the entries that are wrong. */
function withoutFaulty(given: unknown, issues: readonly z.core.$ZodIssue[]): unknown {
  if (typeof given !== 'object' || given === null) return undefined;
  if (Array.isArray(given)) return given.filter((_item, index) => !issues.some((one) => one.path[0] === index));
  const faulty = new Set(
    issues.flatMap((one) =>
      one.code === 'unrecognized_keys' && one.path.length === 0 ? one.keys : [String(one.path[0])],
    ),
  );
  return Object.fromEntries(Object.entries(given).filter(([name]) => !faulty.has(name)));
}

/** What is left of a list, each entry at its place in the file; where one was wrong is a hole, which `forEach` passes over. */
function atTheirPlaces(rest: unknown, given: unknown, issues: readonly z.core.$ZodIssue[]): unknown {
  if (!Array.isArray(rest) || !Array.isArray(given)) return rest;
  const faulty = new Set(issues.map((one) => one.path[0]));
  const places = [...given.keys()].filter((index) => !faulty.has(index));
  const list: unknown[] = [];
  rest.forEach((item: unknown, index) => {
    const at = places[index];
    if (at !== undefined) list[at] = item;
  });
  return list;
}

/** What the file's text does not tell: values of the environment, and secrets. Only ever hashed. */
function digestOf(root: unknown, values: unknown): string {
  const hash = createHash('sha256').update(JSON.stringify(root) ?? '');
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if ('reveal' in value && typeof value.reveal === 'function') hash.update(`\0${String(value.reveal())}`);
    else for (const inner of Object.values(value)) visit(inner);
  };
  visit(values);
  return hash.digest('hex');
}

function place(problem: ValueProblem, tree: YamlTree, file: string): ConfigProblem {
  const exact = tree.places.get(placeKey(problem.path));
  let at = exact;
  // What is missing stands nowhere: it is shown at what it is missing from.
  for (let depth = problem.path.length - 1; at === undefined && depth >= 0; depth -= 1) {
    at = tree.places.get(placeKey(problem.path.slice(0, depth)));
  }
  const atKey = problem.ofKey === true || exact === undefined;
  const position = (atKey ? at?.key : at?.value) ?? { line: 1, column: 1 };
  const { message, fix, severity } = problem;
  return { file: at?.file ?? file, ...position, path: showPath(problem.path), message, fix, severity };
}

function byText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function inOrder(problems: readonly ConfigProblem[]): readonly ConfigProblem[] {
  const seen = new Set<string>();
  return problems
    .filter((one) => {
      const key = JSON.stringify(one);
      return seen.has(key) ? false : seen.add(key) !== undefined;
    })
    .toSorted((a, b) => byText(a.file, b.file) || a.line - b.line || a.column - b.column);
}
