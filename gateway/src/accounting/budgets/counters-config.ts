import type { ConfigFinding, ConfigSection, Frozen } from '#kernel/config-section.ts';
import { duration, secret, wholeNumber } from '#kernel/config-values.ts';
import { z } from 'zod';

const redis = z
  .strictObject({
    url: secret({ mayHaveDefault: false }).describe(
      'Where the server is, by reference: `redis://user:password@host:6379/0`, or `rediss://` for TLS, with the ' +
        "server's certificate checked. Characters with a meaning in URLs are written as `%40` and the like. Of a cluster: " +
        'one of its nodes.',
    ),
    password: secret({ mayHaveDefault: false })
      .optional()
      .describe('The password, by reference, where the URL does not hold it.'),
    identity: z
      .enum(['managed-identity', 'workload-identity', 'default'])
      .optional()
      .describe(
        'Azure Managed Redis, Azure Cache for Redis: whose Entra token is shown in the place of a password, when a ' +
          'connection is made and again before the token ends. With `rediss://` only. The user is the object id that ' +
          'stands in the token, unless the URL names one.',
      ),
    scope: z
      .string()
      .min(1)
      .default('https://redis.azure.com/.default')
      .describe('With `identity`: what the token is for; sovereign clouds have their own.'),
    certificateAuthority: secret()
      .optional()
      .describe(
        "With `rediss://`: the authorities that may sign the server's certificate, as PEM: `{ file: path }`. Default: " +
          'those that Node knows.',
      ),
    cluster: z
      .boolean()
      .default(false)
      .describe(
        'Whether the server runs in cluster mode. Keys of one organisation share a hash tag, so that one node has them all.',
      ),
    keyPrefix: z
      .string()
      .regex(/^[A-Za-z0-9:._-]{0,64}$/, 'expected at most 64 letters, digits, colons, dots, dashes and underscores')
      .default('tollgate:')
      .describe('What every key begins with; gateways that share limits have the same one.'),
    timeout: duration({ atLeastMs: 10, atMostMs: 10_000 })
      .prefault('250ms')
      .describe(
        'How long an answer is waited for, at most. After one that did not come nobody waits for a second; see `lease` for ' +
          'what happens then.',
      ),
    lease: duration({ atLeastMs: 1000, atMostMs: 60_000 })
      .prefault('5s')
      .describe(
        'How long a gateway may spend what it was granted after it last heard the server; then hard budgets refuse (503 ' +
          '`counters_unavailable`), soft ones count on, and rates and concurrency let through. Counters that are new, ' +
          'because the server came back empty or another one took over, grant nothing for as long. The same in all gateways.',
      ),
    leasePercent: wholeNumber({ atLeast: 1, atMost: 50 })
      .prefault(5)
      .describe(
        'How much more of a budget than it needs a gateway is granted at a time, in per cent, and never more than what is ' +
          'left divided by twice the number of gateways. More means fewer questions, and more that others cannot spend.',
      ),
  })
  .describe('A Redis or Valkey server, version 7 or later, that evicts nothing (`maxmemory-policy noeviction`).');

const keys = {
  counters: z
    .union([z.literal('memory'), z.strictObject({ redis })], {
      error: 'expected memory, or { redis: { url: "${NAME}" } }',
    })
    .default('memory')
    .describe(
      'Where limits and budgets are counted. `memory`: in each gateway for itself. `{ redis: … }`: in a server that several ' +
        'gateways share, so that a limit holds for all of them together. Read when the gateway starts.',
    ),
};

export type RedisCountersSetting = Frozen<z.output<typeof redis>>;

export const countersConfig: ConfigSection<typeof keys> = {
  name: 'counters',
  summary: 'Where limits and budgets are counted.',
  keys,
  references: [],
  check: ({ counters }) => (counters === undefined || counters === 'memory' ? [] : findingsOf(counters.redis)),
};

const at = (name: keyof RedisCountersSetting): ConfigFinding['path'] => ['counters', 'redis', name];

/** What no schema can say. A member is absent where it is wrong by itself. */
function findingsOf(setting: Partial<RedisCountersSetting>): readonly ConfigFinding[] {
  const url = setting.url === undefined ? undefined : URL.parse(setting.url.reveal());
  if (url === undefined) return [];
  if (url === null || !['redis:', 'rediss:'].includes(url.protocol) || url.hostname === '')
    return [{ path: at('url'), message: 'the URL is none of a Redis server', fix: 'Write redis://host:6379/0.' }];
  if (![url.username, url.password].every(isDecodable))
    return [{ path: at('url'), message: 'in its user or password a % stands by itself', fix: 'Write %25 for a %.' }];
  return [
    ...databaseFindings(setting, url),
    ...passwordFindings(setting, url),
    ...identityFindings(setting, url),
    ...authorityFindings(setting, url),
  ];
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

function identityFindings(setting: Partial<RedisCountersSetting>, url: URL): readonly ConfigFinding[] {
  if (setting.identity === undefined) return [];
  const path = at('identity');
  const findings: ConfigFinding[] = [];
  if (setting.password !== undefined || url.password !== '')
    findings.push({
      path,
      message: 'there is a password too',
      fix: 'Leave the password out: a token takes its place.',
    });
  if (url.protocol === 'redis:')
    findings.push({ path, message: 'a token does not go in clear', fix: 'Write rediss:// in the URL.' });
  return findings;
}

function databaseFindings({ cluster }: Partial<RedisCountersSetting>, { pathname }: URL): readonly ConfigFinding[] {
  const database = pathname.replace(/^\//, '');
  if (!/^\d{0,4}$/.test(database))
    return [{ path: at('url'), message: 'behind the host stands no number of a database' }];
  const isOther = cluster === true && Number(database) !== 0;
  return isOther ? [{ path: at('url'), message: 'a cluster has database 0 only', fix: 'Leave the number out.' }] : [];
}

function passwordFindings({ password }: Partial<RedisCountersSetting>, url: URL): readonly ConfigFinding[] {
  if (password === undefined || url.password === '') return [];
  const message = 'the URL holds a password too';
  return [{ path: at('password'), message, fix: 'Give the password in one of the two.' }];
}

function authorityFindings(
  { certificateAuthority }: Partial<RedisCountersSetting>,
  { protocol }: URL,
): readonly ConfigFinding[] {
  if (certificateAuthority === undefined) return [];
  const path = at('certificateAuthority');
  if (!certificateAuthority.reveal().includes('-----BEGIN CERTIFICATE-----')) {
    const fix = 'Give a PEM file: it begins with -----BEGIN CERTIFICATE-----.';
    return [{ path, message: 'there is no certificate in it', fix }];
  }
  const message = 'no certificate is checked with redis://';
  return protocol === 'redis:' ? [{ path, message, fix: 'Write rediss:// in the URL.', severity: 'warning' }] : [];
}
