import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { LimitSettings } from '#azure-openai/capacity.ts';
import { Batches, type BatchStep } from '#azure-openai/batch-book.ts';
import { Embedder } from '#azure-openai/embed.ts';
import { Estate } from '#azure-openai/estate.ts';
import type { World } from '#azure-openai/exchange.ts';
import { framingOf } from '#azure-openai/framing.ts';
import { AzureOpenAi } from '#azure-openai/service.ts';
import { faultSchema, type FaultInput } from '#faults/fault.ts';
import { Faults, type FaultReport } from '#faults/faults.ts';
import { Holds } from '#faults/holds.ts';
import { loadTokenizer, type Tokenizer } from '#generation/tokenizer.ts';
import { Words } from '#generation/words.ts';
import { systemClock } from '#kernel/clock.ts';
import { systemIds } from '#kernel/ids.ts';
import { seededRandom } from '#kernel/random.ts';
import { Recent } from '#kernel/recent.ts';
import { UsageBook, type UsageReport } from '#record/book.ts';
import { Recordings } from '#replay/recordings.ts';
import type { AddedPrice } from '#retail-prices/price-data.ts';
import { ResourceManager } from '#resource-manager/service.ts';
import { RetailPrices } from '#retail-prices/service.ts';
import { serverCertificate, type ServerCertificate } from '#tls/certificates.ts';
import { latencyPresets } from '#wire/latency.ts';
import { SlowReaders } from '#wire/slow-readers.ts';
import { AzureServices } from './azure-services.ts';
import { Control } from './control.ts';
import { settingsSchema, twinDefaults, type TwinOptions, type TwinSettings } from './options.ts';

/** A twin that listens. */
export interface RunningTwin {
  readonly port: number;
  /** `http://address:port`, without a slash at the end. */
  readonly url: string;
  readonly key: string;
  /** `https://localhost:port`; undefined where it was not asked to listen there. */
  readonly secureUrl: string | undefined;
  /** The certificate of the authority that callers over TLS have to trust, PEM. */
  readonly authority: string | undefined;
  /** Microsoft Entra and the other services of Azure. */
  readonly azure: AzureServices;
  /** Everything that it generated. With a cursor: what ended after the report that gave it. */
  usage(since?: number): UsageReport;
  /** As `POST /_twin/faults`: what fits the fault's match fails. Returns the fault's id. */
  addFault(fault: FaultInput): string;
  faults(): FaultReport[];
  /** Removes one fault, or all; how many they were. */
  removeFaults(id?: string): number;
  /** Lets replies go that a fault holds; how many they were. */
  release(attempt?: string): number;
  /** Replies that a fault holds now. */
  held(): number;
  /** Replies that wait now because their reader does not keep up, and have for at least so long. */
  blocked(ms?: number): number;
  /** Sets limits of the deployments that fit; how many they were. */
  limit(settings: LimitSettings & { readonly resource?: string; readonly deployment?: string }): number;
  /** Moves every batch that has not ended by one stage, or to an end; how many they were. */
  moveBatches(to?: BatchStep): number;
  /** The next call is answered with this recording. False where the replay folder has none of this name. */
  replayNext(file: string): boolean;
  /** Prices that the Retail Prices API has from now on; how many, with their regions. */
  publishPrices(prices: readonly AddedPrice[]): number;
  /** Takes a meter out of the Retail Prices API; how many prices it had. */
  withdrawPrices(meterName: string): number;
  /** Forgets all that happened. */
  reset(): void;
  /** Stops listening and breaks what is open. */
  close(): Promise<void>;
}

/** A part of Azure that the twin plays; the first whose `handle` resolves to true has answered. */
interface Service {
  handle(request: IncomingMessage, response: ServerResponse): Promise<boolean>;
}

/** Beside this machine's, those that a test may lead here: libraries check a service's own name. */
const servedNames = ['localhost', '127.0.0.1', '::1', '*.vault.azure.net', '*.azconfig.io'];

/** Whom tokens for Azure OpenAI are for; the first is the newer one. */
const openAiAudiences = ['https://ai.azure.com', 'https://cognitiveservices.azure.com'];

// Loaded once in a process: it takes a quarter of a second and much memory.
let tokenizer: Promise<Tokenizer> | undefined;

/** Starts a twin. Port 0 by default: any free one. Rejects where it cannot listen or the replay folder cannot be read. */
export async function startTwin(options: TwinOptions = {}): Promise<RunningTwin> {
  const { clock = systemClock, random, onAttempt = () => undefined, ...config } = options;
  const settings = settingsSchema.parse(config);
  tokenizer ??= loadTokenizer();
  const { address, key = twinDefaults.key } = settings;
  const azure = new AzureServices(settings, { clock, ids: systemIds() });
  const world = await worldOf(settings, {
    azure,
    clock,
    key,
    random: random ?? seededRandom(settings.seed),
    onAttempt,
    tokenizer: await tokenizer,
  });
  const retailPrices = new RetailPrices(settings.retailPrices);
  const control = new Control({ ...world, retailPrices, azure });
  // Azure's other services take their places here.
  const resourceManager = new ResourceManager(settings.resourceManager);
  const services = [
    control,
    retailPrices,
    resourceManager,
    azure.managedIdentity,
    azure.login,
    azure.logs,
    azure.logQuery,
    azure.collector,
    azure.insights,
    azure.keyVault,
    azure.appConfiguration,
    new AzureOpenAi(world),
  ];
  const server = serve(services);
  const port = await listen(server, { port: settings.port ?? 0, address });
  const secure = settings.securePort === undefined ? undefined : await listenSecurely(services, settings);
  azure.authority = secure?.url ?? urlOf(address, port);
  return running(world, { control, retailPrices, azure, server, secure, key, port, address });
}

interface SecureListener {
  readonly server: Server;
  readonly url: string;
  readonly authority: string;
}

const urlOf = (address: string, port: number): string =>
  `http://${address.includes(':') ? `[${address}]` : address}:${port}`;

/** The same services over TLS: client libraries of Azure send no token over plain http. */
async function listenSecurely(services: readonly Service[], settings: TwinSettings): Promise<SecureListener> {
  const { address, securePort = 0, caFile } = settings;
  const certificate = serverCertificate(servedNames);
  if (caFile !== undefined) writeFileSync(caFile, certificate.authority);
  const server = serve(services, certificate);
  const port = await listen(server, { port: securePort, address });
  return { server, url: `https://localhost:${port}`, authority: certificate.authority };
}

async function worldOf(
  settings: TwinSettings,
  given: Required<Pick<TwinOptions, 'clock' | 'random' | 'onAttempt'>> & {
    readonly key: string;
    readonly azure: AzureServices;
    readonly tokenizer: Tokenizer;
  },
): Promise<World> {
  const { seed, cacheMinimum, latency } = settings;
  const { clock, key } = given;
  return {
    clock,
    ids: systemIds(),
    estate: new Estate(settings.resources, { clock, key, cacheMinimum }),
    tokenizer: given.tokenizer,
    words: new Words(given.tokenizer),
    embedder: new Embedder(),
    framing: framingOf(seed),
    seed,
    strict: settings.strict,
    latency: typeof latency === 'string' ? latencyPresets[latency] : latency,
    eventsPerTurn: settings.eventsPerTurn,
    takesToken: (token) => given.azure.takesToken(token, openAiAudiences),
    book: new UsageBook(settings.keepAttempts, given.onAttempt),
    faults: new Faults(given.random),
    holds: new Holds(),
    slowReaders: new SlowReaders(clock),
    recordings: settings.replay === undefined ? undefined : await Recordings.in(settings.replay),
    responses: new Recent(10_000),
    conversations: new Recent(10_000),
    files: new Recent(256 * 1024 * 1024),
    batches: new Batches(clock, settings.batchStageMs),
  };
}

function running(
  world: World,
  given: {
    readonly control: Control;
    readonly retailPrices: RetailPrices;
    readonly azure: AzureServices;
    readonly secure: SecureListener | undefined;
    readonly server: Server;
    readonly key: string;
    readonly port: number;
    readonly address: string;
  },
): RunningTwin {
  const { control, retailPrices, azure, server, secure, key, port, address } = given;
  return {
    port,
    url: urlOf(address, port),
    key,
    secureUrl: secure?.url,
    authority: secure?.authority,
    azure,
    usage: (since) => world.book.report(since),
    addFault: (fault) => world.faults.add(faultSchema.parse(fault)),
    faults: () => world.faults.report(),
    removeFaults: (id) => world.faults.remove(id),
    release: (attempt) => world.holds.release(attempt),
    held: () => world.holds.count,
    blocked: (ms) => world.slowReaders.count(ms),
    limit: (settings) => control.limit(settings),
    moveBatches: (to = 'next') => world.batches.move(to),
    replayNext: (file) => world.recordings?.enqueue(file) ?? false,
    publishPrices: (prices) => retailPrices.publish(prices),
    withdrawPrices: (meterName) => retailPrices.withdraw(meterName),
    reset: () => control.reset(),
    close: async () => {
      await close(server);
      if (secure !== undefined) await close(secure.server);
    },
  };
}

function serve(services: readonly Service[], secure?: ServerCertificate): Server {
  const options = { noDelay: true, keepAlive: true };
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    answer(services, { request, response }).catch(() => response.destroy());
  };
  const server =
    secure === undefined
      ? createServer(options, listener)
      : createSecureServer({ ...options, key: secure.key, cert: secure.certificate }, listener);
  server.keepAliveTimeout = 65_000;
  return server;
}

async function answer(
  services: readonly Service[],
  given: { readonly request: IncomingMessage; readonly response: ServerResponse },
): Promise<void> {
  for (const service of services) if (await service.handle(given.request, given.response)) return;
  const text = JSON.stringify({ error: { code: '404', message: 'Resource not found' } });
  given.response
    .writeHead(404, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
    .end(text);
}

function listen(server: Server, at: { readonly port: number; readonly address: string }): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(at.port, at.address, () => {
      server.off('error', reject);
      const bound = server.address();
      resolve(typeof bound === 'object' && bound !== null ? bound.port : at.port);
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
