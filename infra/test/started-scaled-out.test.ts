import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  entraPostgres,
  entraRedis,
  makeRole,
  type EntraPostgres,
  type EntraRedis,
} from '../../gateway/test/support/entra-doors.ts';
import { orSkip, postgresServer } from '../../gateway/test/support/postgres-server.ts';
import { redisOrSkip, startRedis, type RedisServer } from '../../gateway/test/support/redis-server.ts';
import { repositoryRoot } from './support/snapshot.ts';
import {
  asApiManagement,
  asked,
  chat,
  deploy,
  doctor,
  startReplica,
  type Deployment,
  type Replica,
} from './support/started-gateway.ts';
import { until } from '../../gateway/test/support/until.ts';

/*
 * Two replicas as the templates would start them: one ledger in PostgreSQL, one set of counters in Redis, one share of
 * journals, and no password anywhere. A real PostgreSQL and a real Redis stand for Azure's, behind doors that take
 * tokens of the twin for the principals that the templates name.
 */
let deployment: Deployment;
let postgres: EntraPostgres;
let redis: EntraRedis;
let redisServer: RedisServer;
let replicas: readonly Replica[] = [];
let elsewhere: Readonly<Record<string, string>>;

interface Diagnosed {
  readonly findings: readonly { readonly check: string; readonly outcome: string; readonly detail: string }[];
}

interface Usage {
  readonly rows: readonly { readonly key: string; readonly requests: number }[];
}

const skip = { ...orSkip, ...redisOrSkip };

/** The role in the URL of the templates; the administrator that they make of the server has the same name. */
const roleIn = (url: string): string => new URL(url).username;

const output = (): string => replicas.map((replica) => replica.output()).join('\n');

describe('several replicas as the templates start them', skip, () => {
  before(async () => {
    deployment = await deploy('scaled-out');
    const { twin, environment, authorities } = deployment;
    appendFileSync(
      authorities,
      readFileSync(path.join(repositoryRoot, 'gateway/test/fixtures/tls/localhost.crt'), 'utf8'),
    );
    const clientId = environment['AZURE_CLIENT_ID'] ?? '';
    const { oid } = twin.azure.issuer.read(twin.azure.token({ clientId, audience: 'any' })) ?? {};
    assert.ok(typeof oid === 'string');
    const server = await postgresServer();
    const { name: database, superuserUrl } = await server.createDatabase();
    postgres = await entraPostgres(twin, superuserUrl);
    const url = environment['TOLLGATE_POSTGRES_URL'] ?? '';
    await makeRole(superuserUrl, roleIn(url));
    postgres.roles.set(roleIn(url), { objectId: oid });
    redisServer = await startRedis();
    redis = await entraRedis(twin, redisServer, Date.now);
    redis.assigned.add(oid);
    elsewhere = {
      TOLLGATE_POSTGRES_URL: url.replace(/@.*\/[^?]*/, `@localhost:${server.port}/${database}`),
      TOLLGATE_REDIS_URL: redis.url,
    };
    replicas = [
      await startReplica(deployment, 'tollgate--0000001-one', elsewhere),
      await startReplica(deployment, 'tollgate--0000001-two', elsewhere),
    ];
  });

  after(async () => {
    for (const replica of replicas) await replica.stop();
    await redis?.close();
    await redisServer?.close();
    await postgres?.close();
    await deployment?.close();
  });

  test('are ready, and sign in to PostgreSQL and Redis with tokens of their identity', async () => {
    for (const { url } of replicas) assert.equal((await fetch(`${url}/readyz`)).status, 200, output());
    assert.ok(postgres.taken.length > 0);
    assert.ok(redis.connections.every(({ tokens }) => tokens.length > 0));
    for (const name of ['TOLLGATE_POSTGRES_URL', 'TOLLGATE_REDIS_URL'])
      assert.equal(new URL(deployment.environment[name] ?? '').password, '', name);
  });

  test('find with doctor that everything is there, as the guide says to ask', async () => {
    const { code, text } = await doctor(deployment, 'tollgate--0000001-one', elsewhere);
    const { findings } = JSON.parse(text) as Diagnosed;
    assert.deepEqual(
      findings.filter(({ outcome }) => outcome === 'failed'),
      [],
    );
    assert.equal(code, 0, text);
    for (const check of ['PostgreSQL', 'Redis', 'Log Analytics'])
      assert.ok(
        findings.some((one) => one.check.includes(check)),
        text,
      );
  });

  test('write calls of both into one ledger, which each of them shows whole', async () => {
    for (const replica of replicas) {
      const answer = await chat(replica, asApiManagement(deployment, 'finance'));
      assert.equal(answer.status, 200, `${await answer.text()}\n${output()}`);
    }
    const { logs } = deployment.twin.azure;
    for (const replica of replicas)
      await until(async () => {
        const usage = (await asked(replica, deployment, 'usage?by=consumer')) as Usage;
        return usage.rows.some(({ key, requests }) => key === 'finance' && requests === 2);
      }, output);
    const inTable = () => logs.rows(deployment.environment['TOLLGATE_LOGS_STREAM'] ?? '');
    await until(() => inTable().filter(({ Outcome }) => Outcome === 'completed').length === 2, output);
  });

  test('keep their journals beside each other on the share, and leave what one left behind to the others', async () => {
    const folder = path.join(deployment.root, deployment.deployed.dataFolder, 'journal');
    for (const name of ['tollgate--0000001-one', 'tollgate--0000001-two'])
      assert.ok(existsSync(path.join(folder, name)), readdirSync(folder).join());
    const [first, second] = replicas;
    assert.ok(first !== undefined && second !== undefined);
    await first.stop();
    assert.ok(!existsSync(path.join(folder, 'tollgate--0000001-one')), 'it has shipped what it had');
    assert.equal((await chat(second, asApiManagement(deployment, 'marketing'))).status, 200);
  });
});
