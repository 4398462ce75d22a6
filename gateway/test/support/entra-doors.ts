// How Azure's PostgreSQL and Redis take Entra tokens, in front of a real server of each.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createSecureServer } from 'node:tls';
import { Client } from 'pg';
import type { RunningTwin } from '../../../twin/src/server.ts';
import type { RedisServer } from './redis-server.ts';

export const postgresAudience = 'https://ossrdbms-aad.database.windows.net';
export const redisAudience = 'https://redis.azure.com';

interface Principal {
  readonly objectId: string;
  /** UTC ms. */
  readonly endsAt: number;
}

/** Whose token it is, where it is one of the twin's that is in force and for this audience. */
function principalOf({ azure }: RunningTwin, token: string, audience: string): Principal | undefined {
  const { aud, oid, exp } = azure.issuer.read(token) ?? {};
  return aud === audience && typeof oid === 'string' && typeof exp === 'number'
    ? { objectId: oid, endsAt: exp * 1000 }
    : undefined;
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function ended(server: Server, sockets: Iterable<Socket>): Promise<void> {
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => {
    server.close(resolve);
  });
}

// ── PostgreSQL: it asks a directory whether a password is right; the directory looks at tokens ──

interface Element {
  readonly tag: number;
  readonly content: Buffer;
  /** Where the next one begins. */
  readonly end: number;
}

/** One element of ASN.1 BER; undefined where not all of it is there. */
function elementAt(bytes: Buffer, at: number): Element | undefined {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined) return undefined;
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  if (bytes.length < at + 2 + lengthBytes) return undefined;
  const length = lengthBytes === 0 ? first : bytes.readUIntBE(at + 2, lengthBytes);
  const begin = at + 2 + lengthBytes;
  return bytes.length < begin + length
    ? undefined
    : { tag, content: bytes.subarray(begin, begin + length), end: begin + length };
}

function childrenOf({ content }: Element): readonly Element[] {
  const found: Element[] = [];
  for (let at = 0; at < content.length;) {
    const child = elementAt(content, at);
    if (child === undefined) break;
    found.push(child);
    at = child.end;
  }
  return found;
}

const bindRequest = 0x60;

/** The answer to an LDAP message; undefined where none is expected. */
function bindAnswer(message: Element, isRight: (user: string, password: string) => boolean): Buffer | undefined {
  const [id, operation] = childrenOf(message);
  if (id === undefined || operation?.tag !== bindRequest) return undefined;
  const [, name, password] = childrenOf(operation);
  const user = name?.content.toString().replace(/^cn=/, '') ?? '';
  const code = isRight(user, password?.content.toString() ?? '') ? 0 : 49;
  const result = Buffer.from([0x61, 7, 0x0a, 1, code, 4, 0, 4, 0]);
  const head = Buffer.from([0x02, id.content.length, ...id.content]);
  return Buffer.concat([Buffer.from([0x30, head.length + result.length]), head, result]);
}

export interface EntraPostgres {
  /** Sign-ins with a token that was taken, in the order of the making: the tokens. */
  readonly taken: readonly string[];
  /** What a role has to be to be let in; by name. */
  readonly roles: Map<string, { readonly objectId: string }>;
  close(): Promise<void>;
}

/** From now on the roles of the map sign in to the server with a token in the place of a password, over TLS only. */
export async function entraPostgres(twin: RunningTwin, superuserUrl: string): Promise<EntraPostgres> {
  const taken: string[] = [];
  const roles = new Map<string, { readonly objectId: string }>();
  const isRight = (user: string, token: string): boolean => {
    const principal = principalOf(twin, token, postgresAudience);
    const right = principal !== undefined && roles.get(user)?.objectId === principal.objectId;
    if (right) taken.push(token);
    return right;
  };
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket)).on('error', () => undefined);
    let bytes = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      for (let message = elementAt(bytes, 0); message !== undefined; message = elementAt(bytes, 0)) {
        bytes = bytes.subarray(message.end);
        const answer = bindAnswer(message, isRight);
        if (answer !== undefined) socket.write(answer);
      }
    });
  });
  const port = await listening(server);
  await asSuperuser(superuserUrl, async (client) => {
    const { rows } = await client.query<{ setting: string }>("select setting from pg_settings where name = 'hba_file'");
    const lines = [
      'local all all trust',
      'hostssl all tollgate 127.0.0.1/32 scram-sha-256',
      `hostssl all all 127.0.0.1/32 ldap ldapserver=127.0.0.1 ldapport=${port} ldapprefix="cn="`,
    ];
    const values = lines.map((line) => `(${client.escapeLiteral(line)})`).join(', ');
    await client.query(`copy (values ${values}) to ${client.escapeLiteral(rows[0]?.setting ?? '')}`);
    await client.query('select pg_reload_conf()');
    const { rows: wrong } = await client.query('select error from pg_hba_file_rules where error is not null');
    if (wrong.length > 0) throw new Error(`This PostgreSQL cannot ask a directory: ${JSON.stringify(wrong)}`);
  });
  return { taken, roles, close: async () => await ended(server, sockets) };
}

async function asSuperuser(url: string, work: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

/** Makes the role of an identity, which owns the database. */
export async function makeRole(superuserUrl: string, name: string): Promise<void> {
  await asSuperuser(superuserUrl, async (client) => {
    const role = client.escapeIdentifier(name);
    await client.query(`create role ${role} login`);
    await client.query(`grant all on schema public to ${role}`);
  });
}

// ── Redis: a door that looks at what AUTH and HELLO show, and hangs up when a token has ended ──

const certificate = (name: string): Buffer => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url));

/** Commands as they are sent: arrays of bulk strings. */
class Commands {
  #bytes = Buffer.alloc(0);

  read(chunk: Buffer): readonly { readonly args: readonly string[]; readonly raw: Buffer }[] {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    const found = [];
    for (let next = this.#next(); next !== undefined; next = this.#next()) found.push(next);
    return found;
  }

  #next(): { readonly args: readonly string[]; readonly raw: Buffer } | undefined {
    const args: string[] = [];
    let at = 0;
    const line = (): string | undefined => {
      const end = this.#bytes.indexOf('\r\n', at);
      if (end === -1) return undefined;
      const text = this.#bytes.toString('latin1', at, end);
      at = end + 2;
      return text;
    };
    const count = Number(line()?.slice(1) ?? Number.NaN);
    if (Number.isNaN(count)) return undefined;
    for (let arg = 0; arg < count; arg += 1) {
      const length = Number(line()?.slice(1) ?? Number.NaN);
      if (Number.isNaN(length) || this.#bytes.length < at + length + 2) return undefined;
      args.push(this.#bytes.toString('utf8', at, at + length));
      at += length + 2;
    }
    const raw = this.#bytes.subarray(0, at);
    this.#bytes = this.#bytes.subarray(at);
    return { args, raw };
  }
}

export interface EntraRedis {
  readonly port: number;
  readonly url: string;
  /** Object ids that have an access policy. */
  readonly assigned: Set<string>;
  /** Tokens that were shown and taken, by connection. */
  readonly connections: readonly { readonly tokens: readonly string[]; readonly open: boolean }[];
  /** Hangs up on every connection whose last token has ended, as the service does. */
  hangUpOnEnded(): number;
  close(): Promise<void>;
}

interface Through {
  readonly tokens: string[];
  readonly socket: Socket;
  endsAt: number;
  open: boolean;
}

/** The user and password that a command shows. */
function shownIn([name = '', ...rest]: readonly string[]): readonly [string, string] | undefined {
  const command = name.toUpperCase();
  if (command === 'AUTH' && rest.length === 2) return [rest[0] ?? '', rest[1] ?? ''];
  const at = rest.findIndex((arg) => arg.toUpperCase() === 'AUTH');
  return command === 'HELLO' && at !== -1 ? [rest[at + 1] ?? '', rest[at + 2] ?? ''] : undefined;
}

/** A door over TLS to a real server, which takes tokens of the twin for the object ids that are assigned. */
export async function entraRedis(twin: RunningTwin, server: RedisServer, now: () => number): Promise<EntraRedis> {
  const connections: Through[] = [];
  const assigned = new Set<string>();
  const admit = async (user: string, token: string, through: Through): Promise<void> => {
    const principal = principalOf(twin, token, redisAudience);
    if (principal === undefined || principal.objectId !== user || !assigned.has(user)) return;
    await server.command('ACL', 'SETUSER', user, 'on', `>${token}`, '~*', '&*', '+@all');
    through.tokens.push(token);
    through.endsAt = principal.endsAt;
  };
  const door = createSecureServer(
    { key: certificate('localhost.key'), cert: certificate('localhost.crt') },
    (socket) => {
      const through: Through = { tokens: [], socket, endsAt: Infinity, open: true };
      connections.push(through);
      const inner = connect(server.port, '127.0.0.1');
      for (const one of [socket, inner]) one.on('error', () => undefined);
      inner.pipe(socket);
      socket.once('close', () => {
        through.open = false;
        inner.destroy();
      });
      const commands = new Commands();
      let turn = Promise.resolve();
      const pass = async (args: readonly string[], raw: Buffer): Promise<void> => {
        const shown = shownIn(args);
        if (shown !== undefined) await admit(...shown, through);
        // Nobody is there without a user.
        if (shown === undefined && through.tokens.length === 0) socket.write('-NOAUTH Authentication required.\r\n');
        else inner.write(raw);
      };
      socket.on('data', (chunk: Buffer) => {
        for (const { args, raw } of commands.read(chunk)) {
          const before = turn;
          turn = (async () => {
            await before;
            await pass(args, raw);
          })();
        }
      });
    },
  );
  const port = await listening(door);
  return {
    port,
    url: `rediss://localhost:${port}`,
    assigned,
    connections,
    hangUpOnEnded() {
      const gone = connections.filter(({ open, endsAt }) => open && endsAt <= now());
      for (const { socket } of gone) socket.destroy();
      return gone.length;
    },
    close: async () =>
      await ended(
        door,
        connections.map(({ socket }) => socket),
      ),
  };
}
