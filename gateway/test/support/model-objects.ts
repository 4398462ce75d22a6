import type { Endpoint } from '#model/endpoint.ts';
import { defaultHealthRules } from '#model/health-rules.ts';
import type { ModelRoute } from '#model/model-route.ts';

export function endpointNamed(name: string, changes: Partial<Endpoint> = {}): Endpoint {
  return {
    name,
    resource: `https://${name}.openai.azure.com`,
    resourceName: name,
    region: 'westeurope',
    deployment: `${name}-deployment`,
    deploymentType: 'GlobalStandard',
    model: 'gpt-5.4-mini',
    modelVersion: null,
    surface: { kind: 'v1' },
    credential: { kind: 'api-key', key: 'upstream-key' },
    health: defaultHealthRules,
    yieldAt: null,
    maxInFlight: null,
    drain: false,
    ...changes,
  };
}

export function routeOver(
  tiers: readonly (readonly (readonly [Endpoint, number])[])[],
  changes: Partial<ModelRoute> = {},
): ModelRoute {
  return {
    name: 'gpt-5.4-mini',
    tiers: tiers.map((tier) => ({
      endpoints: tier.map(([endpoint, weight]) => ({ endpoint, weight })),
      balancer: 'weighted-random',
    })),
    endpoints: tiers.flat().map(([endpoint]) => endpoint),
    batch: [],
    sessionKey: { from: 'prompt_cache_key' },
    deadlineMs: 120_000,
    streamDeadlineMs: changes.deadlineMs ?? 120_000,
    firstByteTimeoutMs: 60_000,
    replyTimeoutMs: null,
    idleTimeoutMs: 60_000,
    maxAttempts: 3,
    retries: { share: 0.2, atLeast: 3 },
    queue: null,
    onClientDisconnect: 'cancel',
    maxInput: 272_000,
    maxOutput: 128_000,
    tokenizer: 'o200k_base',
    ...changes,
  };
}
