import { pushPrefix, rootKey, sentinelKey } from '@tollgate/contract/configuration-keys.ts';
import { isJsonObject, parseJsonObject } from '#kernel/json.ts';
import type { KeyValue, StoreFailure } from './ports.ts';
import { parseYamlTree, placeKey, type Place, type TreeProblem, type YamlTree } from './yaml-tree.ts';

const flagPrefix = '.appconfig.featureflag/tollgate.';
const referenceType = 'application/vnd.microsoft.appconfig.keyvaultref+json';
const flagType = 'application/vnd.microsoft.appconfig.ff+json';

/** What a flag that is off does to the entry that it names: `tollgate.endpoints.<name>`. */
const switches: Readonly<Record<string, { readonly noun: string; readonly setting: string }>> = {
  endpoints: { noun: 'endpoint', setting: 'drain' },
  subscriptions: { noun: 'subscription', setting: 'suspended' },
};

interface Document {
  readonly root: Record<string, unknown>;
  readonly places: Map<string, Place>;
  readonly problems: TreeProblem[];
  /** What the store is called. */
  readonly store: string;
}

type Path = readonly string[];

const nameOf = (store: string, { key, label }: KeyValue): string =>
  `${store}/${key}${label === null ? '' : `@${label}`}`;

/** The one with a label goes before the one without: a label says what is different there. */
export function effective(keyValues: readonly KeyValue[]): readonly KeyValue[] {
  const byKey = new Map<string, KeyValue>();
  for (const one of keyValues) {
    const known = byKey.get(one.key);
    if (known === undefined || known.label === null) byKey.set(one.key, one);
  }
  return [...byKey.values()].toSorted(
    (a, b) => a.key.split(':').length - b.key.split(':').length || (a.key < b.key ? -1 : 1),
  );
}

/** Of a store that somebody is writing to: its key values may be half of the old and half of the new. */
export function unfinishedPush(keyValues: readonly KeyValue[]): StoreFailure | undefined {
  const pushed = keyValues.find(({ key, value }) => key === sentinelKey && value.startsWith(pushPrefix));
  if (pushed === undefined) return undefined;
  return {
    problem: `the store is being written to (${sentinelKey} says: ${pushed.value.slice(0, 100)})`,
    fix: 'Wait for `tollgate config push` to end. If it was broken off, push again with --take-over.',
    mayPass: true,
    waitMs: 0,
  };
}

/** Whether a key is one of ours: `tollgate`, and what stands under it. */
export const isOurs = ({ key }: KeyValue): boolean =>
  key === rootKey || key.startsWith(`${rootKey}:`) || key.startsWith(flagPrefix);

/**
 * One document from key values: `tollgate` holds all of it, `tollgate:endpoints` a section, `tollgate:endpoints:weu` an
 * entry of it, and so on; each as YAML or JSON, or as a reference to Key Vault. Every place knows the key that it is from.
 */
export function documentOf(keyValues: readonly KeyValue[], store: string): YamlTree {
  const document: Document = { root: Object.create(null), places: new Map(), problems: [], store };
  const chosen = effective(keyValues.filter(isOurs));
  const nowhere = { line: 0, column: 0 };
  document.places.set(placeKey([]), { key: nowhere, value: nowhere });
  for (const one of chosen) if (one.key !== sentinelKey && !one.key.startsWith(flagPrefix)) put(document, one);
  // As in a file: what is broken itself says nothing about the rest.
  if (document.problems.length > 0) return { value: undefined, places: document.places, problems: document.problems };
  for (const one of chosen) if (one.key.startsWith(flagPrefix)) flip(document, one);
  const { root, places, problems } = document;
  const isBroken = problems.some(({ severity }) => severity !== 'warning');
  return { value: isBroken ? undefined : root, places, problems };
}

function put(document: Document, one: KeyValue): void {
  const path = one.key.split(':').slice(1);
  const file = nameOf(document.store, one);
  const complain = (message: string, fix: string): void =>
    void document.problems.push({ file, position: { line: 1, column: 1 }, path, message, fix });
  const tree = isReference(one) ? referenceTree(one) : parseYamlTree(one.value);
  if (tree === undefined) {
    complain('this is no reference to Key Vault', 'Its value is {"uri": "https://name.vault.azure.net/secrets/name"}.');
    return;
  }
  if (tree.value === undefined || tree.problems.length > 0) {
    document.problems.push(...tree.problems.map((problem) => ({ ...problem, file, path: [...path, ...problem.path] })));
    return;
  }
  if (path.some((part) => part === '' || part === '__proto__')) {
    complain('a part of this key is no name', `Write ${rootKey}:section:name.`);
    return;
  }
  const wrong = insert(document, path, tree.value);
  if (wrong !== undefined) {
    complain(wrong, 'Keep one of them.');
    return;
  }
  for (const [key, place] of tree.places) {
    const inner: unknown = JSON.parse(key);
    if (Array.isArray(inner)) document.places.set(placeKey([...path, ...inner]), { ...place, file });
  }
}

/** What is wrong; undefined where the value has found its place. */
function insert(document: Document, path: Path, value: unknown): string | undefined {
  if (path.length === 0) {
    if (!isJsonObject(value)) return 'it must be a map of settings';
    Object.assign(document.root, value);
    return undefined;
  }
  let at: Record<string, unknown> = document.root;
  for (const part of path.slice(0, -1)) {
    const inner: unknown = at[part] ?? Object.create(null);
    if (!isMutableMap(inner)) return `above it stands a value that is no map, at ${part}`;
    at[part] = inner;
    at = inner;
  }
  const last = path.at(-1) ?? '';
  if (Object.hasOwn(at, last)) {
    const { file = document.store } = document.places.get(placeKey(path)) ?? {};
    return `the same stands in ${file}`;
  }
  at[last] = value;
  return undefined;
}

const isMutableMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isReference = ({ contentType }: KeyValue): boolean => contentType.toLowerCase().startsWith(referenceType);

/** `{ keyVault: address }`, as it would stand in a file. */
function referenceTree({ value }: KeyValue): YamlTree | undefined {
  const { uri } = parseJsonObject(value) ?? {};
  if (typeof uri !== 'string') return undefined;
  const start = { line: 1, column: 1 };
  const place = { key: start, value: start };
  return {
    value: Object.assign(Object.create(null), { keyVault: uri }),
    places: new Map([
      [placeKey([]), place],
      [placeKey(['keyVault']), place],
    ]),
    problems: [],
  };
}

/** A feature flag that is off takes an entry out of service; one that is on changes nothing. */
function flip(document: Document, one: KeyValue): void {
  const [section = '', ...rest] = one.key.slice(flagPrefix.length).split('.');
  const name = rest.join('.');
  const file = nameOf(document.store, one);
  const complain = (message: string, fix: string, severity: 'error' | 'warning' = 'error'): void =>
    void document.problems.push({ file, position: { line: 1, column: 1 }, path: [], message, fix, severity });
  const flag = one.contentType.toLowerCase().startsWith(flagType) ? parseJsonObject(one.value) : undefined;
  if (typeof flag?.['enabled'] !== 'boolean')
    return complain('this is no feature flag', 'Make it as one, in the portal.');
  if (hasFilters(flag['conditions']))
    return complain('a flag of the gateway is on or off for everybody', 'Take its filters out.');
  const known = switches[section];
  if (known === undefined || name === '') {
    return complain(
      'nothing is switched by this flag',
      'Flags are tollgate.endpoints.NAME and tollgate.subscriptions.NAME.',
      'warning',
    );
  }
  const entries = document.root[section];
  const entry = isMutableMap(entries) ? entries[name] : undefined;
  if (!isMutableMap(entry))
    return complain(`there is no ${known.noun} '${name}'`, 'Delete the flag, or correct its name.', 'warning');
  if (flag['enabled']) return undefined;
  entry[known.setting] = true;
  const start = { line: 1, column: 1 };
  document.places.set(placeKey([section, name, known.setting]), { file, key: start, value: start });
}

function hasFilters(conditions: unknown): boolean {
  const filters = isJsonObject(conditions) ? conditions['client_filters'] : undefined;
  return Array.isArray(filters) && filters.length > 0;
}
