import type { Operation } from './ask.ts';

export type Surface = 'classic' | 'v1';

/** What a path means. `deployment` stands in the path on the classic surface only. */
export interface Route {
  readonly resource: string | undefined;
  readonly surface: Surface;
  readonly operation: Operation;
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly deployment: string | undefined;
  /** The model of `models/{id}`. */
  readonly model: string | undefined;
  /** The response of `responses/{id}`. */
  readonly stored: string | undefined;
  readonly apiVersion: string | undefined;
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
    method: methods[found.operation] ?? 'POST',
    deployment: undefined,
    model: undefined,
    stored: undefined,
    apiVersion: new URLSearchParams(query).get('api-version') ?? undefined,
    ...found,
  };
}

type Found = Pick<Route, 'surface' | 'operation'> & Partial<Pick<Route, 'deployment' | 'model' | 'stored'>>;

const methods: Partial<Record<Operation, Route['method']>> = {
  'models.list': 'GET',
  'models.retrieve': 'GET',
  'responses.retrieve': 'GET',
  'responses.delete': 'DELETE',
  'responses.input_items': 'GET',
};

const storedOperations: Readonly<Record<string, Operation>> = {
  cancel: 'responses.cancel',
  input_items: 'responses.input_items',
};

/** `responses/{id}`, `responses/{id}/cancel`, `responses/{id}/input_items`, on both surfaces. */
function storedRoute(rest: readonly string[], method: string): Found | undefined {
  const v1 = rest[0] === 'v1';
  const [first, stored, what, ...more] = v1 ? rest.slice(1) : rest;
  if (first !== 'responses' || stored === undefined || stored === '' || more.length > 0) return undefined;
  const plain = method === 'DELETE' ? 'responses.delete' : 'responses.retrieve';
  const operation = what === undefined ? plain : storedOperations[what];
  return operation === undefined ? undefined : { surface: v1 ? 'v1' : 'classic', operation, stored };
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
