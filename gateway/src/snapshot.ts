import { createHash } from 'node:crypto';
import type { Product, Subscription, SubscriptionDirectory } from '#model/caller.ts';
import type { AffinityRules } from '#model/affinity.ts';
import type { EndUserTerms } from '#model/end-users.ts';
import type { Endpoint, EndpointCredential } from '#model/endpoint.ts';
import type { LimitBook } from '#model/limits.ts';
import type { ModelCatalogue, ModelFacts } from '#model/model-catalogue.ts';
import type { ModelRoute } from '#model/model-route.ts';
import type { PriceBook, PricedEndpoint } from '#model/price-book.ts';
import type { PtuDeployment } from '#model/ptu.ts';
import type { Snapshot } from '#model/snapshot.ts';
import type { Steps } from '#kernel/steps.ts';
import { servedByOf } from '#proxy/attempt-record.ts';
import { ptuTerms } from '#proxy/routing/ptu-config.ts';
import { yieldPointsOf } from '#proxy/routing/config-endpoint.ts';
import { signingKey } from '#proxy/routing/affinity/signature.ts';
import { healthRulesOf } from '#proxy/routing/config-health.ts';
import { routeOf } from '#proxy/routing/route-of.ts';
import { tokenTermsOf } from '#proxy/consumers/entra-config.ts';
import { frontTermsOf } from '#proxy/consumers/front-config.ts';
import type { TokenTerms } from '#model/token-terms.ts';
import type { Config } from './config-sections.ts';

export interface SnapshotParts {
  /** Grows with every change. */
  readonly version: number;
  readonly config: Config;
  readonly directory: SubscriptionDirectory;
  readonly prices: PriceBook;
  readonly limitBook: LimitBook;
  readonly catalogue: ModelCatalogue;
  /** What ids are signed with where the configuration gives no key. */
  readonly affinityKey: string;
}

/** Joins what is in force into the one value that a request keeps. */
export function buildSnapshot(parts: SnapshotParts): Snapshot {
  const { config, directory, prices, limitBook, version } = parts;
  return Object.freeze({
    version,
    organisation: config.organisation,
    ...routingOf(parts),
    directory,
    entra: termsOf(config.entra),
    front: config.front === undefined ? null : frontTermsOf(config.front),
    endUsers: endUsersOf(config),
    prices,
    limitBook,
    sendModelMaximum: config.budgeting.sendModelMaximum,
    limits: Object.freeze({ maxBodyBytes: config.listen.maxBodyBytes }),
    batches: Object.freeze(batchTermsOf(config)),
    explainHeader: config.routing.explainHeader,
    affinity: affinityOf(parts),
  });
}

function batchTermsOf({ batches }: Config): Snapshot['batches'] {
  const { maxFileBytes, maxLines, uploadSilence, uploadDeadline, uploadTimeout } = batches;
  return {
    maxFileBytes,
    maxLines,
    uploadSilenceMs: uploadSilence,
    uploadDeadlineMs: uploadDeadline,
    uploadTimeoutMs: uploadTimeout,
  };
}

function endUsersOf({ endUsers }: Config): EndUserTerms | null {
  return endUsers === undefined
    ? null
    : Object.freeze({ key: endUsers.secret.reveal(), header: endUsers.header ?? null });
}

/** The provisioned deployments of which the configuration says what their hours cost. */
export function ptuDeployments(
  config: Config,
  listPrices: (endpoint: PricedEndpoint) => PtuDeployment['listPrices'],
): readonly PtuDeployment[] {
  return Object.entries(config.endpoints).flatMap(([name, values]) => {
    if (values.ptu === undefined) return [];
    const endpoint = endpointOf(name, values, config);
    return [{ servedBy: servedByOf(endpoint), listPrices: listPrices(endpoint), ...ptuTerms(name, values.ptu) }];
  });
}

/** Secrets of the configuration, else the one of the data folder. */
function affinityOf({ config, affinityKey }: SnapshotParts): AffinityRules {
  const { keys, boundTo, unsigned } = config.routing.affinity;
  const secrets = keys.length === 0 ? [affinityKey] : keys.map((key) => key.reveal());
  return Object.freeze({ boundTo, unsigned, keys: Object.freeze(secrets.map(signingKey)) });
}

const termsOfValues = new WeakMap<NonNullable<Config['entra']>, TokenTerms>();

/** The same object while the configuration is the same: what was learnt of tokens under it holds on. */
function termsOf(values: Config['entra']): TokenTerms | null {
  if (values === undefined) return null;
  const terms = termsOfValues.get(values) ?? tokenTermsOf(values);
  termsOfValues.set(values, terms);
  return terms;
}

type Routing = Pick<Snapshot, 'models' | 'endpoints'>;
const routings = new WeakMap<Config, Routing>();

/** The same values while the configuration is the same: a change of the directory leaves what is known of them in place. */
export function routingOf({ config, catalogue }: Pick<SnapshotParts, 'config' | 'catalogue'>): Routing {
  const made = routings.get(config);
  if (made !== undefined) return made;
  const endpoints = new Map(
    Object.entries(config.endpoints).map(([name, values]) => [name, endpointOf(name, values, config)] as const),
  );
  const models = new Map(
    Object.entries(config.models).map(
      ([name, values]) => [name, modelOf(name, values, { endpoints, catalogue })] as const,
    ),
  );
  const routing = Object.freeze({ endpoints, models });
  routings.set(config, routing);
  return routing;
}

type EndpointValues = Config['endpoints'][string];

function endpointOf(name: string, values: EndpointValues, config: Config): Endpoint {
  return Object.freeze({
    name,
    resource: values.resource,
    resourceName: values.resourceName ?? resourceNameOf(values.resource),
    region: values.region,
    deployment: values.deployment,
    deploymentType: values.type,
    model: values.model,
    modelVersion: values.modelVersion ?? null,
    surface:
      values.surface === 'v1' ? { kind: 'v1' as const } : { kind: 'classic' as const, apiVersion: values.surface },
    credential: credentialOf(values.auth),
    health: Object.freeze(healthRulesOf(config.health, values.health)),
    yieldAt: values.type.endsWith('ProvisionedManaged') ? yieldPointsOf(values.yieldAt) : null,
    maxInFlight: values.maxInFlight ?? null,
    drain: values.drain,
  });
}

function credentialOf(auth: EndpointValues['auth']): EndpointCredential {
  return 'key' in auth
    ? { kind: 'api-key', key: auth.key.reveal() }
    : { kind: 'token', provider: auth.token.provider, scope: auth.token.scope };
}

/** `contoso-weu` of `https://contoso-weu.openai.azure.com`; at an address or localhost, the first part of the path. */
export function resourceNameOf(resource: string): string {
  const url = new URL(resource);
  const unnamed = url.hostname === 'localhost' || /^[\d.]+$/.test(url.hostname) || url.hostname.startsWith('[');
  const fromPath = url.pathname.split('/').find((part) => part !== '');
  if (unnamed) return fromPath ?? url.host;
  return url.hostname.split('.')[0] ?? url.hostname;
}

/** Null as soon as one of them is not known. */
function mostOf(values: readonly (number | null)[]): number | null {
  return values.reduce((most, one) => (most === null || one === null ? null : Math.max(most, one)), 0);
}

/** What generates nothing has no output, which is known. */
function maxOutputOf(facts: ModelFacts | undefined): number | null {
  return facts?.capabilities.includes('embeddings') === true ? 0 : (facts?.maxOutput ?? null);
}

function modelOf(
  name: string,
  values: Config['models'][string],
  known: { readonly endpoints: ReadonlyMap<string, Endpoint>; readonly catalogue: ModelCatalogue },
): ModelRoute {
  const route = routeOf(name, values, (endpoint) => {
    const found = known.endpoints.get(endpoint);
    // The loader has refused names that lead nowhere; this is for whoever builds a Config by hand.
    if (found === undefined) throw new Error(`Model '${name}' names an endpoint '${endpoint}' that does not exist.`);
    return found;
  });
  const facts = route.endpoints.map((one) => known.catalogue.get(one.model));
  const tokenizers = new Set(facts.map((one) => one?.tokenizer ?? null));
  const [tokenizer = null] = tokenizers;
  return Object.freeze({
    ...route,
    maxInput: mostOf(facts.map((one) => one?.maxInput ?? null)),
    maxOutput: mostOf(facts.map((one) => maxOutputOf(one))),
    // Endpoints of different families cannot be counted by one tokenizer: unknown, not nearly right.
    tokenizer: tokenizers.size === 1 ? tokenizer : null,
  });
}

/** What the configuration file says of products and subscriptions; read-only for everybody else. */
export interface DeclaredDirectory {
  readonly products: readonly Product[];
  readonly subscriptions: readonly Subscription[];
  /** Keys that came by reference. `digest`: lower-case hex SHA-256 of the whole key. */
  readonly keys: readonly {
    readonly subscription: string;
    readonly slot: 'primary' | 'secondary';
    readonly digest: string;
  }[];
}

export function* declaredDirectory(config: Config): Steps<DeclaredDirectory> {
  const products = Object.entries(config.products).map(([name, values]): Product => {
    const { maxOutputTokens = null, maxChoices = null, maxRequestBytes = null } = values.caps;
    return Object.freeze({
      name,
      models: new Set(values.models),
      caps: Object.freeze({ maxOutputTokens, maxChoices, maxRequestBytes }),
      unpriced: values.unpriced,
      batches: values.batches,
      routing: Object.freeze({
        priority: values.priority,
        fallback: new Map(Object.entries(values.fallback)),
        hedging: values.hedging === undefined ? null : Object.freeze({ atLeastMs: values.hedging.atLeast }),
      }),
    });
  });
  const productByName = new Map(products.map((one) => [one.name, one] as const));
  const subscriptions: Subscription[] = [];
  const keys: DeclaredDirectory['keys'][number][] = [];
  for (const [name, values] of Object.entries(config.subscriptions)) {
    yield;
    const product = productByName.get(values.product);
    if (product === undefined) throw new Error(`Subscription '${name}' names a product that does not exist.`);
    subscriptions.push(
      Object.freeze({
        name,
        product,
        consumer: values.consumer,
        costCentrePath: costCentrePath(config, values.costCentre),
        suspended: values.suspended,
        expiresAt: values.expiresAt ?? null,
      }),
    );
    for (const slot of ['primary', 'secondary'] as const) {
      const key = values.keys?.[slot];
      if (key === undefined) continue;
      keys.push({ subscription: name, slot, digest: createHash('sha256').update(key.reveal()).digest('hex') });
    }
  }
  return { products, subscriptions, keys };
}

/** From the organisation down to the cost centre, `contoso/sales/marketing`. Throws where there is no such cost centre. */
export function costCentrePath(config: Pick<Config, 'organisation' | 'costCentres'>, costCentre: string): string {
  const parts: string[] = [];
  let at: string | undefined = costCentre;
  while (at !== undefined && !parts.includes(at)) {
    const values: Config['costCentres'][string] | undefined = config.costCentres[at];
    if (values === undefined) throw new Error(`There is no cost centre '${at}'.`);
    parts.unshift(at);
    at = values.parent;
  }
  return [config.organisation, ...parts].join('/');
}
