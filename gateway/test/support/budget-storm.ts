// Parallel calls through several gateway processes that share one hard budget, while processes and counters die.
import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { heldOf } from '#model/held.ts';
import { startTwin, type RunningTwin } from '../../../twin/src/server.ts';
import { postgresUnderKills, type StoreUnderKills } from '../kill/stores.ts';
import { startRedis, type RedisServer } from './redis-server.ts';
import { call, configFor, keys, keyOf } from './running-gateway.ts';
import { until } from './until.ts';

/** 10^-9 USD a token: whole, so that the twin's record has a price to the last digit. */
const prices = { input: 2_000n, output: 45_000n };
const tokens = 70;
/** What a call may ask for is twice what it gets: what it leaves is there for those that come later. */
const cap = 2 * tokens;
const leaseMs = 2000;

export interface StormOptions {
  readonly calls: number;
  /** 10^-9 USD. */
  readonly budget: bigint;
}

export interface StormResult {
  /** What the twin's own record costs. */
  readonly spend: bigint;
  /** Of calls whose usage nobody knows: their reservations. */
  readonly held: bigint;
  /** What the ledger knows that was spent. */
  readonly known: bigint;
  /** What one call needs of the budget at most. */
  readonly largestCall: bigint;
  /** How clients were answered, by what each attempt came to. */
  readonly answers: ReadonlyMap<string, number>;
  readonly attempts: number;
}

const begunIn = (streaming: readonly number[]): number => streaming.reduce((sum, count) => sum + count, 0);

/** Of several replies, one at least is still under way when a signal arrives. */
const isBusy = (streaming: number): boolean => streaming >= 3;

interface Living {
  readonly child: ChildProcess;
  readonly port: number;
}

export interface Storm {
  readonly redis: RedisServer;
  readonly twin: RunningTwin;
  /** Sends every call until it is served or told for good that the budget is exhausted; so many at a time. */
  run(calls: number, parallel?: number): Promise<void>;
  /** Runs once, when so many replies were received whole. */
  when(served: number, run: () => Promise<void>): void;
  /** SIGKILL, to the process that streams least of those that stream several; it is started again on its journal. */
  killOne(): Promise<void>;
  /** Drains every gateway, and says what came of it all. */
  conclude(): Promise<StormResult>;
  close(): Promise<void>;
}

function configOf(twinUrl: string, store: StoreUnderKills, budget: bigint): string {
  const usd = `${budget / 1_000_000_000n}.${String(budget % 1_000_000_000n).padStart(9, '0')}`;
  return `${configFor(twinUrl, { ledger: store.config })}
budget: { amount: ${usd} USD, every: year, hard: true }
counters: { redis: { url: '\${TEST_REDIS_URL}', lease: ${leaseMs}ms } }
prices:
  - { model: gpt-5.4-mini, type: GlobalStandard, effectiveFrom: 2020-01-01, usdPerMillion: { input: 2, cachedInput: 2, output: 45 } }
  - { model: gpt-5.4-mini, type: GlobalStandard, serviceTier: priority, effectiveFrom: 2020-01-01, usdPerMillion: { input: 2, cachedInput: 2, output: 45 } }
`;
}

async function startProcess(folder: string, which: number, environment: Record<string, string>): Promise<Living> {
  const data = path.join(folder, `data-${which}`);
  const config = path.join(folder, 'tollgate.yaml');
  const child = fork(new URL('../kill/victim.ts', import.meta.url), ['--config', config, '--data', data], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { ...process.env, TOLLGATE_PORT: '0', TOLLGATE_ADMIN_PORT: '0', ...environment },
  });
  let complaints = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    complaints += chunk.toString();
  });
  const [message] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(() => {
      throw new Error(`The gateway did not start: ${complaints}`);
    }),
  ]);
  return { child, port: message.port };
}

export interface StormPlace {
  readonly processes: number;
  /** 10^-9 USD. */
  readonly budget: bigint;
  readonly latency: NonNullable<Parameters<typeof startTwin>[0]>['latency'];
}

/** So many gateway processes over one Redis and one PostgreSQL, in front of one twin. */
export async function startStorm({ processes, budget, latency }: StormPlace): Promise<Storm> {
  const twin = await startTwin({ latency, key: 'twin-key-of-the-test' });
  const redis = await startRedis();
  const store = await postgresUnderKills();
  const folder = mkdtempSync(path.join(tmpdir(), 'tollgate-storm-'));
  writeFileSync(path.join(folder, 'tollgate.yaml'), configOf(twin.url, store, budget));
  const environment = {
    TEST_REDIS_URL: redis.url,
    TEST_TWIN_KEY: twin.key,
    TEST_KEY_MARKETING: keys.marketing,
    TEST_KEY_FINANCE: keys.finance,
    TEST_KEY_SMALL: keyOf('small'),
    ...store.environment,
  };
  const living: (Living | undefined)[] = [];
  /** Calls of each process whose replies have begun and not ended. */
  const streaming = Array.from({ length: processes }, () => 0);
  const answers = new Map<string, number>();
  const events: { readonly served: number; readonly run: () => Promise<void> }[] = [];
  /** One after the other: a process that died is back before the counters are lost. */
  let happening = Promise.resolve();
  let served = 0;

  const start = async (which: number): Promise<void> => {
    living[which] = await startProcess(folder, which, environment);
  };
  await Promise.all(streaming.map(async (_none, which) => await start(which)));

  const count = (answer: string): void => void answers.set(answer, (answers.get(answer) ?? 0) + 1);

  /** What one attempt came to, in a word. */
  const attempt = async (number: number, tries: number): Promise<string> => {
    const which = (number + tries) % processes;
    const one = living[which];
    if (one === undefined) return 'gone';
    let begun = 0;
    const answer = await call(`http://127.0.0.1:${one.port}/openai/v1/chat/completions`, {
      headers: { 'api-key': number % 2 === 0 ? keys.marketing : keys.finance },
      body: {
        model: 'gpt-5.4-mini',
        stream: true,
        reasoning_effort: 'none',
        max_completion_tokens: cap,
        messages: [{ role: 'user', content: `Call ${number}. twin:tokens=${tokens}` }],
      },
      onData() {
        if (begun === 0) streaming[which] = (streaming[which] ?? 0) + 1;
        begun = 1;
      },
    }).catch(() => undefined);
    streaming[which] = (streaming[which] ?? 0) - begun;
    if (answer === undefined) return begun === 1 ? 'broken' : 'gone';
    if (answer.status === 200) return answer.body.includes('data: [DONE]') ? 'served' : 'broken';
    return JSON.parse(answer.body).error.code;
  };

  const client = async (number: number): Promise<void> => {
    for (let tries = 0; tries < 600; tries += 1) {
      const answer = await attempt(number, tries);
      count(answer);
      if (answer === 'served') {
        served += 1;
        for (const { run } of events.filter((one) => one.served === served)) happening = happening.then(run);
      }
      if (['served', 'broken', 'budget_exhausted'].includes(answer)) return;
      await new Promise((resolve) => {
        setTimeout(resolve, 50 + (number % 50));
      });
    }
    count('gave up');
  };

  return {
    redis,
    twin,
    async run(calls, parallel = calls) {
      let next = 0;
      const worker = async (): Promise<void> => {
        for (let number = next++; number < calls; number = next++) await client(number);
      };
      await Promise.all(Array.from({ length: parallel }, worker));
      await happening;
    },
    when: (at, run) => void events.push({ served: at, run }),
    async killOne() {
      // What is under way stays so until the process is dead, however slow the machine is.
      twin.addFault({ kind: 'stall', afterBytes: 1_000, times: null });
      await until(
        () => streaming.some(isBusy) && twin.held() === begunIn(streaming),
        'replies that have begun, and go on no further',
      );
      const which = streaming.indexOf(Math.min(...streaming.filter(isBusy)));
      const one = living[which];
      living[which] = undefined;
      assert.ok(one !== undefined);
      const gone = once(one.child, 'exit');
      one.child.kill('SIGKILL');
      await gone;
      twin.removeFaults();
      twin.release();
      await start(which);
    },
    async conclude() {
      await Promise.all(
        living.map(async (one) => {
          if (one === undefined) return;
          const gone = once(one.child, 'exit');
          one.child.kill('SIGTERM');
          await gone;
        }),
      );
      living.fill(undefined);
      const records = await store.records(folder);
      const { attempts } = twin.usage();
      let spend = 0n;
      for (const { inputTokens, outputTokens } of attempts)
        spend += BigInt(inputTokens) * prices.input + BigInt(outputTokens) * prices.output;
      const known = new Set(records.map(({ id }) => id));
      for (const { id } of attempts) assert.ok(known.has(id), `${id} reached the upstream and is not in the ledger`);
      const reservations = records.map(({ reservedNano }) => reservedNano ?? 0n);
      return {
        spend,
        known: records.reduce((sum, { costNano }) => sum + (costNano ?? 0n), 0n),
        held: records.reduce((sum, record) => sum + heldOf(record), 0n),
        largestCall: reservations.reduce((most, one) => (one > most ? one : most), 0n),
        answers,
        attempts: attempts.length,
      };
    },
    async close() {
      for (const one of living) one?.child.kill('SIGKILL');
      await twin.close();
      await redis.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Scripts that a server ran since it was started: each is one exchange. */
export async function scriptsRun(redis: RedisServer): Promise<number> {
  const stats = String(await redis.command('INFO', 'commandstats'));
  return [...stats.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)].reduce((sum, [, calls]) => sum + Number(calls), 0);
}

const usd = (nano: bigint): string => `${(Number(nano) / 1e9).toFixed(6)} USD`;

/** Runs the whole of it, and checks both bounds. */
export async function weather(options: StormOptions): Promise<StormResult> {
  const { calls, budget } = options;
  const latency = { tokensPerSecond: 60, timeToFirstTokenMs: 20, jitter: 0.5 };
  const storm = await startStorm({ processes: 3, budget, latency });
  try {
    const whole = Number(budget / (BigInt(tokens) * prices.output));
    storm.when(Math.ceil(whole * 0.1), async () => await storm.killOne());
    storm.when(Math.ceil(whole * 0.3), async () => {
      await storm.redis.kill();
      await storm.redis.start();
    });
    storm.when(Math.ceil(whole * 0.5), async () => {
      await storm.redis.kill();
      await storm.redis.empty();
      await storm.redis.start();
    });
    await storm.run(calls);
    const result = await storm.conclude();
    const { spend, known, held, largestCall, answers } = result;
    const told = `spend ${usd(spend)}, known ${usd(known)}, held ${usd(held)}, one call at most ${usd(largestCall)}; ${JSON.stringify(Object.fromEntries(answers))}`;
    assert.ok(BigInt(calls * tokens) * prices.output >= 3n * budget, 'uncapped it would cost three times the budget');
    assert.equal(answers.get('gave up') ?? 0, 0, told);
    assert.ok((answers.get('budget_exhausted') ?? 0) > 0, told);
    assert.ok((answers.get('broken') ?? 0) > 0, `a process died with calls under way; ${told}`);
    // Overshoot is 0: nobody who held a grant was lost for good.
    assert.ok(spend <= budget && known + held <= budget, told);
    // Refused for good is only what does not fit beside what is spent and held: less than one call may be stranded.
    assert.ok(spend + held > budget - largestCall, told);
    return result;
  } finally {
    await storm.close();
  }
}
