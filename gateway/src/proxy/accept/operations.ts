import { Failure } from '#kernel/errors.ts';
import type { StoredTarget } from '#model/arrival.ts';
import { isStored, type Operation, type StoredOperation, type Surface } from '#model/operation.ts';
import { storedCalls, storedOperations, type StoredCallShape } from '#model/stored-calls.ts';

/** What a path means. */
export interface Target {
  readonly surface: Surface;
  readonly operation: Operation | StoredOperation;
  readonly pathModel: string | null;
  readonly stored?: StoredTarget;
}

const metered: ReadonlyMap<string, Operation> = new Map([
  ['chat/completions', 'chat.completions'],
  ['completions', 'completions'],
  ['embeddings', 'embeddings'],
]);

/**
 * What Azure OpenAI offers beyond the metered operations, by first path segment, so that the refusal can say "not yet"
 * instead of "unknown". Source: the Azure OpenAI REST reference, data plane, classic and v1.
 */
const knownElsewhere = new Set([
  'assistants',
  'audio',
  'chat',
  'chatkit',
  'containers',
  'evals',
  'extensions',
  'fine_tuning',
  'fine-tunes',
  'images',
  'ingestion',
  'moderations',
  'realtime',
  'responses',
  'threads',
  'uploads',
  'vector_stores',
  'videos',
  'video',
  'models',
]);

function decodeSegment(segment: string): string | null {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return null;
  }
}

function notFound(): Failure {
  return new Failure('not_found', 'No operation of Azure OpenAI has this path.');
}

function elsewhere(rest: string): Failure {
  const first = rest.split('/', 1)[0] ?? '';
  return knownElsewhere.has(first)
    ? new Failure('operation_not_metered', `The operation '${first}' is not served: Tollgate cannot meter it yet.`)
    : notFound();
}

function modelsOf(surface: Surface, rest: string): Target | undefined {
  if (rest === 'models') return { surface, operation: 'models.list', pathModel: null };
  if (!rest.startsWith('models/')) return undefined;
  const name = decodeSegment(rest.slice('models/'.length));
  if (name === null || name === '' || name.includes('/')) throw notFound();
  return { surface, operation: 'models.retrieve', pathModel: name };
}

/** Where stored things have their paths. */
const ofStored = /^(?:responses\/|(?:conversations|files|batches)(?:\/|$))/;
/** These are no ids. */
const unmetered = new Set(['responses/compact', 'responses/input_tokens']);

/** The ids in a path of this shape; undefined where it has another one. */
function storedIn({ collection, steps }: StoredCallShape, path: readonly string[]): StoredTarget | undefined {
  if (path[0] !== collection || path.length !== steps.length + 1) return undefined;
  const ids = { id: null as string | null, item: null as string | null };
  for (const [at, step] of steps.entries()) {
    const given = path[at + 1] ?? '';
    if (step !== 'id' && step !== 'item') {
      if (step !== given) return undefined;
    } else {
      const decoded = decodeSegment(given);
      if (decoded === null || decoded === '') throw notFound();
      ids[step] = decoded;
    }
  }
  return ids;
}

/** What is done with something stored. Where no operation of this path has the method, one of the others is named. */
function storedOf(surface: Surface, rest: string, method: string | undefined): Target | undefined {
  if (!ofStored.test(rest)) return undefined;
  if (unmetered.has(rest)) return undefined;
  const path = rest.split('/');
  let found: Target | undefined;
  for (const operation of storedOperations) {
    const shape = storedCalls[operation];
    if (found !== undefined && shape.method !== method) continue;
    const stored = storedIn(shape, path);
    if (stored === undefined) continue;
    found = { surface, operation, pathModel: null, stored };
    if (shape.method === method) break;
  }
  if (found === undefined) throw notFound();
  return found;
}

function classicTarget(rest: string, method: string | undefined): Target {
  const stored = storedOf('classic', rest, method);
  if (stored !== undefined) return stored;
  if (rest === 'responses') return { surface: 'classic', operation: 'responses', pathModel: null };
  const models = modelsOf('classic', rest);
  if (models !== undefined) return models;
  if (!rest.startsWith('deployments/')) throw elsewhere(rest);
  const slash = rest.indexOf('/', 'deployments/'.length);
  const deployment = slash === -1 ? null : decodeSegment(rest.slice('deployments/'.length, slash));
  if (deployment === null || deployment === '') throw notFound();
  const tail = rest.slice(slash + 1);
  const operation = metered.get(tail);
  if (operation === undefined) throw elsewhere(tail);
  return { surface: 'classic', operation, pathModel: deployment };
}

function v1Target(rest: string, method: string | undefined): Target {
  const stored = storedOf('v1', rest, method);
  if (stored !== undefined) return stored;
  const operation = rest === 'responses' ? 'responses' : metered.get(rest);
  if (operation !== undefined) return { surface: 'v1', operation, pathModel: null };
  const models = modelsOf('v1', rest);
  if (models !== undefined) return models;
  throw elsewhere(rest);
}

/** Finds the operation of a path (without its query) and method; throws `not_found` or `operation_not_metered`. */
export function targetOf(path: string, method?: string): Target {
  if (path.startsWith('/openai/v1/')) return v1Target(path.slice('/openai/v1/'.length), method);
  if (path.startsWith('/openai/')) return classicTarget(path.slice('/openai/'.length), method);
  if (path.startsWith('/v1/')) return v1Target(path.slice('/v1/'.length), method);
  throw notFound();
}

function methodsOfPath({ collection, steps }: StoredCallShape): readonly string[] {
  const path = [collection, ...steps].join('/');
  return Object.values(storedCalls).flatMap((one) =>
    [one.collection, ...one.steps].join('/') === path ? [one.method] : [],
  );
}

/** How the path of an operation is called. */
export function methodsOf(operation: Operation | StoredOperation): readonly string[] {
  if (isStored(operation)) return methodsOfPath(storedCalls[operation]);
  return [operation === 'models.list' || operation === 'models.retrieve' ? 'GET' : 'POST'];
}
