// Two gateways that share a hard budget while the server of their counters is replaced, refuses, forgets and hangs.
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { orSkip, postgresServer } from '../support/postgres-server.ts';
import { redisOrSkip, startRedis, type RedisServer } from '../support/redis-server.ts';
import { call, configFor, keys, startStack, type RunningStack } from '../support/running-gateway.ts';
import { eventually } from '../support/until.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

const budget = 150_000_000n;
/** 10^-9 USD a token: whole, so that the upstream's record has a price to the last digit. */
const prices = { input: 2_000n, output: 45_000n };
const cap = 20;
/** Input and output of one call, at most. */
const largestCall = 200n * prices.input + BigInt(cap) * prices.output;

const settings = `
budget: { amount: 0.15 USD, every: year, hard: true }
counters: { redis: { url: '\${TEST_REDIS_URL}', lease: 1s, timeout: 200ms } }
prices:
  - { model: gpt-5.4-mini, type: GlobalStandard, effectiveFrom: 2020-01-01, usdPerMillion: { input: 2, cachedInput: 2, output: 45 } }
  - { model: gpt-5.4-mini, type: GlobalStandard, serviceTier: priority, effectiveFrom: 2020-01-01, usdPerMillion: { input: 2, cachedInput: 2, output: 45 } }
`;

interface Both {
  readonly stacks: readonly RunningStack[];
  readonly address: TcpProxy;
}

async function startBoth(context: TestContext, server: RedisServer): Promise<Both> {
  const { url } = await (await postgresServer()).createDatabase();
  const address = await startTcpProxy(server);
  const start = async (): Promise<RunningStack> =>
    await startStack(context, {
      config: (twin) =>
        configFor(twin, { ledger: ", store: { postgres: { url: '${TEST_DATABASE_URL}', tls: off } }" }) + settings,
      environment: { TEST_DATABASE_URL: url, TEST_REDIS_URL: `redis://127.0.0.1:${address.port}` },
    });
  const stacks = [await start(), await start()];
  context.after(async () => await address.close());
  return { stacks, address };
}

async function redisServer(context: TestContext): Promise<RedisServer> {
  const server = await startRedis();
  context.after(async () => await server.close());
  // Otherwise a replica is waited for to be joined by others.
  await server.command('CONFIG', 'SET', 'repl-diskless-sync-delay', '0');
  return server;
}

/** A server that has everything the other one has, and follows it. */
async function replicaOf(context: TestContext, primary: RedisServer): Promise<RedisServer> {
  const replica = await redisServer(context);
  await replica.command('REPLICAOF', '127.0.0.1', String(primary.port));
  await eventually(
    async () => String(await replica.command('INFO', 'replication')).includes('master_link_status:up'),
    'the replica follows',
  );
  return replica;
}

/** What comes of a call, in a word. Anything else than these is a failure of the gateway. */
async function ask(stack: RunningStack): Promise<string> {
  const answer = await call(`${stack.url}/openai/v1/chat/completions`, {
    headers: { 'api-key': keys.marketing },
    body: {
      model: 'gpt-5.4-mini',
      reasoning_effort: 'none',
      max_completion_tokens: cap,
      messages: [{ role: 'user', content: `Tell me. twin:tokens=${cap}` }],
    },
  });
  const code = answer.status === 200 ? 'ok' : String(JSON.parse(answer.body).error.code);
  assert.ok(['ok', 'counters_unavailable', 'budget_exhausted', 'budget_held'].includes(code), answer.body);
  return code;
}

async function answers(stacks: readonly RunningStack[], wanted: string): Promise<void> {
  for (const stack of stacks)
    await eventually(async () => (await ask(stack)) === wanted, `${wanted} is what a call comes to`);
}

async function serveSome({ stacks }: Both): Promise<void> {
  for (let time = 0; time < 3; time += 1) await Promise.all(stacks.map(ask));
}

function spentUpstream(stacks: readonly RunningStack[]): bigint {
  let spend = 0n;
  for (const { twin } of stacks)
    for (const { inputTokens, outputTokens } of twin.usage().attempts)
      spend += BigInt(inputTokens) * prices.input + BigInt(outputTokens) * prices.output;
  return spend;
}

/**
 * Of what is left every call is served that fits, and none that does not. On a machine that is busy each gateway may keep
 * from the other what is less than a call, because it is not asked in time.
 */
async function assertSpentExactly({ stacks }: Both): Promise<void> {
  await answers(stacks, 'budget_exhausted');
  const spend = spentUpstream(stacks);
  assert.ok(spend <= budget, `${spend} is more than the budget`);
  assert.ok(spend > budget - BigInt(stacks.length) * largestCall, `${spend} leaves room for one more call`);
}

describe('two gateways with one hard budget', { ...orSkip, ...redisOrSkip, concurrency: 2 }, () => {
  test('neither pass nor strand it where a replica takes over that lacks the latest, and the old server goes on as its replica', async (context) => {
    const first = await redisServer(context);
    const both = await startBoth(context, first);
    await answers(both.stacks, 'ok');
    const second = await replicaOf(context, first);
    await second.command('REPLICAOF', 'NO', 'ONE');
    // The server that will be the only one does not hear of these.
    await serveSome(both);
    both.address.leadTo(second);
    await first.kill();
    await answers(both.stacks, 'ok');
    // Connections that are led to a server which has become a replica are nobody's to close but the gateway's.
    const third = await replicaOf(context, second);
    await third.command('REPLICAOF', 'NO', 'ONE');
    await serveSome(both);
    both.address.leadTo(third);
    await second.command('REPLICAOF', '127.0.0.1', String(third.port));
    await answers(both.stacks, 'ok');
    await assertSpentExactly(both);
  });

  test('neither pass nor strand it where the server has no memory left, forgets everything, and hangs', async (context) => {
    const server = await redisServer(context);
    const both = await startBoth(context, server);
    await answers(both.stacks, 'ok');
    await server.command('CONFIG', 'SET', 'maxmemory', '1');
    await answers(both.stacks, 'counters_unavailable');
    await server.command('CONFIG', 'SET', 'maxmemory', '0');
    await answers(both.stacks, 'ok');
    await server.command('FLUSHALL');
    await serveSome(both);
    await answers(both.stacks, 'ok');
    both.address.hold();
    await answers(both.stacks, 'counters_unavailable');
    both.address.release();
    await answers(both.stacks, 'ok');
    await server.command('FLUSHALL');
    await assertSpentExactly(both);
  });
});
