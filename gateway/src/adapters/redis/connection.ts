import { createClient, createCluster } from 'redis';
import type { Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import type { Script } from './scripts.ts';
import type { RedisSignIn, SignedIn } from './sign-in.ts';

export interface RedisAddress {
  /** `redis://user@host:6379/0`, or `rediss://` for TLS; of a cluster, one of its nodes. */
  readonly url: string;
  /** Null: the URL holds it, or there is none. */
  readonly password: string | null;
  /** In the place of the password; null or undefined: the password is shown. */
  readonly signIn?: RedisSignIn | null;
  /** The server is a cluster: keys live where their hash tag says. */
  readonly cluster: boolean;
  /** PEM; null: the authorities that Node knows. */
  readonly certificateAuthority: string | null;
}

export type Listener = (message: string) => void;

/** A server or a cluster, whichever it is. Everything rejects while it is away; it connects again by itself. */
interface Clients {
  /** `key`: tells a cluster which of its nodes is meant. */
  send(key: string, args: string[]): Promise<unknown>;
  publish(channel: string, message: string): Promise<unknown>;
  /** Listens from when it is connected, and again whenever it is connected anew. */
  listen(channel: string, listener: Listener): void;
  /** Resolves when it is connected for the first time; never where it never is. */
  readonly connected: Promise<void>;
  /** All that there are now. */
  connections(): readonly SignedIn[];
  destroy(): void;
}

/** Short: until every gateway has spoken to a server that lost its counters, nothing more is granted. */
const longestPauseMs = 200;
const connectTimeoutMs = 2000;

const common = {
  // What cannot be sent now is not sent later: whoever asked has gone on by then.
  disableOfflineQueue: true,
  disableClientInfo: true,
  maintNotifications: 'disabled' as const,
};

const protocolFor = ({ signIn }: RedisAddress): 2 | 3 => signIn?.protocol ?? 2;

/** Who it is is left to the sign-in: what the URL says of that would win over it. */
function urlFor({ url, signIn }: RedisAddress): string {
  if (signIn == null) return url;
  const bare = new URL(url);
  if (bare.username !== '') signIn.user = decodeURIComponent(bare.username);
  bare.username = '';
  bare.password = '';
  return bare.toString();
}

function credentialsFor({ password, signIn }: RedisAddress) {
  if (signIn == null) return password === null ? {} : { password };
  const type = 'async-credentials-provider' as const;
  return { credentialsProvider: { type, credentials: async () => await signIn.credentials() } };
}

function optionsFor(address: RedisAddress) {
  const { url, certificateAuthority } = address;
  const socket = {
    reconnectStrategy: (retries: number) => Math.min(20 * 2 ** Math.min(retries, 10), longestPauseMs),
    connectTimeout: connectTimeoutMs,
  };
  const secure = {
    ...socket,
    tls: true as const,
    ...(certificateAuthority === null ? {} : { ca: certificateAuthority }),
  };
  return {
    ...common,
    RESP: protocolFor(address),
    ...credentialsFor(address),
    socket: url.startsWith('rediss:') ? secure : socket,
  };
}

function tellFailure(error: unknown, { signIn }: RedisAddress, log: Log): void {
  log.debug({ err: error }, 'the connection to the shared counters failed');
  signIn?.failed(error);
}

/** A client for commands, and one that listens: a connection that listens takes no commands. */
function singleClients(address: RedisAddress, log: Log): Clients {
  const commands = createClient({ ...optionsFor(address), url: urlFor(address) });
  const listening = commands.duplicate({ disableOfflineQueue: false });
  const connecting = [commands, listening].map(async (client) => {
    client.on('error', (error: unknown) => tellFailure(error, address, log));
    client.on('ready', () => address.signIn?.taken());
    // Goes on trying, and rejects only where it is destroyed meanwhile.
    await client.connect();
  });
  const { promise: connected, resolve } = Promise.withResolvers<void>();
  Promise.all(connecting).then(
    () => resolve(),
    () => undefined,
  );
  return {
    connected,
    send: async (_key, args) => await commands.sendCommand(args),
    publish: async (channel, message) => await commands.publish(channel, message),
    listen: (channel, listener) => void listening.subscribe(channel, listener).catch(() => undefined),
    connections: () => [commands, listening],
    destroy() {
      for (const client of [commands, listening]) if (client.isOpen) client.destroy();
    },
  };
}

function clusterClients(address: RedisAddress, { clock, log }: { readonly clock: Clock; readonly log: Log }): Clients {
  const cluster = createCluster({
    ...common,
    RESP: protocolFor(address),
    rootNodes: [{ url: urlFor(address) }],
    defaults: optionsFor(address),
  });
  for (const event of ['error', 'node-error'] as const)
    cluster.on(event, (error: unknown) => tellFailure(error, address, log));
  cluster.on('node-ready', () => address.signIn?.taken());
  let gone = false;
  let subscribe: (() => Promise<void>) | undefined;
  const { promise: connected, resolve } = Promise.withResolvers<void>();
  const connect = async (): Promise<void> => {
    try {
      await cluster.connect();
      await subscribe?.();
      resolve();
    } catch (error) {
      log.debug({ err: error }, 'the cluster of the shared counters cannot be reached');
      if (!gone) clock.after(longestPauseMs, () => void connect());
    }
  };
  void connect();
  return {
    connected,
    send: async (key, args) => await cluster.sendCommand(key, false, args),
    publish: async (channel, message) => await cluster.publish(channel, message),
    listen(channel, listener) {
      subscribe = async () => await cluster.subscribe(channel, listener);
      if (cluster.isOpen) subscribe().catch(() => undefined);
    },
    connections: () =>
      [...cluster.masters, ...cluster.replicas, cluster.pubSubNode].flatMap((node) => node?.client ?? []),
    destroy() {
      gone = true;
      if (cluster.isOpen) cluster.destroy();
    },
  };
}

export interface ConnectionOptions {
  readonly address: RedisAddress;
  readonly clock: Clock;
  readonly log: Log;
}

/** A Redis or Valkey server, as the counters use it. What is sent rejects with the client's errors. */
export class RedisConnection {
  readonly #options: ConnectionOptions;
  #clients: Clients;
  #channel: { readonly name: string; readonly listener: Listener } | undefined;

  /** Returns at once; the connection is made by the way, and again whenever it is lost. */
  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#clients = this.#make();
    options.address.signIn?.start(() => this.#clients.connections());
  }

  /** Resolves when it is connected for the first time; never where there is nothing to connect to. */
  async connected(): Promise<void> {
    await this.#clients.connected;
  }

  /** Runs a script by its name, and with its text where the server does not know it. */
  async run(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    const rest = [String(keys.length), ...keys, ...args];
    const [key = ''] = keys;
    try {
      return await this.#clients.send(key, ['EVALSHA', script.sha1, ...rest]);
    } catch (error) {
      // The server says so before it does anything.
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return await this.#clients.send(key, ['EVAL', script.text, ...rest]);
    }
  }

  async command(key: string, args: readonly string[]): Promise<unknown> {
    return await this.#clients.send(key, [...args]);
  }

  async publish(channel: string, message: string): Promise<void> {
    await this.#clients.publish(channel, message);
  }

  listen(name: string, listener: Listener): void {
    this.#channel = { name, listener };
    this.#clients.listen(name, listener);
  }

  /**
   * Hangs up and connects anew: what answers garbage may answer one question with the reply to another from then on, and
   * what answers nothing may be a connection that is dead.
   */
  reset(): void {
    this.#clients.destroy();
    this.#clients = this.#make();
    if (this.#channel !== undefined) this.#clients.listen(this.#channel.name, this.#channel.listener);
  }

  close(): void {
    this.#options.address.signIn?.stop();
    this.#clients.destroy();
  }

  #make(): Clients {
    const { address, clock, log } = this.#options;
    return address.cluster ? clusterClients(address, { clock, log }) : singleClients(address, log);
  }
}
