import type { Caller } from '#model/admission.ts';
import type { Product, Subscription } from '#model/caller.ts';
import type { Exchange } from '#model/exchange.ts';
import type { ModelRoute } from '#model/model-route.ts';
import { defaultRoutingTerms } from '#model/priority.ts';
import type { PriceBook, PriceTerms } from '#model/price-book.ts';
import { RequestBody } from '#model/request-body.ts';
import type { Snapshot } from '#model/snapshot.ts';
import { signingKey } from '#proxy/routing/affinity/signature.ts';
import { topLevelMembers } from '#proxy/accept/json-members.ts';
import { createHash } from 'node:crypto';

const freeTerms: PriceTerms = {
  cost: () => ({ pricing: 'token', lines: [], nanoUsd: 0n, listNanoUsd: 0n, internalNanoUsd: null, unpriced: [] }),
};
export const freePrices: PriceBook = {
  id: 'test',
  terms: () => freeTerms,
  cost: ({ units }) => freeTerms.cost(units),
  missing: () => [],
  edition: () => 'test',
};

export function productWith(changes: Partial<Product> = {}): Product {
  return {
    name: 'standard',
    models: new Set(['gpt-5.4-mini']),
    caps: { maxOutputTokens: null, maxChoices: null, maxRequestBytes: null },
    unpriced: 'refuse',
    batches: false,
    routing: defaultRoutingTerms,
    ...changes,
  };
}

export function subscriptionWith(changes: Partial<Subscription> = {}): Subscription {
  return {
    name: 'marketing-web',
    product: productWith(),
    consumer: 'marketing',
    costCentrePath: 'contoso/marketing',
    suspended: false,
    expiresAt: null,
    ...changes,
  };
}

export function callerOf(subscription: Subscription): Caller {
  return {
    subscription,
    chargedTo: {
      subscription: subscription.name,
      product: subscription.product.name,
      consumer: subscription.consumer,
      costCentrePath: subscription.costCentrePath,
      endUser: null,
    },
  };
}

export interface SnapshotParts {
  readonly routes?: readonly ModelRoute[];
  /** Key text -> subscription. */
  readonly keys?: Readonly<Record<string, Subscription>>;
  readonly prices?: PriceBook;
  readonly entra?: Snapshot['entra'];
  readonly front?: Snapshot['front'];
  readonly endUsers?: Snapshot['endUsers'];
  readonly sendModelMaximum?: boolean;
}

export function snapshotOf({
  routes = [],
  keys = {},
  prices = freePrices,
  entra = null,
  front = null,
  endUsers = null,
  sendModelMaximum = false,
}: SnapshotParts = {}): Snapshot {
  const byDigest = new Map(
    Object.entries(keys).map(([key, subscription]) => [createHash('sha256').update(key).digest('hex'), subscription]),
  );
  const subscriptions = Object.values(keys);
  return {
    version: 1,
    organisation: 'contoso',
    models: new Map(routes.map((route) => [route.name, route])),
    endpoints: new Map(
      routes.flatMap((route) => route.endpoints.map((endpoint) => [endpoint.name, endpoint] as const)),
    ),
    directory: {
      products: new Map(subscriptions.map(({ product }) => [product.name, product])),
      subscriptions: new Map(subscriptions.map((one) => [one.name, one])),
      byKeyDigest: (digest) => byDigest.get(digest),
    },
    entra,
    front,
    endUsers,
    sendModelMaximum,
    prices,
    explainHeader: false,
    affinity: {
      keys: [signingKey('a-signing-key-of-the-tests-0123456789')],
      boundTo: 'subscription',
      unsigned: 'pass',
    },
    limits: { maxBodyBytes: 1024 * 1024 },
    batches: {
      maxFileBytes: 1024 * 1024,
      maxLines: 1000,
      uploadTimeoutMs: 1000,
      uploadSilenceMs: 1000,
      uploadDeadlineMs: 9000,
    },
    limitBook: { version: 1, of: () => ({ version: 1, budgets: [], rates: [], concurrency: [] }) },
  };
}

export function exchangeOf(body: object, changes: Partial<Exchange> = {}): Exchange {
  const bytes = Buffer.from(JSON.stringify(body));
  return {
    requestId: 'request-1',
    receivedAt: 0,
    startedAt: 0,
    surface: 'v1',
    operation: 'chat.completions',
    pathModel: null,
    stored: null,
    query: '',
    presentedKey: null,
    presentedToken: null,
    headers: {},
    traceContext: [],
    trace: undefined,
    clientRequestId: null,
    snapshot: snapshotOf(),
    requestedModel: 'gpt-5.4-mini',
    stream: false,
    wantsStreamUsage: false,
    body: new RequestBody({ bytes, json: JSON.parse(bytes.toString()), spans: topLevelMembers(bytes).spans }),
    ...changes,
  };
}
