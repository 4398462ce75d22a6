import { rootKey } from '@tollgate/contract/configuration-keys.ts';
import { Document, isAlias, isMap, isNode, isScalar, parseDocument, visit, type Node } from 'yaml';

/** What is written under a key. */
export interface Entry {
  readonly key: string;
  readonly value: string;
}

export type Split =
  | { readonly entries: readonly Entry[] }
  /** What cannot be put into keys, and what to do. */
  | { readonly problem: string; readonly fix: string };

export const contentType = 'application/yaml';
/** The service takes 10 KB of key, label, value and attributes together; how it counts is not said to the byte. */
const mostBytes = 9 * 1024;

class Unsplittable extends Error {
  readonly fix: string;
  constructor(message: string, fix: string) {
    super(message);
    this.fix = fix;
  }
}

/**
 * A configuration as key values: one for each section, and where a section is larger than the service takes, one for each of
 * its entries, and so on. Text stays as it stands: a price is never read as a number.
 */
export function splitConfiguration(text: string): Split {
  const document = parseDocument(text, { schema: 'failsafe', version: '1.2', uniqueKeys: false });
  if (document.errors.length > 0 || !isMap(document.contents))
    return { problem: 'it is no map of settings', fix: 'What is wrong with it: `tollgate config check FILE`.' };
  expandAliases(document);
  const entries: Entry[] = [];
  try {
    for (const { name, node } of pairsOf(document.contents, [])) put(entries, [name], node);
  } catch (thrown) {
    if (!(thrown instanceof Unsplittable)) throw thrown;
    return { problem: thrown.message, fix: thrown.fix };
  }
  return { entries };
}

/** What two sections share would otherwise stand in one of them alone. */
function expandAliases(document: Document.Parsed): void {
  visit(document, {
    Alias(_key, alias) {
      const copy: unknown = alias.resolve(document)?.clone();
      return isNode(copy) ? copy : undefined;
    },
  });
  visit(document, {
    Node(_key, node) {
      if (!isAlias(node)) delete node.anchor;
      // Nothing means null; in words, because text that stands alone would be an empty string.
      if (isScalar(node) && node.type === 'PLAIN' && node.value === '') node.value = 'null';
    },
  });
}

function pairsOf(node: Node | null, path: readonly string[]): readonly { name: string; node: Node | null }[] {
  if (!isMap<Node, Node | null>(node)) return [];
  return node.items.map(({ key, value }) => {
    const name = isScalar(key) ? String(key.value) : '';
    if (name === '' || name.includes(':'))
      throw new Unsplittable(
        `${[...path, name].join('.')} is no name that a key can have`,
        'Rename it: a colon parts the names of a key.',
      );
    return { name, node: value };
  });
}

function put(entries: Entry[], path: readonly string[], node: Node | null): void {
  const key = [rootKey, ...path].join(':');
  const value = textOf(node);
  if (bytesOf({ key, value }) <= mostBytes) {
    entries.push({ key, value });
    return;
  }
  const inner = pairsOf(node, path);
  if (inner.length === 0)
    throw new Unsplittable(
      `${path.join('.')} has ${Buffer.byteLength(value)} bytes, and a key value at most 10 KB`,
      'It is no map that could be put into several keys: make it smaller.',
    );
  for (const one of inner) put(entries, [...path, one.name], one.node);
}

/** With room for a label of the usual length. */
const bytesOf = (entry: Entry): number => Buffer.byteLength(JSON.stringify({ ...entry, contentType })) + 256;

function textOf(node: Node | null): string {
  if (node === null) return 'null\n';
  const alone = new Document(undefined, { schema: 'failsafe', version: '1.2' });
  alone.contents = node;
  return alone.toString({ lineWidth: 0 });
}
