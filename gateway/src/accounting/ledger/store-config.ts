import type { ConfigFinding, Frozen } from '#kernel/config-section.ts';
import { duration, secret, wholeNumber } from '#kernel/config-values.ts';
import { z } from 'zod';
import { readPostgresUrl, type PostgresUrl } from './postgres-url.ts';

const postgres = z
  .strictObject({
    url: secret({ mayHaveDefault: false }).describe(
      'Where the database is, by reference: `postgres://user:password@host:5432/database`. Characters with a meaning in ' +
        'URLs are written as `%40` and the like. `?sslmode=…` is understood as in other clients, `?host=/folder` is a ' +
        'Unix socket. A pooler in between has to keep sessions.',
    ),
    password: secret({ mayHaveDefault: false })
      .optional()
      .describe('The password, by reference, where the URL does not hold it.'),
    identity: z
      .enum(['managed-identity', 'workload-identity', 'default'])
      .optional()
      .describe(
        'Azure Database for PostgreSQL: whose Entra token is shown in the place of a password. The user in the URL is the ' +
          'role that was made for that identity. Every new connection shows a token that is in force; the certificate of ' +
          'the server has to be checked.',
      ),
    scope: z
      .string()
      .min(1)
      .default('https://ossrdbms-aad.database.windows.net/.default')
      .describe('With `identity`: what the token is for; sovereign clouds have their own.'),
    tls: z
      .enum(['verify', 'encrypt', 'off'])
      .optional()
      .describe(
        "`verify`: encrypted, and the server's certificate is checked. `encrypt`: encrypted, whoever answers. `off`: in " +
          "clear. Default: what the URL's `sslmode` says, else `verify`.",
      ),
    certificateAuthority: secret()
      .optional()
      .describe(
        "The authorities that may sign the server's certificate, as PEM: `{ file: path }`. Default: those that Node knows.",
      ),
    connections: wholeNumber({ atLeast: 1, atMost: 100 })
      .prefault(4)
      .describe(
        'How many connections a gateway opens for queries, at most; it has two more for writing and listening.',
      ),
    statementTimeout: duration({ atLeastMs: 1000, atMostMs: 3_600_000 })
      .prefault('30s')
      .describe('After so long the server ends a statement. What is written is tried again.'),
  })
  .describe('A PostgreSQL database, version 13 or later, that belongs to Tollgate. Several gateways may share it.');

/** Where records and the directory live. */
export const storeSetting = z
  .union([z.literal('sqlite'), z.strictObject({ postgres })], {
    error: 'expected sqlite, or { postgres: { url: "${NAME}" } }',
  })
  .default('sqlite')
  .describe(
    'Where records, roll-ups, subscriptions and keys are kept. `sqlite`: in a file of the data folder, for one gateway. ' +
      '`{ postgres: … }`: in a database that several gateways share. What one store holds is not moved to the other: ' +
      "the new one is filled with what the journal's files still hold, and subscriptions are made anew.",
  );

export type StoreSetting = z.output<typeof storeSetting>;
export type PostgresSetting = Frozen<z.output<typeof postgres>>;

/** How to reach the database: the URL and what stands beside it, put together. Never logged. */
export interface StoreAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string | null;
  readonly database: string;
  readonly tls: 'verify' | 'encrypt' | 'off';
  readonly certificateAuthority: string | null;
}

/** Of settings that `findingsOfStore` has nothing against. */
export function storeAddress(setting: PostgresSetting): StoreAddress {
  const read = readPostgresUrl(setting.url.reveal());
  if (!read.ok) throw new TypeError('The URL of the database was not checked.');
  return {
    ...read.url,
    password: setting.password?.reveal() ?? read.url.password,
    tls: setting.tls ?? read.url.tls ?? 'verify',
    certificateAuthority: setting.certificateAuthority?.reveal() ?? null,
  };
}

const at = (name: keyof PostgresSetting): ConfigFinding['path'] => ['ledger', 'store', 'postgres', name];

/** What no schema can say. `url` or another member is absent where it is wrong by itself. */
export function findingsOfStore(store: StoreSetting | undefined): readonly ConfigFinding[] {
  if (store === undefined || store === 'sqlite') return [];
  const setting: Partial<PostgresSetting> = store.postgres;
  const read = setting.url === undefined ? undefined : readPostgresUrl(setting.url.reveal());
  if (read === undefined) return [];
  return [
    read.ok ? passwordFindings(setting, read.url) : read.problems.map((message) => ({ path: at('url'), message })),
    identityFindings(setting, read.ok ? read.url : undefined),
    authorityFindings(setting, read.ok ? read.url : undefined),
  ].flat();
}

function passwordFindings({ password }: Partial<PostgresSetting>, url: PostgresUrl): readonly ConfigFinding[] {
  if (password === undefined || url.password === null) return [];
  const message = 'the URL holds a password too';
  return [{ path: at('password'), message, fix: 'Give the password in one of the two.' }];
}

function identityFindings(setting: Partial<PostgresSetting>, url: PostgresUrl | undefined): readonly ConfigFinding[] {
  if (setting.identity === undefined) return [];
  const path = at('identity');
  const hasPassword = setting.password !== undefined || (url !== undefined && url.password !== null);
  const checked = setting.tls ?? url?.tls ?? 'verify';
  return [
    hasPassword
      ? [{ path, message: 'there is a password too', fix: 'Leave the password out: a token takes its place.' }]
      : [],
    checked === 'verify'
      ? []
      : [
          {
            path,
            message: `with tls: ${checked} the token would be shown to whoever answers`,
            fix: 'Set tls to verify, or write sslmode=verify-full.',
          },
        ],
  ].flat();
}

function authorityFindings(
  { certificateAuthority, tls }: Partial<PostgresSetting>,
  url: PostgresUrl | undefined,
): readonly ConfigFinding[] {
  if (certificateAuthority === undefined) return [];
  const path = at('certificateAuthority');
  const isPem = certificateAuthority.reveal().includes('-----BEGIN CERTIFICATE-----');
  const checked = tls ?? url?.tls ?? 'verify';
  return [
    isPem
      ? []
      : [
          {
            path,
            message: 'there is no certificate in it',
            fix: 'Give a PEM file: it begins with -----BEGIN CERTIFICATE-----.',
          },
        ],
    checked === 'verify'
      ? []
      : [
          {
            path,
            message: `no certificate is checked with tls: ${checked}`,
            fix: 'Set tls to verify.',
            severity: 'warning' as const,
          },
        ],
  ].flat();
}
