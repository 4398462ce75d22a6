import type { Operation, StoredOperation } from './ask.ts';

export type Surface = 'classic' | 'v1';

/** Something stored, by its ids; '' where the path has none. */
interface StoredThing {
  readonly id: string;
  readonly item: string;
}

/** What a path means. `deployment` stands in the path on the classic surface only. */
export interface Route {
  readonly resource: string | undefined;
  readonly surface: Surface;
  readonly operation: Operation;
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly deployment: string | undefined;
  /** The model of `models/{id}`. */
  readonly model: string | undefined;
  /** What is asked for of responses, conversations, files and batches; undefined elsewhere. */
  readonly stored: StoredThing | undefined;
  readonly apiVersion: string | undefined;
  readonly query: URLSearchParams;
}

const calls: Readonly<Record<string, Operation>> = {
  'chat/completions': 'chat.completions',
  completions: 'completions',
  embeddings: 'embeddings',
};

/** Undefined where no operation of Azure OpenAI has this path. */
export function routeOf(target: string, method = 'POST'): Route | undefined {
  const [path = '', query = ''] = target.split(/\?(.*)/s, 2);
  const steps = path.split('/').slice(1).map(decoded);
  const at = steps.indexOf('openai');
  if (at < 0 || at > 1 || steps.includes(undefined)) return undefined;
  const rest = steps.slice(at + 1).map((step) => step ?? '');
  const found = storedRoute(rest, method) ?? surfaceRoute(rest);
  if (found === undefined) return undefined;
  return {
    resource: at === 1 ? steps[0] : undefined,
    method: methodOf(found.operation),
    deployment: undefined,
    model: undefined,
    stored: undefined,
    query: new URLSearchParams(query),
    apiVersion: new URLSearchParams(query).get('api-version') ?? undefined,
    ...found,
  };
}

type Found = Pick<Route, 'surface' | 'operation'> & Partial<Pick<Route, 'deployment' | 'model' | 'stored'>>;

/** Method and path of everything that is about something stored. */
const storedCalls: Readonly<Record<StoredOperation, readonly [Route['method'], string]>> = {
  'responses.retrieve': ['GET', 'responses/:id'],
  'responses.delete': ['DELETE', 'responses/:id'],
  'responses.cancel': ['POST', 'responses/:id/cancel'],
  'responses.input_items': ['GET', 'responses/:id/input_items'],
  'conversations.create': ['POST', 'conversations'],
  'conversations.retrieve': ['GET', 'conversations/:id'],
  'conversations.update': ['POST', 'conversations/:id'],
  'conversations.delete': ['DELETE', 'conversations/:id'],
  'conversations.items.create': ['POST', 'conversations/:id/items'],
  'conversations.items.list': ['GET', 'conversations/:id/items'],
  'conversations.items.retrieve': ['GET', 'conversations/:id/items/:item'],
  'conversations.items.delete': ['DELETE', 'conversations/:id/items/:item'],
  'files.create': ['POST', 'files'],
  'files.list': ['GET', 'files'],
  'files.retrieve': ['GET', 'files/:id'],
  'files.delete': ['DELETE', 'files/:id'],
  'files.content': ['GET', 'files/:id/content'],
  'batches.create': ['POST', 'batches'],
  'batches.list': ['GET', 'batches'],
  'batches.retrieve': ['GET', 'batches/:id'],
  'batches.cancel': ['POST', 'batches/:id/cancel'],
};
const storedOperations = Object.keys(storedCalls).filter((name): name is StoredOperation =>
  Object.hasOwn(storedCalls, name),
);

function methodOf(operation: Operation): Route['method'] {
  if (operation === 'models.list' || operation === 'models.retrieve') return 'GET';
  const stored = storedOperations.find((one) => one === operation);
  return stored === undefined ? 'POST' : storedCalls[stored][0];
}

/** The ids where the steps fit the path. */
function idsIn(path: string, steps: readonly string[]): StoredThing | undefined {
  const pattern = path.split('/');
  if (pattern.length !== steps.length) return undefined;
  const ids = { id: '', item: '' };
  for (const [at, step] of steps.entries()) {
    const expected = pattern[at];
    if (expected === ':id') ids.id = step;
    else if (expected === ':item') ids.item = step;
    else if (expected !== step) return undefined;
    if (step === '') return undefined;
  }
  return ids;
}

/** On both surfaces. Where no operation of this path has the method, the first one of the path is meant. */
function storedRoute(rest: readonly string[], method: string): Found | undefined {
  const v1 = rest[0] === 'v1';
  const steps = v1 ? rest.slice(1) : rest;
  const fitting = storedOperations.flatMap((operation) => {
    const stored = idsIn(storedCalls[operation][1], steps);
    return stored === undefined ? [] : [{ operation, stored }];
  });
  const found = fitting.find(({ operation }) => storedCalls[operation][0] === method) ?? fitting[0];
  return found === undefined ? undefined : { surface: v1 ? 'v1' : 'classic', ...found };
}

function surfaceRoute(rest: readonly string[]): Found | undefined {
  return rest[0] === 'v1' ? v1Route(rest.slice(1)) : classicRoute(rest);
}

function v1Route(steps: readonly string[]): Found | undefined {
  const path = steps.join('/');
  const call = path === 'responses' ? 'responses' : calls[path];
  return call === undefined ? modelsRoute(steps, 'v1') : { surface: 'v1', operation: call };
}

function classicRoute(steps: readonly string[]): Found | undefined {
  const [first, deployment, ...rest] = steps;
  if (first === 'responses' && steps.length === 1) return { surface: 'classic', operation: 'responses' };
  if (first !== 'deployments') return modelsRoute(steps, 'classic');
  const operation = calls[rest.join('/')];
  if (operation === undefined || deployment === undefined || deployment === '') return undefined;
  return { surface: 'classic', operation, deployment };
}

function modelsRoute(steps: readonly string[], surface: Surface): Found | undefined {
  const [first, model] = steps;
  if (first !== 'models' || steps.length > 2) return undefined;
  return model === undefined || model === ''
    ? { surface, operation: 'models.list' }
    : { surface, operation: 'models.retrieve', model };
}

function decoded(step: string): string | undefined {
  if (!step.includes('%')) return step;
  try {
    return decodeURIComponent(step);
  } catch {
    return undefined;
  }
}
