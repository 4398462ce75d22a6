import type { ConfigFinding, ConfigPath } from '#kernel/config-section.ts';
import type { Secret } from '#kernel/secret.ts';
import type { ModelCatalogue } from '#model/model-catalogue.ts';
import { findingsOfBatch } from './batch-config.ts';
import { findingsOfPtu, type PtuValues } from './ptu-config.ts';

export interface RoutingFacts {
  readonly catalogue: ModelCatalogue;
  /** The token providers that an endpoint may name. */
  readonly tokenProviders: readonly string[];
}

interface EndpointValues {
  readonly resource: string;
  readonly deployment: string;
  readonly model: string;
  readonly modelVersion?: string | undefined;
  readonly type: string;
  readonly yieldAt?: Readonly<Record<string, number | undefined>> | undefined;
  readonly auth: { readonly key: unknown } | { readonly token: { readonly provider: string } };
  readonly ptu?: PtuValues | undefined;
}
type Endpoints = Readonly<Record<string, EndpointValues>>;
interface TierValues {
  readonly endpoints: readonly { readonly endpoint: string; readonly weight: number }[];
  readonly priority: number | undefined;
  readonly balancer: string | undefined;
}
interface RouteValues {
  readonly tiers: readonly TierValues[];
  readonly batch?: readonly string[] | undefined;
  readonly deadline: number;
  readonly queue?: { readonly maxWait: number } | undefined;
}
type Routes = Readonly<Record<string, RouteValues>>;

interface RoutingValues {
  readonly affinity: { readonly keys: readonly Secret[] };
}

/** Shorter keys could be guessed. */
const leastKeyLength = 32;

function ofSigningKeys(keys: readonly Secret[]): readonly ConfigFinding[] {
  const texts = keys.map((key) => key.reveal());
  return texts.flatMap((text, at) => [
    ...(text === '' || text.length >= leastKeyLength
      ? []
      : [
          {
            path: ['routing', 'affinity', 'keys', at],
            message: `a signing key has at least ${leastKeyLength} characters`,
            fix: 'Make one: openssl rand -base64 32.',
          },
        ]),
    ...(text === '' || texts.indexOf(text) === at
      ? []
      : [
          {
            path: ['routing', 'affinity', 'keys', at],
            message: 'it is the same key as an earlier one',
            fix: 'Take one of them out.',
          },
        ]),
  ]);
}

/** What no schema can say about endpoints and models. Unknown names are found by the loader. */
export function findingsOfRouting(
  values: { readonly endpoints?: Endpoints; readonly models?: Routes; readonly routing?: RoutingValues },
  facts: RoutingFacts,
): readonly ConfigFinding[] {
  const { endpoints, models, routing } = values;
  return [
    ...ofSigningKeys(routing?.affinity.keys ?? []),
    ...(endpoints === undefined
      ? []
      : Object.entries(endpoints).flatMap(([name, one]) => ofEndpoint(name, one, facts))),
    ...(endpoints === undefined ? [] : sameDeploymentTwice(endpoints)),
    ...(models === undefined
      ? []
      : Object.entries(models).flatMap(([name, one]) => findingsOfRoute(one, ['models', name]))),
    ...(endpoints === undefined || models === undefined
      ? []
      : [...ofRoutes(endpoints, models), ...findingsOfBatch(endpoints, models)]),
  ];
}

function ofEndpoint(name: string, endpoint: EndpointValues, facts: RoutingFacts): readonly ConfigFinding[] {
  const at = (key: string) => ['endpoints', name, key];
  return [
    ...ofYielding(endpoint, at),
    ...ofResource(endpoint.resource, at),
    ...ofModel(endpoint, facts.catalogue, at),
    ...ofAuth(endpoint, facts, at),
    ...findingsOfPtu(['endpoints', name], endpoint),
  ];
}

type At = (key: string) => readonly string[];

/** Only provisioned throughput says how full it is. */
function ofYielding({ yieldAt, type }: EndpointValues, at: At): readonly ConfigFinding[] {
  if (yieldAt === undefined) return [];
  if (!type.endsWith('ProvisionedManaged')) {
    return [
      {
        path: at('yieldAt'),
        message: `a deployment of type ${type} does not say how full it is`,
        fix: 'Take it out: it is for provisioned types.',
      },
    ];
  }
  const empty = Object.entries(yieldAt).filter(([, share]) => share === 0);
  return empty.map(([priority]) => ({
    path: [...at('yieldAt'), priority],
    message: 'at 0% it would never be used',
    fix: 'Take the endpoint out of the tiers, or name a share above 0%.',
  }));
}

/** On this machine nobody stands in the way. */
const goesInClear = ({ protocol, hostname }: URL): boolean =>
  protocol === 'http:' && !/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);

function ofResource(resource: string, at: At): readonly ConfigFinding[] {
  const findings: ConfigFinding[] = [];
  const url = new URL(resource);
  if (/\/openai(\/v1)?$/.test(url.pathname)) {
    findings.push({
      path: at('resource'),
      message: 'it ends with the path of the API, which Tollgate adds itself',
      fix: `Write ${resource.replace(/\/openai(\/v1)?$/, '')}.`,
    });
  }
  if (goesInClear(url)) {
    findings.push({
      path: at('resource'),
      severity: 'warning',
      message: 'the key of the resource and every prompt go over the network in clear',
      fix: 'Use https.',
    });
  }
  return findings;
}

function ofModel(endpoint: EndpointValues, catalogue: ModelCatalogue, at: At): readonly ConfigFinding[] {
  const findings: ConfigFinding[] = [];
  const known = catalogue.get(endpoint.model);
  if (known === undefined) {
    findings.push({
      path: at('model'),
      severity: 'warning',
      message: `'${endpoint.model}' is not in the shipped list of models: it has no list price, and its usage cannot be counted where Azure reports none`,
      fix: 'Check the name; add its prices under `prices`.',
    });
  } else if (
    endpoint.modelVersion !== undefined &&
    !known.versions.some((one) => one.version === endpoint.modelVersion)
  ) {
    findings.push({
      path: at('modelVersion'),
      severity: 'warning',
      message: `version '${endpoint.modelVersion}' of ${endpoint.model} is not in the shipped list of models`,
      fix: `Known: ${known.versions.map((one) => one.version).join(', ')}.`,
    });
  }
  return findings;
}

function ofAuth(endpoint: EndpointValues, { tokenProviders }: RoutingFacts, at: At): readonly ConfigFinding[] {
  if (!('token' in endpoint.auth)) return [];
  const findings: ConfigFinding[] = [];
  if (goesInClear(new URL(endpoint.resource)))
    findings.push({
      path: at('resource'),
      message: 'an access token would go to this address in clear, and whoever reads it can use it elsewhere',
      fix: 'Use https.',
    });
  if (tokenProviders.includes(endpoint.auth.token.provider)) return findings;
  return [
    ...findings,
    {
      path: [...at('auth'), 'token', 'provider'],
      message: `there is no token provider '${endpoint.auth.token.provider}'`,
      fix:
        tokenProviders.length === 0
          ? 'None is available in this version: use auth: { key: "${NAME}" }.'
          : `Available: ${tokenProviders.join(', ')}.`,
    },
  ];
}

function sameDeploymentTwice(endpoints: Endpoints): readonly ConfigFinding[] {
  const findings: ConfigFinding[] = [];
  const seen = new Map<string, string>();
  for (const [name, { resource, deployment }] of Object.entries(endpoints)) {
    // Host names know no case, and Azure's deployment names neither.
    const key = `${resource} ${deployment}`.toLowerCase();
    const other = seen.get(key);
    if (other === undefined) seen.set(key, name);
    else {
      findings.push({
        path: ['endpoints', name, 'deployment'],
        message: `it is the same deployment as endpoint '${other}'`,
        fix: 'Use that endpoint in every tier that needs it, and delete this one.',
      });
    }
  }
  return findings;
}

/** What no schema can say about one model: `models.<name>`, or the model of a simulation. */
export function findingsOfRoute({ tiers, deadline, queue }: RouteValues, path: ConfigPath): readonly ConfigFinding[] {
  const findings = findingsOfTiers(tiers, [...path, 'tiers']);
  if (queue === undefined || queue.maxWait < deadline) return findings;
  const late: ConfigFinding = {
    path: [...path, 'queue', 'maxWait'],
    message: 'a call that waited so long would have no time left: it is not shorter than `deadline`',
    fix: 'Name a shorter wait, or a later deadline.',
  };
  return [...findings, late];
}

/** What is wrong with the tiers of a model; `path` leads to them. */
function findingsOfTiers(tiers: readonly TierValues[], path: ConfigPath): readonly ConfigFinding[] {
  const seen = new Map<string, number>();
  return tiers.flatMap((tier, at) => [...ofPriority(tier, at, [...path, at]), ...ofTier(tier, { at, seen, path })]);
}

/** A priority says again what the order says; where they differ, one of them is not what its writer meant. */
function ofPriority({ priority }: TierValues, at: number, path: ConfigPath): readonly ConfigFinding[] {
  if (priority === undefined || priority === at + 1) return [];
  const gap = priority > at + 1;
  return [
    {
      path: [...path, 'priority'],
      message: `priority ${priority} stands at place ${at + 1}${gap ? `: there is no tier of priority ${at + 1}` : ''}`,
      fix: `Write ${at + 1}, or leave it out: tiers are tried in their order.`,
    },
  ];
}

interface AtTier {
  readonly at: number;
  /** Leads to the tiers. */
  readonly path: ConfigPath;
  /** Endpoint -> its tier. */
  readonly seen: Map<string, number>;
}

function ofTier(tier: TierValues, { at, path: tiers, seen }: AtTier): readonly ConfigFinding[] {
  const isMap = tier.balancer !== undefined || tier.priority !== undefined;
  return tier.endpoints.flatMap(({ endpoint, weight }, index) => {
    const path = [...tiers, at, ...(isMap ? ['endpoints'] : []), index];
    const earlier = seen.get(endpoint);
    seen.set(endpoint, earlier ?? at);
    return [
      ...(earlier === undefined
        ? []
        : [
            {
              path,
              message: `endpoint '${endpoint}' stands in ${earlier === at ? 'this tier' : `tier ${earlier + 1}`} already`,
              fix: 'Name each endpoint once: no endpoint is tried twice for one call.',
            },
          ]),
      ...(weight > 0
        ? []
        : [
            {
              path: [...path, 'weight'],
              message: 'a weight must be above 0',
              fix: 'Take the endpoint out, or move it to a later tier.',
            },
          ]),
    ];
  });
}

function ofRoutes(endpoints: Endpoints, models: Routes): readonly ConfigFinding[] {
  const findings: ConfigFinding[] = [];
  const used = new Set<string>();
  for (const [name, { tiers, batch = [] }] of Object.entries(models)) {
    const served = new Set<string>();
    for (const endpoint of batch) used.add(endpoint);
    for (const { endpoint } of tiers.flatMap((tier) => tier.endpoints)) {
      used.add(endpoint);
      const model = endpoints[endpoint]?.model;
      if (model !== undefined) served.add(model);
    }
    if (served.size > 1) {
      findings.push({
        path: ['models', name, 'tiers'],
        severity: 'warning',
        message: `its endpoints serve different models (${[...served].join(', ')}): answers and prices depend on chance`,
        fix: 'Make a model of each.',
      });
    }
  }
  for (const name of Object.keys(endpoints)) {
    if (used.has(name)) continue;
    findings.push({
      path: ['endpoints', name],
      severity: 'warning',
      message: 'no model uses this endpoint',
      fix: `Add it to the tiers of a model, or delete it.`,
    });
  }
  return findings;
}
