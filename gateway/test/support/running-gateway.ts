import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { Writable } from 'node:stream';
import type { LedgerVerification } from '@tollgate/contract/admin-api/operations.ts';
import type { UsageReport } from '@tollgate/contract/usage.ts';
import { pino, type Logger } from 'pino';
import type { Overrides } from '#compose/parts.ts';
import { compose, type Gateway } from '#compose/gateway.ts';
import { startTwin, type RunningTwin } from '../../../twin/src/server.ts';

/** What a key looks like, made from a name so that tests can write it down. */
export const keyOf = (name: string): string => `tg_${createHash('sha256').update(name).digest('base64url')}`;

export const keys = { marketing: keyOf('marketing'), finance: keyOf('finance') } as const;

export interface ConfigOptions {
  /** Lines under `listen:`; ports are free ones. */
  readonly listen?: string;
  readonly ledger?: string;
  /** Whole sections in the place of the usual ones. */
  readonly models?: string;
  readonly endpoints?: string;
  readonly products?: string;
}

/** A configuration for the twin at this address, in the shape of the demo's. */
export function configFor(twin: string, options: ConfigOptions = {}): string {
  const endpoint = (name: string, resource: string, deployment: string): string =>
    `  ${name}: { resource: '${twin}/${resource}', region: westeurope, deployment: ${deployment}, model: ${deployment}, type: GlobalStandard, auth: { key: '\${TEST_TWIN_KEY}' } }`;
  return `
organisation: contoso
listen: { port: 0, admin: { port: 0 }${options.listen ?? ''} }
ledger: { durability: process${options.ledger ?? ''} }
costCentres: { marketing: { name: Marketing }, finance: { name: Finance } }
products:
${options.products ?? '  standard: { models: [gpt-5.4-mini, gpt-5-mini, text-embedding-3-small, one-endpoint, classic], unpriced: allow-and-flag }\n  small: { models: [text-embedding-3-small], unpriced: allow-and-flag }'}
subscriptions:
  marketing-web: { product: standard, consumer: marketing, costCentre: marketing, keys: { primary: '\${TEST_KEY_MARKETING}' } }
  finance-copilot: { product: standard, consumer: finance, costCentre: finance, keys: { primary: '\${TEST_KEY_FINANCE}' } }
  small-app: { product: small, consumer: small, costCentre: finance, keys: { primary: '\${TEST_KEY_SMALL}' } }
endpoints:
${
  options.endpoints ??
  [
    endpoint('weu', 'contoso-weu', 'gpt-5.4-mini'),
    endpoint('swc', 'contoso-swc', 'gpt-5.4-mini'),
    endpoint('reasoning', 'contoso-swc', 'gpt-5-mini'),
    endpoint('embeddings', 'contoso-weu', 'text-embedding-3-small'),
    `  old: { resource: '${twin}/contoso-weu', region: westeurope, deployment: gpt-54-mini-ptu, model: gpt-5.4-mini, type: GlobalStandard, surface: 2024-10-21, auth: { key: '\${TEST_TWIN_KEY}' } }`,
  ].join('\n')
}
models:
${
  options.models ??
  `  gpt-5.4-mini: { tiers: [[weu], [swc]], onClientDisconnect: cancel }
  gpt-5-mini: { tiers: [[reasoning]], onClientDisconnect: drain }
  one-endpoint: { tiers: [[weu]] }
  classic: { tiers: [[old]] }
  text-embedding-3-small: { tiers: [[embeddings]] }`
}
`;
}

export interface RunningStack {
  readonly twin: RunningTwin;
  readonly gateway: Gateway;
  readonly url: string;
  readonly dataFolder: string;
  readonly configFile: string;
  /** Everything that was logged so far, one JSON text a line. */
  logged(): string;
  usage(by?: string): Promise<UsageReport>;
  verify(): Promise<LedgerVerification>;
  admin(
    path: string,
    init?: { readonly method?: string; readonly body?: unknown },
  ): Promise<{ status: number; json: unknown; text: string }>;
  /** Starts a gateway anew on the same folder, once this one has drained. */
  restart(): Promise<RunningStack>;
}

export interface StackOptions {
  readonly config?: (twinUrl: string) => string;
  readonly twin?: Parameters<typeof startTwin>[0];
  readonly overrides?: Overrides;
  /** Variables beside those that the usual configuration refers to. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Collects what the gateway logs. */
function collectingLog(): { readonly log: Logger; readonly text: () => string } {
  const lines: string[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  return { log: pino({ level: 'debug', base: null }, sink), text: () => lines.join('') };
}

/** A whole gateway and a twin in this process, on free ports, on a folder of their own; gone when the test is over. */
export async function startStack(
  context: Pick<TestContext, 'after'>,
  options: StackOptions = {},
): Promise<RunningStack> {
  const twin = await startTwin({ port: 0, key: 'twin-key-of-the-test', ...options.twin });
  const folder = mkdtempSync(path.join(tmpdir(), 'tollgate-test-'));
  const configFile = path.join(folder, 'tollgate.yaml');
  writeFileSync(configFile, (options.config ?? ((url: string) => configFor(url)))(twin.url));
  const running: { drain: () => Promise<void> } = { drain: async () => await Promise.resolve() };
  context.after(async () => {
    await running.drain();
    await twin.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const { overrides = {}, environment = {} } = options;
  return await startGateway({ twin, folder, configFile, running, overrides, environment });
}

interface Place {
  readonly twin: RunningTwin;
  readonly folder: string;
  readonly configFile: string;
  readonly overrides: Overrides;
  readonly environment: Readonly<Record<string, string>>;
  /** Drains the gateway that runs there; nothing where none does. */
  readonly running: { drain: () => Promise<void> };
}

async function startGateway(place: Place): Promise<RunningStack> {
  const { twin, configFile, running } = place;
  const dataFolder = path.join(place.folder, 'data');
  const { log, text } = collectingLog();
  const started = await compose(
    {
      configFile,
      dataFolder,
      port: 0,
      adminPort: 0,
      checkOnly: false,
      environment: {
        TEST_TWIN_KEY: twin.key,
        TEST_KEY_MARKETING: keys.marketing,
        TEST_KEY_FINANCE: keys.finance,
        TEST_KEY_SMALL: keyOf('small'),
        ...place.environment,
      },
    },
    { log, ...place.overrides },
  );
  if (!started.ok) throw new Error(started.problems.join('\n'));
  const { gateway } = started;
  running.drain = async () => await gateway.drain('test');
  const admin = adminOf(gateway, dataFolder);
  return {
    twin,
    gateway: {
      ...gateway,
      drain(signal) {
        running.drain = async () => await Promise.resolve();
        return gateway.drain(signal);
      },
    },
    url: `http://127.0.0.1:${gateway.port}`,
    dataFolder,
    configFile,
    logged: text,
    usage: async (by = 'consumer') => (await admin(`/admin/v1/usage?by=${by}&waitMs=20000`)).json as UsageReport,
    verify: async () => (await admin('/admin/v1/ledger/verify', { method: 'POST' })).json as LedgerVerification,
    admin,
    restart: async () => await startGateway(place),
  };
}

function adminOf(gateway: Gateway, dataFolder: string): RunningStack['admin'] {
  return async (where, init = {}) => {
    const token = readFileSync(path.join(dataFolder, 'admin-token'), 'utf8').trim();
    const response = await fetch(`http://127.0.0.1:${gateway.adminPort}${where}`, {
      method: init.method ?? 'GET',
      headers: {
        authorization: `Bearer ${token}`,
        ...(init.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(init.body === undefined ? {} : { body: JSON.stringify(init.body) }),
    });
    const answer = await response.text();
    return { status: response.status, text: answer, json: answer.startsWith('{') ? JSON.parse(answer) : undefined };
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** One request over a connection of its own; resolves also where the reply breaks off (`body` ends there). */
export function call(
  url: string,
  options: {
    readonly method?: string;
    readonly headers?: Record<string, string | string[]>;
    readonly body?: unknown;
    /** Told with every chunk of the answer. */
    readonly onData?: () => void;
  },
): Promise<Answer> {
  const body =
    options.body === undefined || typeof options.body === 'string' || Buffer.isBuffer(options.body)
      ? options.body
      : JSON.stringify(options.body);
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      url,
      {
        method: options.method ?? (body === undefined ? 'GET' : 'POST'),
        agent: false,
        headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...options.headers },
      },
      (response) => {
        const chunks: Buffer[] = [];
        const done = (): void =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks).toString(),
          });
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          options.onData?.();
        });
        response.once('end', done);
        response.once('error', done);
      },
    );
    request.once('error', reject);
    request.end(body);
  });
}

/** The data of each event of an SSE text. */
export function eventsOf(text: string): string[] {
  return text
    .split(/\r?\n\r?\n/)
    .map((event) =>
      event
        .split(/\r?\n/)
        .filter((line) => line.startsWith('data:'))
        .map((line) => line.slice(5).trimStart())
        .join('\n'),
    )
    .filter((data) => data !== '');
}
