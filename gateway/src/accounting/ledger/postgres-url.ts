/** What a PostgreSQL URL says; the password stands there or beside it. */
export interface PostgresUrl {
  /** A name, an IP address, or the folder of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string | null;
  readonly database: string;
  /** By the URL's `sslmode`; null where it has none. */
  readonly tls: 'verify' | 'encrypt' | 'off' | null;
}

export type ReadPostgresUrl =
  | { readonly ok: true; readonly url: PostgresUrl }
  /** Everything that is wrong, in sentences that show nothing of the URL but names of parameters. */
  | { readonly ok: false; readonly problems: readonly string[] };

/** Stands where a URL names none. */
const socketHost = 'socket.invalid';
const example = 'postgres://user:password@host:5432/database';

/** The words of PostgreSQL's own clients. `require` checks no certificate there, so it does not here. */
const tlsBySslMode: Readonly<Record<string, NonNullable<PostgresUrl['tls']>>> = {
  disable: 'off',
  allow: 'encrypt',
  prefer: 'encrypt',
  require: 'encrypt',
  'verify-ca': 'verify',
  'verify-full': 'verify',
};

/** Said of what is missing. */
const missing = (noun: string): string => `it names no ${noun}; expected ${example}`;

function hostProblems(host: string): readonly string[] {
  if (host === '' || host === socketHost) return [missing('host')];
  return host.includes(',') ? ['it names several hosts; name the one that takes writes'] : [];
}

function parameterProblems(parameters: ReadonlyMap<string, string>): readonly string[] {
  const sslMode = parameters.get('sslmode');
  const unknown = [...parameters.keys()].filter((name) => !['host', 'port', 'sslmode'].includes(name));
  return [
    sslMode === undefined || Object.hasOwn(tlsBySslMode, sslMode)
      ? []
      : [`its sslmode is unknown; expected one of ${Object.keys(tlsBySslMode).join(', ')}`],
    unknown.map((name) => `its parameter '${name}' is not understood here`),
  ].flat();
}

const isPort = (port: number): boolean => Number.isInteger(port) && port >= 1 && port <= 65_535;

function addressProblems({ host, port, user, database }: Omit<PostgresUrl, 'password' | 'tls'>): readonly string[] {
  return [
    hostProblems(host),
    isPort(port) ? [] : ['its port is no number from 1 to 65535'],
    user === '' ? [missing('user')] : [],
    database === '' || database.includes('/') ? [missing('database')] : [],
  ].flat();
}

/** `postgres://user:password@host:5432/database`; with `?host=/folder` for a Unix socket, and with `?sslmode=…`. */
export function readPostgresUrl(text: string): ReadPostgresUrl {
  // The host of a socket stands in the query, and the URL has none: that is no URL to the parser.
  const url = URL.parse(text.replace(/^([a-z]+:\/\/(?:[^/@]*@)?)(?=\/)/, `$1${socketHost}`));
  if (url === null || !/^postgres(ql)?:$/.test(url.protocol))
    return { ok: false, problems: [`expected the URL of a database, such as ${example}`] };
  const parameters = new Map(url.searchParams);
  const address = {
    host: parameters.get('host') ?? decoded(url.hostname).replace(/^\[(.+)\]$/, '$1'),
    port: Number(parameters.get('port') ?? (url.port === '' ? 5432 : url.port)),
    user: decoded(url.username),
    database: decoded(url.pathname.slice(1)),
  };
  const problems = [...addressProblems(address), ...parameterProblems(parameters)];
  if (problems.length > 0) return { ok: false, problems };
  const password = url.password === '' ? null : decoded(url.password);
  return { ok: true, url: { ...address, password, tls: tlsBySslMode[parameters.get('sslmode') ?? ''] ?? null } };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
