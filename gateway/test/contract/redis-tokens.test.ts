// Signing in to Azure Managed Redis with Entra tokens: a real server behind a door that looks at what is shown to it.
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { RedisConnection } from '../../src/adapters/redis/connection.ts';
import { TokenSignIn } from '../../src/adapters/redis/token-sign-in.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { entraRedis, type EntraRedis } from '../support/entra-doors.ts';
import { entraTokens, type EntraTokens } from '../support/entra-tokens.ts';
import {
  authorityOfTests,
  redisOrSkip,
  startRedis,
  startRedisCluster,
  type RedisServer,
} from '../support/redis-server.ts';
import { eventually } from '../support/until.ts';

const scope = 'https://redis.azure.com/.default';
const minute = 60_000;
const channel = 'recalls';

interface Place extends EntraTokens {
  readonly doors: readonly EntraRedis[];
  /** Connections to all doors that are open now. */
  readonly open: () => EntraRedis['connections'];
  readonly closers: (() => void | Promise<void>)[];
}

/** What was opened last is closed first. */
function closersOf(context: TestContext): (() => void | Promise<void>)[] {
  const closers: (() => void | Promise<void>)[] = [];
  context.after(async () => {
    for (const close of closers.toReversed()) await close();
  });
  return closers;
}

async function behindDoors(
  context: TestContext,
  servers: readonly RedisServer[],
  closers: Place['closers'],
): Promise<Place> {
  const tokens = await entraTokens(context);
  const doors = await Promise.all(
    servers.map(async (server) => await entraRedis(tokens.twin, server, () => tokens.clock.now())),
  );
  closers.push(async () => void (await Promise.all(doors.map(async (door) => await door.close()))));
  for (const { assigned } of doors) assigned.add(tokens.objectId);
  const open = () => doors.flatMap(({ connections }) => connections.filter((one) => one.open));
  return { ...tokens, doors, open, closers };
}

async function oneServer(context: TestContext): Promise<Place> {
  const closers = closersOf(context);
  const server = await startRedis();
  closers.push(async () => await server.close());
  return await behindDoors(context, [server], closers);
}

interface Wanted {
  readonly user?: string;
  readonly cluster?: boolean;
  readonly scope?: string;
}

function connect(place: Place, wanted: Wanted = {}): RedisConnection {
  const { clock, log, doors } = place;
  const [door] = doors;
  assert.ok(door !== undefined);
  const connection = new RedisConnection({
    address: {
      url: wanted.user === undefined ? door.url : door.url.replace('://', `://${wanted.user}@`),
      password: null,
      signIn: new TokenSignIn({ tokens: place.cache(), scope: wanted.scope ?? scope, clock, log }),
      cluster: wanted.cluster ?? false,
      certificateAuthority: authorityOfTests(),
    },
    clock: systemClock,
    log,
  });
  place.closers.push(() => connection.close());
  return connection;
}

/** Two connections that both have shown the same last token, which is the twin's newest. */
async function settled({ open }: Place, count: number): Promise<string> {
  const last = () => new Set(open().map(({ tokens }) => tokens.at(-1)));
  await eventually(async () => await Promise.resolve(open().length === count && last().size === 1), 'one token');
  return [...last()][0] ?? '';
}

const isToken = /eyJ[\w-]{10,}/;

describe('a Redis server of Azure', redisOrSkip, () => {
  test('is signed in to as the principal of the token, by all connections', async (context) => {
    const place = await oneServer(context);
    const connection = connect(place);
    await connection.connected();
    assert.equal(String(await connection.command('', ['ACL', 'WHOAMI'])), place.objectId);
    assert.deepEqual(await connection.command('', ['SET', 'fruit', 'apple']), 'OK');
    assert.equal(place.twin.azure.managedIdentity.asked, 1);
    assert.equal(place.open().length, 2, 'one for commands, one that listens');
  });

  test('is shown the new token by live connections before the old one ends, and hangs up on none', async (context) => {
    const place = await oneServer(context);
    const { clock, doors } = place;
    const connection = connect(place);
    const heard: string[] = [];
    connection.listen(channel, (message) => heard.push(message));
    await connection.connected();
    const first = await settled(place, 2);
    // For two days the tokens come and go.
    for (let hours = 0; hours < 48; hours += 1) {
      const before = await settled(place, 2);
      clock.advance(50 * minute);
      await eventually(async () => {
        clock.advance(1_000);
        return await Promise.resolve(place.open().every(({ tokens }) => tokens.at(-1) !== before));
      }, 'a new token');
      clock.advance(9 * minute);
      assert.equal(doors[0]?.hangUpOnEnded(), 0);
    }
    assert.notEqual(await settled(place, 2), first);
    assert.equal(doors[0]?.connections.length, 2, 'the same connections as at first');
    await connection.publish(channel, 'still here');
    await eventually(async () => await Promise.resolve(heard.includes('still here')), 'the channel is heard');
  });

  test('is connected to anew after a token ended because the token service was away', async (context) => {
    const place = await oneServer(context);
    const { clock, doors, twin } = place;
    const connection = connect(place);
    const heard: string[] = [];
    connection.listen(channel, (message) => heard.push(message));
    await connection.connected();
    twin.azure.addFault({ service: 'identity', kind: 'status', status: 503, times: null });
    clock.advance(59 * minute);
    await connection.command('', ['PING']);
    clock.advance(2 * minute);
    assert.equal(doors[0]?.hangUpOnEnded(), 2);
    await assert.rejects(connection.command('', ['PING']));
    twin.azure.faults.clear();
    await eventually(async () => {
      clock.advance(10_000);
      return (await connection.command('', ['PING'])) === 'PONG';
    }, 'it answers again');
    await eventually(async () => {
      await connection.publish(channel, 'back');
      return heard.includes('back');
    }, 'the channel is heard again');
    assert.doesNotMatch(place.lines.join(''), isToken);
  });

  test('says which principal has no access policy, once, and lets it in as soon as it has one', async (context) => {
    const place = await oneServer(context);
    const { doors, objectId, lines } = place;
    doors[0]?.assigned.clear();
    const connection = connect(place);
    const refusals = () => lines.filter((line) => line.includes('does not take the identity'));
    await eventually(async () => await Promise.resolve((doors[0]?.connections.length ?? 0) > 6), 'it tries again');
    assert.equal(refusals().length, 1, lines.join(''));
    assert.match(refusals()[0] ?? '', new RegExp(`${objectId}.*access policy`));
    doors[0]?.assigned.add(objectId);
    await connection.connected();
    assert.doesNotMatch(lines.join(''), isToken);
  });

  for (const [what, wanted] of [
    ['the token of another service', { scope: 'https://vault.azure.net/.default' }],
    ['a user that is not the principal', { user: '00000000-0000-4000-8000-000000000000' }],
  ] as const)
    test(`does not take ${what}, and that is told`, async (context) => {
      const place = await oneServer(context);
      const connection = connect(place, wanted);
      await eventually(
        async () => await Promise.resolve(place.lines.some((line) => line.includes('does not take the identity'))),
        'it is told',
      );
      await assert.rejects(connection.command('', ['PING']));
      assert.doesNotMatch(place.lines.join(''), isToken);
    });
});

/** What clients are told of a node: its door, by a name that the certificate bears. */
async function announce(node: RedisServer, port: number): Promise<void> {
  const settings = ['cluster-announce-hostname', 'localhost', 'cluster-preferred-endpoint-type', 'hostname'];
  await node.command('CONFIG', 'SET', ...settings, 'cluster-announce-port', String(port));
}

describe('a cluster of Azure', redisOrSkip, () => {
  test('is signed in to, and again, on every node', async (context) => {
    const closers = closersOf(context);
    const cluster = await startRedisCluster(3);
    closers.push(async () => await cluster.close());
    const place = await behindDoors(context, cluster.nodes, closers);
    await Promise.all(cluster.nodes.map(async (node, at) => await announce(node, place.doors[at]?.port ?? 0)));
    const knows = async (node: RedisServer): Promise<boolean> => {
      const slots = JSON.stringify(await node.command('CLUSTER', 'SLOTS'));
      return place.doors.every(({ port }) => slots.includes(`["localhost",${port}`));
    };
    for (const node of cluster.nodes) await eventually(async () => await knows(node), 'every node knows the doors');
    const connection = connect(place, { cluster: true });
    const heard: string[] = [];
    connection.listen(channel, (message) => heard.push(message));
    await connection.connected();
    // Keys that lie on different nodes.
    for (const key of ['a', 'b', 'c', 'd', 'e']) assert.equal(await connection.command(key, ['SET', key, '1']), 'OK');
    const count = place.open().length;
    const first = await settled(place, count);
    place.clock.advance(50 * minute);
    await eventually(async () => {
      place.clock.advance(1_000);
      return await Promise.resolve(place.open().every(({ tokens }) => tokens.at(-1) !== first));
    }, 'a new token on every node');
    place.clock.advance(15 * minute);
    for (const door of place.doors) assert.equal(door.hangUpOnEnded(), 0);
    for (const key of ['a', 'b', 'c', 'd', 'e']) assert.equal(await connection.command(key, ['GET', key]), '1');
    await connection.publish(channel, 'still here');
    await eventually(async () => await Promise.resolve(heard.includes('still here')), 'the channel is heard');
  });
});
