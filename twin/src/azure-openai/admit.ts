import type { IncomingHttpHeaders } from 'node:http';
import type { Ask } from './ask.ts';
import type { Overload } from './capacity.ts';
import type { Deployment, Estate, Resource } from './estate.ts';
import { promptResults, contentFilters } from './filter.ts';
import { accessDenied, deploymentNotFound, invalid, Refusal, resourceNotFound, tokenRefused } from './refusal.ts';
import type { Route } from './route.ts';

/** The resource that a path names; an unknown one is not found, as its host would not be. */
export function resourceFor(route: Route, estate: Estate): Resource {
  const resource = route.resource === undefined ? estate.first : estate.resources.get(route.resource);
  if (resource === undefined) throw resourceNotFound();
  return resource;
}

/** `api-key` and access tokens on both surfaces; the key as a bearer token on v1 only, as the service takes it. */
export function checkCredentials(
  headers: IncomingHttpHeaders,
  given: { readonly key: string; readonly route: Route; readonly takesToken: (token: string) => boolean },
): void {
  const apiKey = headers['api-key'];
  if (apiKey !== undefined) {
    if (apiKey !== given.key) throw accessDenied();
    return;
  }
  const bearer = /^Bearer +(.+)$/i.exec(headers.authorization ?? '')?.[1];
  if (bearer === undefined) throw accessDenied();
  if (given.route.surface === 'v1' && bearer === given.key) return;
  if (!given.takesToken(bearer)) throw tokenRefused();
}

const dated = /^\d{4}-\d{2}-\d{2}(-preview)?$/;

export function checkApiVersion(route: Route): void {
  const { apiVersion, surface } = route;
  if (surface === 'classic') {
    if (apiVersion === undefined || !dated.test(apiVersion)) throw resourceNotFound();
  } else if (apiVersion !== undefined && apiVersion !== 'v1' && apiVersion !== 'preview') {
    throw new Refusal(400, { code: 'BadRequest', message: 'API version not supported' });
  }
}

const firstWithStreamOptions = '2024-09-01-preview';

/** `stream_options` came to the classic surface with 2024-09-01-preview. */
export function checkStreamOptions(route: Route, ask: Ask): void {
  if (ask.body['stream_options'] === undefined || ask.body['stream_options'] === null) return;
  if (route.surface === 'classic' && (route.apiVersion ?? '') < firstWithStreamOptions)
    throw invalid('Unrecognized request argument supplied: stream_options', { param: 'stream_options' });
  if (!ask.stream)
    throw invalid("The 'stream_options' parameter is only allowed when 'stream' is enabled.", {
      param: 'stream_options',
    });
}

const operationNames = {
  'chat.completions': 'chatCompletion',
  completions: 'completion',
  embeddings: 'embeddings',
  responses: 'responses',
} as const;
type CallOperation = keyof typeof operationNames;

/** Who serves the call, and whether their model can. */
export function deploymentFor(
  resource: Resource,
  asked: {
    readonly name: string;
    readonly operation: CallOperation;
    readonly strict: boolean;
    readonly batch?: boolean;
  },
): Deployment {
  const deployment = resource.deployments.get(asked.name);
  if (deployment === undefined) throw deploymentNotFound();
  if (deployment.forBatches !== (asked.batch === true))
    throw new Refusal(400, {
      code: 'OperationNotSupported',
      message: `The ${operationNames[asked.operation]} operation does not work with a deployment of type ${deployment.config.type}.`,
    });
  const { kind } = deployment;
  const able = asked.operation === 'embeddings' ? kind === 'embedding' : kind !== 'embedding';
  const wrongKind =
    asked.strict && (asked.operation === 'completions') !== (kind === 'completion') && kind !== 'embedding';
  if (!able || wrongKind)
    throw new Refusal(400, {
      code: 'OperationNotSupported',
      message: `The ${operationNames[asked.operation]} operation does not work with the specified model, ${deployment.config.model}. Please choose different model and try again. You can learn more about which models can be used with each operation here: https://go.microsoft.com/fwlink/?linkid=2197993.`,
    });
  return deployment;
}

/** What reasoning models refuse; checked only where the twin is strict. */
export function checkParameters(ask: Ask, deployment: Deployment): void {
  if (!deployment.reasons) return;
  if (ask.operation === 'chat.completions' && ask.body['max_tokens'] !== undefined)
    throw invalid(
      "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
      { param: 'max_tokens', code: 'unsupported_parameter' },
    );
  const temperature = ask.body['temperature'] ?? 1;
  if (temperature !== 1)
    throw invalid(
      "Unsupported value: 'temperature' does not support this value with this model. Only the default (1) value is supported.",
      { param: 'temperature', code: 'unsupported_value' },
    );
}

/** The 400 of a prompt that the content filter stopped. */
export function promptFiltered(ask: Ask): Refusal {
  const responses = ask.operation === 'responses';
  return new Refusal(400, {
    code: 'content_filter',
    message:
      "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please modify your prompt and retry. To learn more about our content filtering policies please read our documentation: https://go.microsoft.com/fwlink/?linkid=2198766",
    type: responses ? 'invalid_request_error' : null,
    param: 'prompt',
    more: {
      status: 400,
      innererror: { code: 'ResponsibleAIPolicyViolation', content_filter_result: promptResults(true) },
      ...(responses
        ? { content_filters: contentFilters({ prompt: true, completion: false }, ask.lastUserText.length) }
        : {}),
    },
  });
}

const throttledNames: Readonly<Record<string, string>> = {
  'chat.completions': 'ChatCompletions_Create',
  completions: 'Completions_Create',
  embeddings: 'Embeddings_Create',
  responses: 'Responses_Create',
};

/** The 429 of a deployment that takes no more. */
export function throttled(
  overload: Overload,
  given: { readonly route: Route; readonly deployment: Deployment },
): Refusal {
  const { route, deployment } = given;
  const wait = Math.max(1, Math.ceil(overload.retryAfterMs / 1000));
  const what = `Requests to the ${throttledNames[route.operation] ?? route.operation} Operation under Azure OpenAI API version ${route.apiVersion ?? 'v1'}`;
  const reasons = {
    requests: `${what} have exceeded call rate limit of your current OpenAI S0 pricing tier. Please retry after ${wait} seconds.`,
    tokens: `${what} have exceeded token rate limit of your current OpenAI S0 pricing tier. Please retry after ${wait} seconds.`,
    capacity: `The provisioned deployment is at full utilization. Please retry after ${wait} seconds.`,
  };
  const policies = { requests: 'DeploymentRatelimit-Call', tokens: 'DeploymentRatelimit-Token', capacity: undefined };
  const policy = policies[overload.of];
  return new Refusal(
    429,
    { code: '429', message: reasons[overload.of] },
    {
      ...deployment.capacity.headers(),
      'retry-after': String(wait),
      'retry-after-ms': String(overload.retryAfterMs),
      ...(policy === undefined ? {} : { 'policy-id': policy }),
    },
  );
}
