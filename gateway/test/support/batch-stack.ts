import { heldPageSchema, type HeldAttempt } from '@tollgate/contract/admin-api/adjustments.ts';
import type { TestContext } from 'node:test';
import OpenAI, { toFile } from 'openai';
import { keyOf, startStack, type RunningStack, type StackOptions } from './running-gateway.ts';
import { until } from './until.ts';

export const model = 'gpt-5.4-mini';

const batch = { model, version: '2026-03-17', type: 'GlobalBatch' } as const;
export const twinResources = {
  one: {
    region: 'swedencentral',
    deployments: {
      mini: { model },
      embed: { model: 'text-embedding-3-small' },
      'mini-batch': batch,
      'embed-batch': { model: 'text-embedding-3-small', type: 'GlobalBatch' },
    },
  },
  two: { region: 'westeurope', deployments: { mini: { model }, 'mini-batch': batch } },
} as const;

export interface BatchConfig {
  /** Members of the product. */
  readonly product?: string;
  /** Whole sections more. */
  readonly more?: string;
  readonly pollEvery?: string;
  readonly batch?: string;
  readonly ledger?: string;
  /** Members of `listen`. */
  readonly listen?: string;
  /** How the gateway signs in to the resources. */
  readonly auth?: string;
}

/** A gateway whose model has a batch deployment in each of two resources. */
export function batchConfig(twin: string, options: BatchConfig = {}): string {
  const {
    product = '',
    more = '',
    pollEvery = '100ms',
    batch: endpoints = '[one-batch, two-batch]',
    ledger = '',
    listen = '',
    auth = `{ key: '\${TEST_TWIN_KEY}' }`,
  } = options;
  const endpoint = (place: string, of: string, type: string): string =>
    `{ resource: '${twin}/${place.split('/')[0]}', region: westeurope, deployment: ${place.split('/')[1]}, model: ${of}, type: ${type}, auth: ${auth} }`;
  return `
organisation: contoso
listen: { port: 0, admin: { port: 0 }${listen} }
ledger: { durability: process${ledger} }
batches: { pollEvery: ${pollEvery} }
costCentres: { marketing: { name: Marketing }, finance: { name: Finance } }
products:
  standard: { models: [${model}, text-embedding-3-small], batches: true${product} }
  small: { models: [${model}] }
subscriptions:
  marketing-web: { product: standard, consumer: marketing, costCentre: marketing, keys: { primary: '\${TEST_KEY_MARKETING}' } }
  finance-copilot: { product: standard, consumer: finance, costCentre: finance, keys: { primary: '\${TEST_KEY_FINANCE}' } }
  small-app: { product: small, consumer: small, costCentre: finance, keys: { primary: '\${TEST_KEY_SMALL}' } }
endpoints:
  one-mini: ${endpoint('one/mini', model, 'GlobalStandard')}
  one-batch: ${endpoint('one/mini-batch', model, 'GlobalBatch')}
  two-batch: ${endpoint('two/mini-batch', model, 'GlobalBatch')}
  embed: ${endpoint('one/embed', 'text-embedding-3-small', 'GlobalStandard')}
  embed-batch: ${endpoint('one/embed-batch', 'text-embedding-3-small', 'GlobalBatch')}
models:
  ${model}: { tiers: [[one-mini]], batch: ${endpoints} }
  text-embedding-3-small: { tiers: [[embed]], batch: [embed-batch] }
${more}`;
}

export async function batchStack(
  context: Pick<TestContext, 'after'>,
  options: BatchConfig & Omit<StackOptions, 'config'> = {},
): Promise<RunningStack> {
  const { twin, overrides, environment, ...config } = options;
  return await startStack(context, {
    config: (url) => batchConfig(url, config),
    twin: { resources: twinResources, batchStageMs: null, ...twin },
    ...(overrides === undefined ? {} : { overrides }),
    ...(environment === undefined ? {} : { environment }),
  });
}

export const clientOf = (url: string, apiKey: string): OpenAI =>
  new OpenAI({ baseURL: `${url}/openai/v1`, apiKey, maxRetries: 0 });
export const smallKey = keyOf('small');

export const chatLine = (content: string, at: number, more: object = {}): string =>
  JSON.stringify({
    custom_id: `line-${at}`,
    method: 'POST',
    url: '/v1/chat/completions',
    body: { model, messages: [{ role: 'user', content }], max_completion_tokens: 400, ...more },
  });

export async function upload(
  client: OpenAI,
  lines: readonly string[],
  name = 'input.jsonl',
): Promise<OpenAI.FileObject> {
  const file = await toFile(Buffer.from(lines.map((line) => `${line}\n`).join('')), name);
  return await client.files.create({ file, purpose: 'batch' });
}

export async function begin(client: OpenAI, lines: readonly string[]): Promise<OpenAI.Batch> {
  const { id } = await upload(client, lines);
  return await client.batches.create({
    input_file_id: id,
    endpoint: '/v1/chat/completions',
    completion_window: '24h',
    metadata: { job: 'nightly' },
  });
}

/** Under a hard budget what a batch may cost is held. */
export const budget = 'consumers: { marketing: { budget: { amount: 100 USD, every: month, hard: true } } }';

export async function held(stack: RunningStack): Promise<readonly HeldAttempt[]> {
  return heldPageSchema.parse((await stack.admin('/admin/v1/ledger/held')).json).attempts;
}

/** Resolves when no batch holds anything any more: then all are metered. */
export async function metered(stack: RunningStack): Promise<void> {
  await until(async () => (await held(stack)).length === 0, 'the metering of every batch');
}
