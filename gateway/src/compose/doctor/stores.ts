import { whereOf } from '#adapters/postgres/connections.ts';
import { examineDatabase, type DatabaseFacts } from '#adapters/postgres/examine.ts';
import { RedisConnection, type RedisAddress } from '#adapters/redis/connection.ts';
import { signingIn, storeMigrations, type PostgresChoice } from '#compose/ledger/stores.ts';
import type { Clock } from '#kernel/clock.ts';
import { silentLog, type Log } from '#kernel/log.ts';
import { failed, ok, warning, type Check, type ClockDifferences, type Finding } from './finding.ts';
import { oneLine } from './tokens.ts';
import { within } from './within.ts';

interface Around {
  readonly clock: Clock;
  readonly clocks: ClockDifferences;
}

const postgres = 'PostgreSQL';
const oldestPostgres = 130_000;

export function postgresCheck(choice: PostgresChoice, { clock, clocks }: Around): Check {
  return {
    name: postgres,
    async run() {
      try {
        const facts = await examineDatabase(signingIn(choice, silentLog), storeMigrations, clock);
        clocks.add('the database', facts.aheadMs);
        return [judged(facts, whereOf(choice.address))];
      } catch (error) {
        const [detail, fix] = parted(error instanceof Error ? error.message : String(error));
        return [failed(postgres, detail, fix)];
      }
    },
  };
}

/** Errors of the store end with what to do. */
function parted(text: string): readonly [detail: string, fix: string] {
  const at = text.indexOf('. ');
  return at === -1
    ? [oneLine(text), 'Look at the server, and at its log.']
    : [oneLine(text.slice(0, at)), text.slice(at + 2)];
}

function judged({ version, user, encrypted, canCreate, pending }: DatabaseFacts, where: string): Finding {
  const major = Math.floor(version / 10_000);
  const says = `${where}, version ${major}, as ${user}${encrypted ? '' : ', not encrypted'}`;
  if (version < oldestPostgres) return failed(postgres, says, 'Version 13 or later is needed.');
  const mustMake = pending === null || pending.length > 0;
  if (!canCreate)
    return (mustMake ? failed : warning)(
      postgres,
      `${says}: the user may make no tables`,
      `Make '${user}' the owner of the database, or grant it CREATE on its schema.`,
    );
  if (pending === null) return ok(postgres, `${says}; its tables are made when a gateway starts`);
  return ok(
    postgres,
    pending.length === 0
      ? `${says}; its tables are of this version`
      : `${says}; a gateway that starts adds ${pending.join(', ')}`,
  );
}

const redis = 'Redis';
/** For the connection, and for the answers. */
const answerMs = 10_000;
const text = "redis.call('SET', KEYS[1], ARGV[1], 'PX', 1000) return redis.call('TIME')";

export interface RedisLook extends Around {
  /** `log` is told what the server has against the gateway. */
  readonly address: (log: Log) => RedisAddress;
  readonly keyPrefix: string;
}

export function redisCheck({ address, keyPrefix, clock, clocks }: RedisLook): Check {
  return {
    name: redis,
    async run() {
      const heard: string[] = [];
      const log = { ...silentLog, debug: hears(heard), warn: hears(heard) };
      const to = address(log);
      const connection = new RedisConnection({ address: to, clock, log });
      const where = new URL(to.url).host;
      try {
        const connecting = connection.connected().then(() => true);
        if ((await within(answerMs, connecting, clock)) === undefined) return [unconnected(where, heard)];
        const examining = examined(connection, { where, keyPrefix, clock, clocks });
        return (
          (await within(answerMs, examining, clock)) ?? [
            unconnected(where, ['it takes the connection, and answers nothing']),
          ]
        );
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        return [
          failed(
            redis,
            `${where}: ${oneLine(why)}`,
            'The user needs all commands on keys and channels of `keyPrefix`.',
          ),
        ];
      } finally {
        connection.close();
      }
    },
  };
}

const hears =
  (heard: string[]) =>
  (fields: object, message: string): void => {
    const error: unknown = 'err' in fields ? fields.err : undefined;
    const principal = 'principal' in fields ? ` (${String(fields.principal)})` : '';
    heard.push(`${error instanceof Error ? error.message : message}${principal}`);
  };

function unconnected(where: string, heard: readonly string[]): Finding {
  const said = heard.findLast((one) => one !== '') ?? 'it does not answer';
  const isRefused = heard.some((one) => /WRONGPASS|NOAUTH|NOPERM/.test(one));
  const principal = heard.map((one) => /\(([0-9a-f-]{36})\)$/.exec(one)?.[1]).find((one) => one !== undefined);
  const refused = `Assign an access policy of the database to the principal${principal === undefined ? '' : ` ${principal}`} (object id), or correct user and password.`;
  const fix = isRefused ? refused : adviceFor(said);
  return failed(redis, `${where}: ${oneLine(said)}`, fix);
}

function adviceFor(said: string): string {
  if (/certificate/i.test(said))
    return 'Give the authority that signed its certificate as `counters.redis.certificateAuthority`, or correct the name of the host.';
  return 'Correct host and port (10000 with Azure Managed Redis), link its private DNS zone, or start it.';
}

async function examined(
  connection: RedisConnection,
  { where, keyPrefix, clock, clocks }: Around & { readonly where: string; readonly keyPrefix: string },
): Promise<readonly Finding[]> {
  const key = `${keyPrefix}doctor`;
  const info = String(await connection.command(key, ['INFO']));
  const before = clock.now();
  const time = await connection.run({ text, sha1: '0'.repeat(40) }, [key], ['looked']);
  const half = (before + clock.now()) / 2;
  await connection.publish(key, 'looked');
  if (Array.isArray(time)) clocks.add('Redis', Math.round(Number(time[0]) * 1000 + Number(time[1]) / 1000 - half));
  const version = /^(?:valkey_version|redis_version):(\S+)/m.exec(info)?.[1] ?? 'unknown';
  const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1] ?? 'noeviction';
  const says = `${where}, version ${version}; scripts run`;
  if (Number(version.split('.')[0]) < 7) return [failed(redis, says, 'Version 7 or later is needed.')];
  return [
    policy === 'noeviction'
      ? ok(redis, `${says}, nothing is evicted`)
      : warning(
          redis,
          `${says}; it evicts keys (${policy})`,
          'Set maxmemory-policy to noeviction: what it forgets are counters of money.',
        ),
  ];
}
