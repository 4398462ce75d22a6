import { execFileSync, spawn, type ChildProcessByStdio } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  globSync,
  mkdtempSync,
  readFileSync,
} from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { Client } from 'pg';
import { freePort } from './free-port.ts';
import { skipWithout } from './required-programs.ts';

/** A database of its own for a test; it goes with the server. */
export interface TestDatabase {
  readonly name: string;
  /** As its owner, who may do anything in it and nothing else. */
  readonly url: string;
  /** The same database through another door, a proxy for one. */
  urlAt(port: number): string;
  /** As the superuser, to look at what no client is shown. */
  readonly superuserUrl: string;
}

export interface PostgresServer {
  readonly port: number;
  createDatabase(): Promise<TestDatabase>;
  /** `immediate` is the death of the server: nothing is written down, and the next start recovers. */
  stop(mode: 'fast' | 'immediate'): Promise<void>;
  start(): Promise<void>;
  /** As the superuser; in the database of that name, or in none of a test's. */
  ask(statements: string, database?: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** Another server that follows this one, with everything that it has by now. */
  startStandby(): Promise<Standby>;
}

export interface Standby extends PostgresServer {
  /** Hears nothing more of the other one, so that what is committed there from now on would be lost. */
  stopFollowing(): Promise<void>;
  /** Takes writes from now on. */
  promote(): Promise<void>;
}

const owner = 'tollgate';
const password = 'password-of-the-test';

/** The folder of the server's programs: `TOLLGATE_TEST_POSTGRES`, the PATH, or where Debian puts them, newest first. */
function findPrograms(): string | undefined {
  const onPath = (process.env['PATH'] ?? '').split(path.delimiter);
  const ofDebian = globSync('/usr/lib/postgresql/*/bin').toSorted((one, other) => versionOf(other) - versionOf(one));
  return [process.env['TOLLGATE_TEST_POSTGRES'] ?? [], onPath, ofDebian]
    .flat()
    .find((folder) =>
      ['initdb', 'pg_basebackup', 'pg_ctl', 'postgres'].every((name) => existsSync(path.join(folder, name))),
    );
}

const versionOf = (folder: string): number => Number(/postgresql\/(\d+)/.exec(folder)?.[1] ?? 0);

interface Account {
  readonly uid: number;
  readonly gid: number;
}

const idOfPostgres = (option: '-u' | '-g'): number =>
  Number(execFileSync('id', [option, 'postgres'], { stdio: ['ignore', 'pipe', 'ignore'] }).toString());

/** The server refuses to run as root: then it runs as Debian's own account for it. */
function accountForServer(): Account | 'own' | undefined {
  if (process.getuid?.() !== 0) return 'own';
  try {
    return { uid: idOfPostgres('-u'), gid: idOfPostgres('-g') };
  } catch {
    return undefined;
  }
}

interface Installed {
  readonly programs: string;
  readonly account: Account | 'own';
}

function find(): Installed | string {
  const programs = findPrograms();
  if (programs === undefined)
    return 'no PostgreSQL server is installed (apt-get install postgresql, or set TOLLGATE_TEST_POSTGRES to its bin folder)';
  const account = accountForServer();
  if (account === undefined) return 'PostgreSQL does not run as root, and there is no account named postgres';
  return { programs, account };
}

const installed = find();

/** For `test` and `describe` that need the server. */
export const orSkip = skipWithout('postgres', typeof installed === 'string' ? installed : undefined);

/**
 * Owns the server: starts and stops it as standard input says, and ends it for good, its folder with it, when the
 * input ends. That happens in any case: the other end of the pipe is the test's process.
 */
const keeper = `
  bin=$1 folder=$2
  while read -r command mode; do
    case $command in
      start) "$bin/pg_ctl" -D "$folder/data" -s -w -t 60 -l "$folder/log" start >"$folder/start.log" 2>&1 </dev/null; echo "$?" ;;
      stop) "$bin/pg_ctl" -D "$folder/data" -s -w -t 60 -m "$mode" stop >/dev/null 2>&1 </dev/null; echo "$?" ;;
    esac
  done
  "$bin/pg_ctl" -D "$folder/data" -s -w -m immediate stop >/dev/null 2>&1 </dev/null
  rm -rf "$folder"`;

// The commit is handed to the operating system, which survives the server; only the machine's death would lose it.
const settingsFor = (folder: string, port: number): string => `
  listen_addresses = '127.0.0.1'
  port = ${port}
  unix_socket_directories = '${folder}'
  fsync = off
  full_page_writes = off
  shared_buffers = 64MB
  max_connections = 60
  deadlock_timeout = 50ms
  wal_retrieve_retry_interval = 200ms
  ssl = on
  ssl_cert_file = '${folder}/localhost.crt'
  ssl_key_file = '${folder}/localhost.key'
  log_min_messages = warning
`;

function emptyFolder(account: Account | 'own'): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'tollgate-postgres-'));
  chmodSync(folder, 0o755);
  if (account !== 'own') chownSync(folder, account.uid, account.gid);
  return folder;
}

function addCertificate(folder: string, account: Account | 'own'): void {
  for (const name of ['localhost.crt', 'localhost.key']) {
    const file = path.join(folder, name);
    copyFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url), file);
    // The server wants its key to be nobody else's.
    chmodSync(file, 0o600);
    if (account !== 'own') chownSync(file, account.uid, account.gid);
  }
}

function initialise({ programs, account }: Installed): string {
  const folder = emptyFolder(account);
  const as = account === 'own' ? {} : account;
  execFileSync(
    path.join(programs, 'initdb'),
    ['-D', `${folder}/data`, '-U', 'postgres', '-E', 'UTF8', '--locale=C', '--no-sync', '--auth-host=scram-sha-256'],
    { ...as, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'], env: {} },
  );
  addCertificate(folder, account);
  return folder;
}

/** What the standby's server has in the place of what the primary's configuration, which it is a copy of, says. */
function copyOf(primary: string, { programs, account }: Installed, port: number): string {
  const folder = emptyFolder(account);
  const as = account === 'own' ? {} : account;
  const follow = ['-D', `${folder}/data`, '-R', '-X', 'stream', '-c', 'fast', '--no-sync', '-d', primary];
  execFileSync(path.join(programs, 'pg_basebackup'), follow, {
    ...as,
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {},
  });
  addCertificate(folder, account);
  appendFileSync(path.join(folder, 'data', 'postgresql.conf'), settingsFor(folder, port));
  return folder;
}

class RunningServer implements Standby {
  readonly #installed: Installed;
  readonly #folder: string;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #answers: AsyncIterator<string>;
  #databases = 0;
  readonly port: number;

  constructor(using: Installed, folder: string, port: number) {
    const { programs, account } = using;
    this.#installed = using;
    this.#folder = folder;
    this.port = port;
    this.#child = spawn('/bin/sh', ['-c', keeper, 'postgres-keeper', programs, folder], {
      ...(account === 'own' ? {} : account),
      cwd: folder,
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
    if ((await this.#ask('start')) !== 0)
      throw new Error(`PostgreSQL did not start: ${this.#read('start.log')}${this.#read('log')}`);
  }

  async stop(mode: 'fast' | 'immediate'): Promise<void> {
    if ((await this.#ask(`stop ${mode}`)) !== 0) throw new Error(`PostgreSQL did not stop: ${this.#read('log')}`);
  }

  async createDatabase(): Promise<TestDatabase> {
    this.#databases += 1;
    const name = `test_${this.#databases}`;
    await this.ask(`create database ${name} owner ${owner}`);
    const urlAt = (port: number): string => `postgres://${owner}:${password}@127.0.0.1:${port}/${name}`;
    const superuserUrl = `postgres://postgres@/${name}?host=${this.#folder}&port=${this.port}`;
    return { name, url: urlAt(this.port), urlAt, superuserUrl };
  }

  async prepare(): Promise<void> {
    await this.ask(`create role ${owner} login password '${password}'`);
  }

  async ask(statements: string, database = 'postgres'): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const client = new Client({ host: this.#folder, port: this.port, user: 'postgres', database });
    // A server that ends tells its connections so, and one that nobody waits for would end the test's process.
    client.on('error', () => undefined);
    await client.connect();
    try {
      const { rows } = await client.query<Record<string, unknown>>(statements);
      return rows;
    } finally {
      await client.end();
    }
  }

  async startStandby(): Promise<Standby> {
    const port = await freePort();
    const primary = `host=${this.#folder} port=${this.port} user=postgres`;
    const standby = new RunningServer(this.#installed, copyOf(primary, this.#installed, port), port);
    await standby.start();
    return standby;
  }

  async stopFollowing(): Promise<void> {
    await this.ask("alter system set primary_conninfo = ''");
    await this.ask('select pg_reload_conf()');
    while ((await this.ask('select pid from pg_stat_wal_receiver')).length > 0);
  }

  async promote(): Promise<void> {
    await this.ask('select pg_promote()');
  }

  async #ask(command: string): Promise<number> {
    // Somebody waits now.
    this.#child.ref();
    try {
      this.#child.stdin.write(`${command}\n`);
      const { value, done } = await this.#answers.next();
      return done === true ? -1 : Number(value);
    } finally {
      this.#child.unref();
    }
  }

  #read(name: string): string {
    const file = path.join(this.#folder, name);
    return existsSync(file) ? readFileSync(file, 'utf8').slice(-4000) : '';
  }
}

/** A server of a test's own, gone when the test's process is. */
export async function startPostgres(): Promise<PostgresServer> {
  if (typeof installed === 'string') throw new Error(installed);
  const folder = initialise(installed);
  const port = await freePort();
  appendFileSync(path.join(folder, 'data', 'postgresql.conf'), settingsFor(folder, port));
  const server = new RunningServer(installed, folder, port);
  await server.start();
  await server.prepare();
  return server;
}

let shared: Promise<PostgresServer> | undefined;

/** The one server of this test file: started when it is first asked for, gone when the file's process is, however it ends. */
export async function postgresServer(): Promise<PostgresServer> {
  shared ??= startPostgres();
  return await shared;
}
