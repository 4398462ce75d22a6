import type { ConfigPath } from '#kernel/config-section.ts';
import {
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type Pair,
  type Scalar,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';

interface Position {
  readonly line: number;
  readonly column: number;
}

export interface TreeProblem {
  /** Where the tree is made of several texts: which of them. */
  readonly file?: string;
  readonly severity?: 'error' | 'warning';
  readonly position: Position;
  readonly path: ConfigPath;
  readonly message: string;
  readonly fix: string | null;
}

export interface Place {
  /** Where the tree is made of several texts: which of them. */
  readonly file?: string;
  /** Of the key, or of the item in a list. */
  readonly key: Position;
  readonly value: Position;
}

/** A YAML document as plain values, and where each of them stands. */
export interface YamlTree {
  /** Maps have no prototype. Fractions are strings, their own text: they never pass through a float. */
  readonly value: unknown;
  readonly places: ReadonlyMap<string, Place>;
  readonly problems: readonly TreeProblem[];
}

export const placeKey = (path: ConfigPath): string => JSON.stringify(path);

/** What aliases may multiply a document to. */
const mostNodes = 50_000;
const mostAliases = 100;
const deepest = 40;

/** Reads one YAML 1.2 document. Problems of syntax come alone: what stands in a broken document cannot be judged. */
export function parseYamlTree(text: string): YamlTree {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    strict: true,
    version: '1.2',
    // Checked below: the parser compares each key with every other one.
    uniqueKeys: false,
  });
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const syntax = [...document.errors, ...document.warnings].map((error) => ({
    position: at(error.pos[0]),
    path: [],
    ...syntaxWords(error.code, error.message),
  }));
  if (syntax.length > 0) return { value: undefined, places: new Map(), problems: syntax };
  return walkDocument(document, at);
}

function syntaxWords(code: string, message: string): { readonly message: string; readonly fix: string | null } {
  switch (code) {
    case 'TAB_AS_INDENT':
      return { message: 'a tab indents this line', fix: 'YAML is indented with spaces.' };
    case 'MULTIPLE_DOCS':
      return { message: 'a second document begins here (---)', fix: 'One file holds one configuration.' };
    case 'TAG_RESOLVE_FAILED':
      return { message: 'a tag (!…) means nothing here', fix: 'Write the plain value.' };
    default:
      return { message: `not valid YAML: ${message.split('\n')[0] ?? ''}`, fix: null };
  }
}

interface Walk {
  readonly document: Document.Parsed;
  readonly at: (offset: number) => Position;
  readonly places: Map<string, Place>;
  readonly problems: TreeProblem[];
  readonly within: Set<unknown>;
  /** Values that aliases have made. */
  nodes: number;
  aliases: number;
  /** Aliases that the walk is inside of. */
  aliased: number;
}

function walkDocument(document: Document.Parsed, at: (offset: number) => Position): YamlTree {
  const walk: Walk = {
    document,
    at,
    places: new Map(),
    problems: [],
    within: new Set(),
    nodes: 0,
    aliases: 0,
    aliased: 0,
  };
  const value = document.contents === null ? null : valueOf(document.contents, [], walk);
  const places = new Map(walk.places);
  if (!places.has(placeKey([])))
    places.set(placeKey([]), { key: { line: 1, column: 1 }, value: { line: 1, column: 1 } });
  return { value, places, problems: walk.problems };
}

function offsetOf(node: unknown): number {
  const range = typeof node === 'object' && node !== null && 'range' in node ? node.range : undefined;
  return Array.isArray(range) && typeof range[0] === 'number' ? range[0] : 0;
}

function complain(walk: Walk, node: unknown, problem: Omit<TreeProblem, 'position'>): undefined {
  walk.problems.push({ position: walk.at(offsetOf(node)), ...problem });
  return undefined;
}

function valueOf(node: unknown, path: ConfigPath, walk: Walk): unknown {
  // What is written out is as long as the file; only aliases multiply.
  if (walk.aliased > 0) walk.nodes += 1;
  if (!fits(node, path, walk)) return undefined;
  const position = walk.at(offsetOf(node));
  const known = walk.places.get(placeKey(path));
  walk.places.set(placeKey(path), { key: known?.key ?? position, value: position });
  if (isAlias(node)) return valueOfAlias(node, path, walk);
  if (isMap(node)) return mapOf(node, path, walk);
  if (isSeq(node)) return listOf(node, path, walk);
  return isScalar(node) ? scalarOf(node) : null;
}

/** Whether the document is still of a size that a configuration has. Said once: the walk ends where it is not. */
function fits(node: unknown, path: ConfigPath, walk: Walk): boolean {
  const tooDeep = path.length > deepest;
  if (walk.nodes <= mostNodes && !tooDeep) return true;
  const message = tooDeep ? 'it is nested too deeply' : 'it has too many values (aliases multiply them)';
  if (walk.nodes <= mostNodes + 1) complain(walk, node, { path, message, fix: 'Write it out more simply.' });
  walk.nodes = mostNodes + 1;
  return false;
}

function scalarOf(node: Scalar): unknown {
  const { value, source } = node;
  if (typeof value === 'number') return numberOf(value, source ?? String(value));
  return typeof value === 'bigint' ? value.toString() : value;
}

/** Whole numbers as numbers, also `60_000`; anything with a fraction or an exponent as its text. */
function numberOf(value: number, source: string): unknown {
  return Number.isSafeInteger(value) && /^[-+]?\d+$/.test(source) ? value : source;
}

function valueOfAlias(node: { readonly source: string }, path: ConfigPath, walk: Walk): unknown {
  walk.aliases += 1;
  if (walk.aliases > mostAliases) {
    if (walk.aliases === mostAliases + 1) {
      complain(walk, node, { path, message: `more than ${mostAliases} aliases (*name)`, fix: 'Write the values out.' });
    }
    return undefined;
  }
  const target = isAlias(node) ? node.resolve(walk.document) : undefined;
  if (target === undefined) {
    return complain(walk, node, { path, message: `nothing is named &${node.source}`, fix: 'Check the alias.' });
  }
  if (walk.within.has(target)) {
    return complain(walk, node, { path, message: `*${node.source} stands inside itself`, fix: 'Write it out.' });
  }
  const place = walk.places.get(placeKey(path));
  walk.aliased += 1;
  const value = valueOf(target, path, walk);
  walk.aliased -= 1;
  // A problem with the value is shown where the alias is used.
  if (place !== undefined) walk.places.set(placeKey(path), place);
  return value;
}

function listOf(node: YAMLSeq, path: ConfigPath, walk: Walk): unknown {
  walk.within.add(node);
  const list = node.items.map((item, index) => valueOf(isPair(item) ? null : item, [...path, index], walk));
  walk.within.delete(node);
  return list;
}

function mapOf(node: YAMLMap, path: ConfigPath, walk: Walk): unknown {
  walk.within.add(node);
  const map: Record<string, unknown> = Object.create(null);
  for (const pair of node.items) {
    const name = keyOf(pair, path, walk);
    if (name === undefined) continue;
    const inner = [...path, name];
    if (Object.hasOwn(map, name))
      complain(walk, pair.key, {
        path: inner,
        message: 'this key stands twice in one place',
        fix: 'Keep one of them.',
      });
    const keyPosition = walk.at(offsetOf(pair.key));
    walk.places.set(placeKey(inner), { key: keyPosition, value: keyPosition });
    map[name] = pair.value === null ? null : valueOf(pair.value, inner, walk);
  }
  walk.within.delete(node);
  return map;
}

function keyOf(pair: Pair, path: ConfigPath, walk: Walk): string | undefined {
  const { key } = pair;
  const value = isScalar(key) ? key.value : null;
  if (!isScalar(key) || value === null || typeof value === 'object') {
    return complain(walk, key ?? pair.value, { path, message: 'a key must be a word', fix: 'Put it in quotes.' });
  }
  // `5.4: …` is meant as the text that stands there.
  const name = typeof value === 'string' ? value : (key.source ?? '');
  if (name === '__proto__') return complain(walk, key, { path, message: `'${name}' is no key`, fix: 'Rename it.' });
  return name;
}
