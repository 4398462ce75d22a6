import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { createClient } from 'redis';
import { freePort } from './free-port.ts';
import { skipWithout } from './required-programs.ts';
import { eventually } from './until.ts';

export interface RedisServer {
  readonly port: number;
  readonly url: string;
  /** A command, on a connection of its own; not for `subscribe` and the like. */
  command(...args: string[]): Promise<unknown>;
  /** From now on; whoever is connected stays so. Until it is started anew. */
  changePassword(password: string): Promise<void>;
  /** Starts it, with the data that it has. */
  start(): Promise<void>;
  /** SIGKILL: what it has written to its log of appends is there when it is started again. */
  kill(): Promise<void>;
  /** Removes what a server that does not run has kept. */
  empty(): Promise<void>;
  /** Holds the process still, so that it answers nothing and hangs up on nobody. */
  pause(): void;
  resume(): void;
  /** Ends it for good. */
  close(): Promise<void>;
}

export interface RedisServerOptions {
  readonly password?: string;
  /** Speaks TLS only, with the certificate of the tests. */
  readonly tls?: boolean;
  readonly cluster?: boolean;
}

/** `TOLLGATE_TEST_REDIS`, or a server on the PATH: Redis or Valkey. */
function findServer(): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(path.delimiter), '/usr/bin', '/usr/local/bin'];
  const candidates = folders.flatMap((folder) =>
    ['redis-server', 'valkey-server'].map((name) => path.join(folder, name)),
  );
  return [process.env['TOLLGATE_TEST_REDIS'] ?? [], candidates].flat().find((file) => existsSync(file));
}

const installed = findServer();

/** For `test` and `describe` that need the server. */
export const redisOrSkip = skipWithout(
  'redis',
  installed === undefined
    ? 'no Redis server is installed (apt-get install redis-server, or set TOLLGATE_TEST_REDIS to the program)'
    : undefined,
);

/**
 * Owns the server: starts and ends it as standard input says, and ends it for good, its folder with it, when the input
 * ends. That happens in any case: the other end of the pipe is the test's process.
 */
const keeper = `
  folder=$1; shift
  pid=
  while read -r command; do
    case $command in
      start) "$@" >>"$folder/log" 2>&1 </dev/null & pid=$!; echo "$pid" ;;
      kill) kill -9 "$pid"; wait "$pid" 2>/dev/null; pid=; echo 0 ;;
      empty) rm -rf "$folder/data"; mkdir "$folder/data"; echo 0 ;;
    esac
  done
  [ -n "$pid" ] && kill -9 "$pid"
  rm -rf "$folder"`;

const certificate = (name: string): string => new URL(`../fixtures/tls/${name}`, import.meta.url).pathname;

/** The authority that signed the certificate of a server that speaks TLS. */
export const authorityOfTests = (): string => readFileSync(certificate('localhost.crt'), 'utf8');

function settingsFor(folder: string, port: number, { password, tls = false, cluster = false }: RedisServerOptions) {
  const secure = {
    port: '0',
    'tls-port': String(port),
    'tls-auth-clients': 'no',
    'tls-cert-file': `${folder}/localhost.crt`,
    'tls-key-file': `${folder}/localhost.key`,
    'tls-ca-cert-file': `${folder}/localhost.crt`,
  };
  const settings: Readonly<Record<string, string>> = {
    bind: '127.0.0.1',
    dir: `${folder}/data`,
    save: '',
    // Handed to the operating system with every command, which survives the server; only the machine's death would lose it.
    appendonly: 'yes',
    ...(password === undefined ? {} : { requirepass: password }),
    ...(tls ? secure : { port: String(port) }),
    ...(cluster ? { 'cluster-enabled': 'yes', 'cluster-config-file': `${folder}/nodes.conf` } : {}),
  };
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
}

const urlOf = (port: number, tls: boolean, password: string | undefined): string =>
  `${tls ? 'rediss' : 'redis'}://${password === undefined ? '' : `:${password}@`}localhost:${port}`;

class RunningServer implements RedisServer {
  readonly port: number;
  url: string;
  readonly #options: RedisServerOptions;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #answers: AsyncIterator<string>;
  readonly #folder: string;
  #pid = 0;

  constructor(program: string, port: number, options: RedisServerOptions) {
    this.port = port;
    this.#options = options;
    const { password, tls = false } = options;
    this.url = urlOf(port, tls, password);
    this.#folder = mkdtempSync(path.join(tmpdir(), 'tollgate-redis-'));
    mkdirSync(path.join(this.#folder, 'data'));
    for (const name of ['localhost.crt', 'localhost.key'])
      copyFileSync(certificate(name), path.join(this.#folder, name));
    const settings = settingsFor(this.#folder, port, options);
    this.#child = spawn('/bin/sh', ['-c', keeper, 'redis-keeper', this.#folder, program, ...settings], {
      // Its own session: Ctrl-C in a terminal reaches the test, whose end then ends the server.
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    // Held by nothing: the test's process ends as if there were no server.
    this.#child.unref();
    for (const stream of [this.#child.stdin, this.#child.stdout]) if (stream instanceof Socket) stream.unref();
  }

  async start(): Promise<void> {
    this.#pid = await this.#ask('start');
    await eventually(async () => (await this.command('PING')) === 'PONG', 'an answer of Redis');
  }

  async kill(): Promise<void> {
    await this.#ask('kill');
  }

  async empty(): Promise<void> {
    await this.#ask('empty');
  }

  pause(): void {
    process.kill(this.#pid, 'SIGSTOP');
  }

  resume(): void {
    process.kill(this.#pid, 'SIGCONT');
  }

  async command(...args: string[]): Promise<unknown> {
    const { tls = false } = this.#options;
    const client = createClient({
      url: this.url,
      RESP: 2,
      socket: tls ? { tls: true, ca: authorityOfTests(), reconnectStrategy: false } : { reconnectStrategy: false },
    });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return await client.sendCommand(args);
    } finally {
      client.destroy();
    }
  }

  async changePassword(password: string): Promise<void> {
    await this.command('CONFIG', 'SET', 'requirepass', password);
    this.url = urlOf(this.port, this.#options.tls === true, password);
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => {
      this.#child.once('close', resolve);
    });
    this.#child.ref();
    this.#child.stdin.end();
    await closed;
  }

  async #ask(command: string): Promise<number> {
    // Somebody waits now.
    this.#child.ref();
    try {
      this.#child.stdin.write(`${command}\n`);
      const { value, done } = await this.#answers.next();
      if (done === true) throw new Error(`Redis cannot be ${command}ed: its keeper is gone.`);
      return Number(value);
    } finally {
      this.#child.unref();
    }
  }
}

/** A server of its own on a free port; gone when it is closed, or when the test's process is, however that ends. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  if (installed === undefined) throw new Error(redisOrSkip.skip ?? 'no Redis server is installed');
  const server = new RunningServer(installed, await freePort(), options);
  await server.start();
  return server;
}

export interface RedisCluster {
  readonly nodes: readonly RedisServer[];
  /** Of one node; the others are found through it. */
  readonly url: string;
  close(): Promise<void>;
}

const slots = 16_384;

/** So many nodes, each with its share of the slots. */
export async function startRedisCluster(count: number): Promise<RedisCluster> {
  const nodes: RedisServer[] = [];
  for (let at = 0; at < count; at += 1) {
    const node = await startRedis({ cluster: true });
    nodes.push(node);
    const [from, to] = [Math.ceil((slots * at) / count), Math.ceil((slots * (at + 1)) / count) - 1];
    await node.command('CLUSTER', 'ADDSLOTSRANGE', String(from), String(to));
    // Without numbers of their own the nodes would wait for each other's for seconds.
    await node.command('CLUSTER', 'SET-CONFIG-EPOCH', String(at + 1));
  }
  const [first, ...others] = nodes;
  if (first === undefined) throw new Error('A cluster has a node.');
  for (const node of others) await first.command('CLUSTER', 'MEET', '127.0.0.1', String(node.port));
  for (const node of nodes)
    await eventually(
      async () => String(await node.command('CLUSTER', 'INFO')).includes('cluster_state:ok'),
      'a cluster that every node knows',
    );
  return {
    nodes,
    url: first.url,
    close: async () => void (await Promise.all(nodes.map(async (node) => await node.close()))),
  };
}
