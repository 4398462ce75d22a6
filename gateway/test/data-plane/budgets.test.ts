import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { createPriceBook } from '#accounting/cost/price-book.ts';
import { parseListPrices } from '#accounting/cost/list-prices.ts';
import type { PolicyStep } from '#proxy/policies/policy.ts';
import { readShippedData } from '#config/shipped-data.ts';
import { noUnits } from '#model/usage-record.ts';
import { endpointNamed } from '../support/model-objects.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { call, configFor, keys, startStack, type Answer, type RunningStack } from '../support/running-gateway.ts';
import { middayClock } from '../support/midday-clock.ts';

const chat = (maxTokens: number, more: object = {}): object => ({
  model: 'gpt-5.4-mini',
  max_completion_tokens: maxTokens,
  messages: [{ role: 'user', content: 'Tell me something about budgets.' }],
  ...more,
});

async function ask(stack: RunningStack, body: object, key: string = keys.marketing): Promise<Answer> {
  return await call(`${stack.url}/openai/v1/chat/completions`, { headers: { 'api-key': key }, body });
}

function codeOf(answer: Answer): string | undefined {
  return answer.status < 400 ? undefined : JSON.parse(answer.body).error.code;
}

/** What the upstream's own record of its replies costs, 10^-9 USD. */
function costOfTwin(stack: RunningStack): bigint {
  const { entries, zones } = parseListPrices(readShippedData('prices.json'));
  const book = createPriceBook({ entries, zones, ordinaryMeters: () => ['input', 'output'] });
  const { inputTokens, cachedInputTokens, outputTokens } = stack.twin.usage().total;
  const cost = book.cost({
    endpoint: endpointNamed('weu'),
    units: { ...noUnits, input: inputTokens, cachedInput: cachedInputTokens, output: outputTokens },
    serviceTier: null,
    reportedModel: null,
    spilledFrom: null,
    product: 'standard',
    at: Date.now(),
  });
  assert.ok(cost.nanoUsd !== null);
  return cost.nanoUsd;
}

const withLimits = (yaml: string) => ({
  config: (twin: string) => `${configFor(twin)}${yaml}`,
  overrides: { clock: middayClock() },
});
const ofMonth = (amount: string): string => `budget: { amount: ${amount}, every: month, hard: true }\n`;
const remaining = (answer: Answer): string => String(answer.headers['x-ratelimit-remaining-budget']);

test('a hard budget is used up by parallel calls to what one more could cost, and never passed', async (context) => {
  const stack = await startStack(
    context,
    withLimits('consumers: { marketing: { budget: { amount: 0.01 USD, every: day, hard: true } } }\n'),
  );
  const codes = new Map<string, number>();
  /** Each goes on until the budget is really exhausted. */
  const client = async (number: number): Promise<void> => {
    for (;;) {
      const answer = await ask(stack, chat(200, { stream: number % 2 === 0 }));
      const code = codeOf(answer) ?? 'ok';
      codes.set(code, (codes.get(code) ?? 0) + 1);
      if (code === 'budget_exhausted') return;
      if (code === 'budget_held') await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  await Promise.all(Array.from({ length: 24 }, (_one, number) => client(number)));
  const spent = costOfTwin(stack);
  const { total } = await stack.usage();
  const rounding = BigInt(total.attempts) * 3n;
  const recorded = BigInt(total.costNanoUsd ?? 'none');
  assert.ok(recorded - spent <= rounding && spent - recorded <= rounding, 'ledger and upstream agree');
  assert.equal(codes.get('budget_exhausted'), 24);
  assert.ok(spent <= 10_000_000n, `${spent} is more than the budget`);
  // 200 tokens of output and a few hundred bytes, at the priority price, are below 0.002 USD.
  assert.ok(spent >= 8_000_000n, `${spent} leaves more than one call may cost`);
  const last = await ask(stack, chat(200));
  assert.equal(last.status, 403);
  assert.match(
    last.body,
    /The budget 'day' of consumer\/marketing is exhausted: 0\.00\d+ USD spent and 0\.00 USD held of 0\.01 USD/,
  );
  assert.equal(remaining(last), `0.00${10_000_000n - recorded}`.replace(/0+$/, ''));
  assert.equal((await ask(stack, chat(200), keys.finance)).status, 200, 'others are not concerned');
});

test('a budget goes on where it was after a restart', async (context) => {
  const stack = await startStack(context, withLimits('budget: { amount: 1 USD, every: month, hard: true }\n'));
  const first = await ask(stack, chat(50));
  const left = remaining(await ask(stack, chat(50)));
  assert.ok(Number(left) < Number(remaining(first)));
  const spent = costOfTwin(stack);
  await stack.gateway.drain('restart');
  const again = await stack.restart();
  const models = `${again.url}/openai/v1/embeddings`;
  const after = await call(models, {
    headers: { 'api-key': keys.marketing },
    body: { model: 'text-embedding-3-small', input: 'x' },
  });
  assert.equal(after.status, 200);
  // The headers are written while the call is held at the most that it may cost.
  assert.ok(Number(remaining(after)) <= 1 - Number(spent) / 1e9 + 1e-8, `${remaining(after)} after ${spent}`);
  assert.ok(Number(remaining(after)) > 1 - Number(spent) / 1e9 - 1e-4, `${remaining(after)} after ${spent}`);
});

test('a budget follows a changed file without a restart', async (context) => {
  const stack = await startStack(context, withLimits(ofMonth('1 USD')));
  const before = await ask(stack, chat(50));
  const spent = costOfTwin(stack);
  assert.equal(before.status, 200);
  const file = readFileSync(stack.configFile, 'utf8');
  writeFileSync(stack.configFile, file.replace(ofMonth('1 USD'), ofMonth('0.0000001 USD')));
  assert.equal((await stack.admin('/admin/v1/config/reload', { method: 'POST' })).status, 200);
  const refused = await ask(stack, chat(50));
  assert.equal(codeOf(refused), 'budget_exhausted');
  assert.equal(remaining(refused), '0.00');
  writeFileSync(stack.configFile, file.replace(ofMonth('1 USD'), ofMonth('2 USD')));
  assert.equal((await stack.admin('/admin/v1/config/reload', { method: 'POST' })).status, 200);
  const after = await ask(stack, chat(50));
  assert.equal(after.status, 200);
  assert.ok(Number(remaining(after)) < 2 - Number(spent) / 1e9);
});

test('a call that nothing bounds is refused under a hard budget, and let through under a soft one', async (context) => {
  const yaml =
    'consumers: { marketing: { budget: { amount: 1 USD, every: day, hard: true } }, finance: { budget: { amount: 1 USD, every: day } } }\n';
  const stack = await startStack(context, withLimits(yaml));
  const body = { model: 'gpt-5.4-mini', input: 'What is new?', tools: [{ type: 'web_search' }] };
  const post = (key: string) => call(`${stack.url}/openai/v1/responses`, { headers: { 'api-key': key }, body });
  const refused = await post(keys.marketing);
  assert.equal(codeOf(refused), 'unbounded_cost');
  assert.equal(JSON.parse(refused.body).error.param, 'max_tool_calls');
  assert.equal((await post(keys.finance)).status, 200);
});

test('limits on requests and tokens hold, and every reply says what is left', async (context) => {
  const yaml = 'consumers: { marketing: { limits: { requestsPerMinute: 3, tokensPerMinute: 100_000 } } }\n';
  // No time passes in which a place could become free.
  const stack = await startStack(context, { ...withLimits(yaml), overrides: { clock: new ManualClock() } });
  const seen: string[] = [];
  for (let number = 0; number < 4; number += 1) {
    const answer = await ask(stack, chat(20));
    const names = ['x-ratelimit-limit-requests', 'x-ratelimit-remaining-requests'];
    seen.push([answer.status, ...names.map((name) => answer.headers[name])].join(' '));
    assert.equal(answer.headers['x-ratelimit-limit-tokens'], '100000');
    if (number === 3) {
      assert.equal(codeOf(answer), 'rate_limit_exceeded');
      assert.ok(Number(answer.headers['retry-after']) >= 1);
    }
  }
  assert.deepEqual(seen, ['200 3 2', '200 3 1', '200 3 0', '429 3 0']);
});

test('as many requests as a limit allows are under way at once, and the place of one that has ended is free', async (context) => {
  const entered = Promise.withResolvers<void>();
  const leave = Promise.withResolvers<void>();
  const holding: PolicyStep = {
    name: 'holding',
    section: 'outbound',
    async run() {
      entered.resolve();
      await leave.promise;
    },
  };
  const limits = withLimits('consumers: { finance: { limits: { concurrentRequests: 1 } } }\n');
  const stack = await startStack(context, { ...limits, overrides: { ...limits.overrides, steps: [holding] } });
  const first = ask(stack, chat(20), keys.finance);
  await entered.promise;
  assert.equal(codeOf(await ask(stack, chat(20), keys.finance)), 'concurrency_limit_exceeded');
  leave.resolve();
  assert.equal((await first).status, 200);
  assert.equal((await ask(stack, chat(20), keys.finance)).status, 200);
});
