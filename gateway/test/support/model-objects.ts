import type { Endpoint } from '#model/endpoint.ts';
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
    ...changes,
  };
}

export function routeOver(
  tiers: readonly (readonly (readonly [Endpoint, number])[])[],
  changes: Partial<ModelRoute> = {},
): ModelRoute {
  return {
    name: 'gpt-5.4-mini',
    tiers: tiers.map((tier) => tier.map(([endpoint, weight]) => ({ endpoint, weight }))),
    endpoints: tiers.flat().map(([endpoint]) => endpoint),
    deadlineMs: 120_000,
    idleTimeoutMs: 60_000,
    maxAttempts: 3,
    onClientDisconnect: 'cancel',
    tokenizer: 'o200k_base',
    ...changes,
  };
}
