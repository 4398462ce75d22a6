import type { StoredOperation } from './operation.ts';

const collections = ['responses', 'conversations', 'files', 'batches'] as const;
type Collection = (typeof collections)[number];

/** How an operation on something stored is called: by the client, and at the resource. */
export interface StoredCallShape {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly collection: Collection;
  /** What follows the collection in the path: `id` and `item` stand for ids, everything else for itself. */
  readonly steps: readonly string[];
  /** Names of the query that go on; everything else (an api-version, a key) stays here. */
  readonly query: readonly string[];
  readonly body: boolean;
}

const included = ['include', 'include[]'] as const;
const paged = [...included, 'limit', 'order', 'after', 'before'] as const;

/** Source: OpenAI API reference, responses and conversations; Azure's has the same paths on its v1 surface. */
export const storedCalls: Readonly<Record<StoredOperation, StoredCallShape>> = {
  'responses.retrieve': of('GET', 'responses/id', [...included, 'include_obfuscation']),
  'responses.delete': of('DELETE', 'responses/id'),
  'responses.cancel': of('POST', 'responses/id/cancel'),
  'responses.input_items': of('GET', 'responses/id/input_items', paged),
  'conversations.create': withBody(of('POST', 'conversations')),
  'conversations.retrieve': of('GET', 'conversations/id'),
  'conversations.update': withBody(of('POST', 'conversations/id')),
  'conversations.delete': of('DELETE', 'conversations/id'),
  'conversations.items.create': withBody(of('POST', 'conversations/id/items', included)),
  'conversations.items.list': of('GET', 'conversations/id/items', paged),
  'conversations.items.retrieve': of('GET', 'conversations/id/items/item', included),
  'conversations.items.delete': of('DELETE', 'conversations/id/items/item'),
  'files.create': withBody(of('POST', 'files')),
  'files.list': of('GET', 'files', ['purpose', 'limit', 'order', 'after']),
  'files.retrieve': of('GET', 'files/id'),
  'files.delete': of('DELETE', 'files/id'),
  'files.content': of('GET', 'files/id/content'),
  'batches.create': withBody(of('POST', 'batches')),
  'batches.list': of('GET', 'batches', ['limit', 'after']),
  'batches.retrieve': of('GET', 'batches/id'),
  'batches.cancel': of('POST', 'batches/id/cancel'),
};

export const storedOperations: readonly StoredOperation[] = Object.keys(storedCalls).filter(
  (name): name is StoredOperation => Object.hasOwn(storedCalls, name),
);

function of(method: StoredCallShape['method'], path: string, query: readonly string[] = []): StoredCallShape {
  const [first, ...steps] = path.split('/');
  const collection = collections.find((one) => one === first);
  if (collection === undefined) throw new Error(`Nothing is stored under '${path}'.`);
  return { method, collection, steps, query, body: false };
}

function withBody(shape: StoredCallShape): StoredCallShape {
  return { ...shape, body: true };
}
