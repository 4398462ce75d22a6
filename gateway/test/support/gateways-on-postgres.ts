import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { UsageReport } from '@tollgate/contract/usage.ts';
import type { PostgresServer, TestDatabase } from './postgres-server.ts';
import { call, configFor, keys, startStack, type RunningStack } from './running-gateway.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';
import { until } from './until.ts';

/** Two gateways that reach one database through one address, which a test can lead elsewhere. */
export interface Gateways {
  readonly one: RunningStack;
  readonly other: RunningStack;
  readonly database: TestDatabase;
  readonly address: TcpProxy;
}

const store = ", store: { postgres: { url: '${TEST_DATABASE_URL}', tls: off, statementTimeout: 1s, connections: 2 } }";

export async function startGateways(context: TestContext, server: PostgresServer): Promise<Gateways> {
  const database = await server.createDatabase();
  const address = await startTcpProxy(server);
  const start = async (): Promise<RunningStack> =>
    await startStack(context, {
      config: (twin) => configFor(twin, { ledger: store }),
      environment: { TEST_DATABASE_URL: database.urlAt(address.port) },
    });
  try {
    return { one: await start(), other: await start(), database, address };
  } finally {
    // After the gateways, which need it to finish.
    context.after(async () => await address.close());
  }
}

export async function ask(stack: RunningStack, key: string = keys.marketing): Promise<number> {
  const body = { model: 'gpt-5.4-mini', messages: [{ role: 'user', content: 'One word. twin:tokens=5' }] };
  return (await call(`${stack.url}/openai/v1/chat/completions`, { headers: { 'api-key': key }, body })).status;
}

const pauseMs = 20;

/** Callers that call one after the other, each of them, until they are told to end. */
export class SteadyLoad {
  readonly #lanes: readonly Promise<void>[];
  readonly #refused: number[] = [];
  #answered = 0;
  #ending = false;

  constructor(stacks: readonly RunningStack[], callers = 3) {
    this.#lanes = stacks.flatMap((stack) => Array.from({ length: callers }, async () => await this.#lane(stack)));
  }

  /** Resolves when so many more calls have been answered. */
  async goesOn(calls: number): Promise<void> {
    const target = this.#answered + calls;
    await until(() => this.#answered >= target);
  }

  /** Every call was served. */
  async end(): Promise<void> {
    this.#ending = true;
    await Promise.all(this.#lanes);
    assert.deepEqual(this.#refused, []);
  }

  async #lane(stack: RunningStack): Promise<void> {
    while (!this.#ending) {
      const status = await ask(stack);
      if (status !== 200) this.#refused.push(status);
      this.#answered += 1;
      // A load that takes the whole machine keeps servers and standbys from what is waited for.
      await new Promise((resolve) => {
        setTimeout(resolve, pauseMs);
      });
    }
  }
}

/** The report once the store has everything of this gateway's journal; undefined while it has not, or cannot be asked. */
async function settledUsage(stack: RunningStack): Promise<UsageReport | undefined> {
  const { status, json } = await stack.admin('/admin/v1/usage?by=consumer&waitMs=2000');
  if (status !== 200) return undefined;
  const report = json as UsageReport;
  return report.lag.openAttempts === 0 && report.lag.records === 0 ? report : undefined;
}

/** What the upstreams have generated stands in the store, to the token and once, whichever gateway is asked. */
export async function assertExact({ one, other }: Pick<Gateways, 'one' | 'other'>): Promise<void> {
  const truths = [one, other].map(({ twin }) => twin.usage().total);
  const truth = truths.reduce((sum, { requests, inputTokens, outputTokens }) => ({
    ...sum,
    requests: (sum.requests ?? 0) + (requests ?? 0),
    inputTokens: sum.inputTokens + inputTokens,
    outputTokens: sum.outputTokens + outputTokens,
  }));
  for (const stack of [one, other]) {
    let total: UsageReport['total'] | undefined;
    // What a standby had not got may still be on its way again: it is there when the numbers are.
    await until(async () => {
      total = (await settledUsage(stack))?.total;
      return total !== undefined && (total.attempts ?? 0) >= (truth.requests ?? 0);
    });
    assert.deepEqual(
      [total?.attempts, total?.inputTokens, total?.outputTokens],
      [truth.requests, truth.inputTokens, truth.outputTokens],
    );
  }
  for (const stack of [one, other]) assert.deepEqual((await stack.verify()).problems, []);
}
