/** The environment variables that the configuration refers to: the file itself holds no key. */
export const callerKeyVariable = 'BENCH_CALLER_KEY';
export const upstreamKeyVariable = 'BENCH_UPSTREAM_KEY';

/** One deployment of a model. */
export interface BenchEndpoint {
  readonly name: string;
  /** The name that requests ask for; endpoints of one model share its calls equally. */
  readonly model: string;
  /** Base URL. */
  readonly resource: string;
  readonly region: string;
  /** Reports by deployment show it. */
  readonly deployment: string;
  readonly type: 'GlobalStandard' | 'DataZoneStandard';
}

/** Three limits and two hard budgets on every call, too wide to refuse any. */
const limits = {
  product: [
    '    limits:',
    '      requestsPerMinute: 1000000000',
    '      tokensPerMinute: 1000000000000',
    '      concurrentRequests: 1000000',
  ],
  costCentre: ', budget: { amount: 1000000 USD, every: year, hard: true }',
  consumers: ['consumers:', '  bench: { budget: { amount: 1000000 USD, every: month, hard: true } }'],
};

/**
 * The configuration of the gateway under test, as a small team's would be: nothing is turned off, and what is not said
 * has its default (journal and store on, durability `process`, a price required for every call, one log line a request).
 */
export function benchConfig(endpoints: readonly BenchEndpoint[], limited: boolean): string {
  const models = [...new Set(endpoints.map((endpoint) => endpoint.model))];
  const serving = (model: string): string =>
    endpoints
      .filter((endpoint) => endpoint.model === model)
      .map((endpoint) => `{ endpoint: ${endpoint.name}, weight: 50 }`)
      .join(', ');
  const lines = [
    'organisation: contoso',
    'costCentres:',
    `  load: { name: Load${limited ? limits.costCentre : ''} }`,
    ...(limited ? limits.consumers : []),
    'products:',
    '  standard:',
    `    models: [${models.join(', ')}]`,
    '    caps: { maxOutputTokens: 4096 }',
    '    unpriced: refuse',
    ...(limited ? limits.product : []),
    'subscriptions:',
    '  bench:',
    '    product: standard',
    '    consumer: bench',
    '    costCentre: load',
    `    keys: { primary: "\${${callerKeyVariable}}" }`,
    'endpoints:',
    ...endpoints.flatMap((endpoint) => [
      `  ${endpoint.name}:`,
      `    resource: ${endpoint.resource}`,
      `    region: ${endpoint.region}`,
      `    deployment: ${endpoint.deployment}`,
      `    model: ${endpoint.model}`,
      `    type: ${endpoint.type}`,
      `    auth: { key: "\${${upstreamKeyVariable}}" }`,
    ]),
    'models:',
    ...models.map((model) => `  ${model}: { tiers: [[${serving(model)}]] }`),
    'ledger: { durability: process }',
  ];
  return `${lines.join('\n')}\n`;
}
