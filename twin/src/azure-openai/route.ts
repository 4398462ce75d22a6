import type { Operation } from './ask.ts';

export type Surface = 'classic' | 'v1';

/** What a path means. `deployment` stands in the path on the classic surface only. */
export interface Route {
  readonly resource: string | undefined;
  readonly surface: Surface;
  readonly operation: Operation;
  readonly method: 'GET' | 'POST';
  readonly deployment: string | undefined;
  /** The model of `models/{id}`. */
  readonly model: string | undefined;
  readonly apiVersion: string | undefined;
}

const calls: Readonly<Record<string, Operation>> = {
  'chat/completions': 'chat.completions',
  completions: 'completions',
  embeddings: 'embeddings',
};

/** Undefined where no operation of Azure OpenAI has this path. */
export function routeOf(target: string): Route | undefined {
  const question = target.indexOf('?');
  const path = question < 0 ? target : target.slice(0, question);
  const query = question < 0 ? undefined : new URLSearchParams(target.slice(question + 1));
  const steps = path.split('/').slice(1).map(decoded);
  const at = steps.indexOf('openai');
  if (at < 0 || at > 1 || steps.includes(undefined)) return undefined;
  const rest = steps.slice(at + 1).map((step) => step ?? '');
  const found = rest[0] === 'v1' ? v1Route(rest.slice(1)) : classicRoute(rest);
  if (found === undefined) return undefined;
  return {
    resource: at === 1 ? steps[0] : undefined,
    method: found.operation.startsWith('models') ? 'GET' : 'POST',
    deployment: undefined,
    model: undefined,
    apiVersion: query?.get('api-version') ?? undefined,
    ...found,
  };
}

type Found = Pick<Route, 'surface' | 'operation'> & Partial<Pick<Route, 'deployment' | 'model'>>;

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
