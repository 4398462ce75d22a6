// What batches used, whatever becomes of them: compared with the twin's own record.
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { APIError, ConflictError, type OpenAI } from 'openai';
import {
  batchStack,
  begin,
  budget,
  chatLine,
  clientOf,
  held,
  metered,
  upload,
  type BatchConfig,
} from '../support/batch-stack.ts';
import { keys, type RunningStack } from '../support/running-gateway.ts';
import { until } from '../support/until.ts';

const contents = ['One?', 'Two?', 'Three?', 'Four?', 'Five?', 'Six?'];
const lines = contents.map((content, at) => chatLine(content, at));

interface Sums {
  readonly input: number | null | undefined;
  readonly output: number | null | undefined;
  readonly requests: number | undefined;
}

/** Of chat lines, as the ledger has them, and as the twin says. */
async function sums(stack: RunningStack): Promise<{ readonly ledger: Sums; readonly truth: Sums }> {
  const report = await stack.usage('operation');
  const row = report.rows.find((one) => one.keys.operation === 'chat.completions');
  const { attempts, total } = stack.twin.usage();
  return {
    ledger: { input: row?.inputTokens, output: row?.outputTokens, requests: row?.requests },
    truth: { input: total.inputTokens, output: total.outputTokens, requests: attempts.length },
  };
}

async function assertEqualToTheToken(stack: RunningStack): Promise<void> {
  const { ledger, truth } = await sums(stack);
  assert.deepEqual(ledger, truth);
  assert.deepEqual((await stack.verify()).problems, []);
}

async function stackFor(
  context: TestContext,
  options: BatchConfig = {},
): Promise<{ stack: RunningStack; client: OpenAI }> {
  const stack = await batchStack(context, { more: budget, ...options });
  return { stack, client: clientOf(stack.url, keys.marketing) };
}

const match = (contains: string) => ({ operation: 'chat.completions', contains }) as const;
const line = (at: number, url: string, body: object): string =>
  JSON.stringify({ custom_id: String(at), method: 'POST', url, body });

interface BudgetView {
  readonly spent: string;
  readonly held: string;
}

async function budgetOf(stack: RunningStack): Promise<BudgetView> {
  const { json } = await stack.admin('/admin/v1/budgets');
  const { budgets } = json as { budgets: (BudgetView & { id: string })[] };
  const found = budgets.find(({ id }) => id.startsWith('consumer/marketing'));
  assert.ok(found !== undefined);
  return found;
}

describe('a batch is metered', () => {
  const ends: readonly {
    readonly name: string;
    readonly move: (stack: RunningStack, client: OpenAI, id: string) => unknown;
  }[] = [
    {
      name: 'that is completed',
      move: ({ twin }) => [twin.moveBatches(), twin.moveBatches(), twin.moveBatches()],
    },
    {
      name: 'that is cancelled under way: what was run of it',
      async move({ twin }, client, id) {
        twin.moveBatches();
        assert.equal((await client.batches.cancel(id)).status, 'cancelling');
        twin.moveBatches();
      },
    },
    { name: 'that expires', move: ({ twin }) => [twin.moveBatches(), twin.moveBatches('expired')] },
    { name: 'that fails under way', move: ({ twin }) => [twin.moveBatches(), twin.moveBatches('failed')] },
    { name: 'that fails before anything is run', move: ({ twin }) => twin.moveBatches('failed') },
  ];
  for (const { name, move } of ends) {
    test(name, async (context) => {
      const { stack, client } = await stackFor(context);
      const { id } = await begin(client, lines);
      const before = await budgetOf(stack);
      assert.ok(BigInt(before.held) > 0n, 'the most that it may cost is held');
      assert.equal(before.spent, '0');
      await move(stack, client, id);
      await metered(stack);
      const { ledger, truth } = await sums(stack);
      const ran = stack.twin.usage().attempts.length;
      assert.equal(ledger.input ?? 0, truth.input);
      assert.equal(ledger.output ?? 0, truth.output);
      assert.ok((ledger.requests ?? 0) >= ran);
      const after = await budgetOf(stack);
      assert.equal(after.held, '0');
      const report = await stack.usage();
      assert.equal(after.spent, report.total.costNanoUsd);
      assert.deepEqual((await stack.verify()).problems, []);
    });
  }

  test('with lines that fail, are filtered, or tell no usage: each as a call would be', async (context) => {
    const { stack, client } = await stackFor(context);
    stack.twin.addFault({ kind: 'status', status: 429, match: match('Two?') });
    stack.twin.addFault({ kind: 'missing-usage', match: match('Three?') });
    await begin(client, [...lines, chatLine('twin:filter-prompt', 9)]);
    for (let stage = 0; stage < 3; stage += 1) stack.twin.moveBatches();
    const outcomes = async (): Promise<Record<string, number>> => {
      const { rows } = await stack.usage('outcome');
      return Object.fromEntries(rows.map(({ keys: key, attempts }) => [key.outcome, attempts]));
    };
    await until(async () => (await stack.usage()).total.attempts === 8);
    // Five lines, and that the batch was begun.
    assert.deepEqual(await outcomes(), { completed: 6, 'filtered-prompt': 1, 'refused-by-upstream': 1 });
    const { rows } = await stack.usage('operation');
    const row = rows.find((one) => one.keys.operation === 'chat.completions');
    assert.equal(row?.unknownUsageAttempts, 2, 'the filtered one, and the one without usage');
    const three = stack.twin.usage().attempts.filter(({ status }) => status === 200);
    assert.ok((row.inputTokens ?? 0) < three.reduce((sum, one) => sum + one.inputTokens, 0));
  });

  test('by lines of any operation, each under its own name', async (context) => {
    const { stack, client } = await stackFor(context, { more: '', product: ', unpriced: allow-and-flag' });
    const embed = await upload(client, [
      line(1, '/v1/embeddings', { model: 'text-embedding-3-small', input: 'Hello' }),
      line(2, '/v1/embeddings', { model: 'text-embedding-3-small', input: ['Some', 'more'] }),
    ]);
    const respond = await upload(client, [
      line(1, '/v1/responses', { model: 'gpt-5.4-mini', input: 'Hello', max_output_tokens: 300 }),
    ]);
    const window = { completion_window: '24h' } as const;
    await client.batches.create({ ...window, input_file_id: embed.id, endpoint: '/v1/embeddings' });
    await client.batches.create({ ...window, input_file_id: respond.id, endpoint: '/v1/responses' });
    for (let stage = 0; stage < 3; stage += 1) stack.twin.moveBatches();
    await until(async () => (await stack.usage()).total.attempts === 5);
    const { rows, total } = await stack.usage('operation');
    assert.deepEqual(Object.fromEntries(rows.map(({ keys: key, requests }) => [key.operation, requests])), {
      'batches.create': 2,
      embeddings: 2,
      responses: 1,
    });
    const truth = stack.twin.usage().total;
    assert.deepEqual([total.inputTokens, total.outputTokens], [truth.inputTokens, truth.outputTokens]);
  });

  test('also when the answer to its beginning was lost: it is found by its mark', async (context) => {
    const { stack, client } = await stackFor(context, { batch: '[one-batch]' });
    const file = await upload(client, lines);
    stack.twin.addFault({ kind: 'reset', match: { operation: 'batches.create' } });
    const given = { input_file_id: file.id, endpoint: '/v1/chat/completions', completion_window: '24h' } as const;
    await assert.rejects(client.batches.create(given), (error) => error instanceof APIError && error.status === 503);
    assert.equal((await held(stack)).length, 1, 'it may have been begun');
    for (let stage = 0; stage < 3; stage += 1) stack.twin.moveBatches();
    await until(async () => (await sums(stack)).ledger.requests === lines.length);
    await assertEqualToTheToken(stack);
  });

  test('once, although the gateway is started anew at any time', async (context) => {
    const { stack, client } = await stackFor(context);
    const begun = await begin(client, lines);
    await stack.gateway.drain('test');
    for (let stage = 0; stage < 3; stage += 1) stack.twin.moveBatches();
    const next = await stack.restart();
    await metered(next);
    await assertEqualToTheToken(next);
    await next.gateway.drain('test');
    const last = await next.restart();
    await assertEqualToTheToken(last);
    const done = await clientOf(last.url, keys.marketing).batches.retrieve(begun.id);
    assert.equal(done.status, 'completed');
  });

  test('before its output can be deleted', async (context) => {
    const { stack, client } = await stackFor(context, { pollEvery: '1h' });
    const { id } = await begin(client, lines);
    for (let stage = 0; stage < 3; stage += 1) stack.twin.moveBatches();
    const { output_file_id: output } = await client.batches.retrieve(id);
    await assert.rejects(client.files.delete(output ?? ''), ConflictError);
    await stack.gateway.drain('test');
    const next = await stack.restart();
    await metered(next);
    assert.equal((await clientOf(next.url, keys.marketing).files.delete(output ?? '')).deleted, true);
    await assertEqualToTheToken(next);
  });
});

test('a hard budget without room for all lines refuses the batch, and holds nothing', async (context) => {
  const { stack, client } = await stackFor(context, {
    more: 'consumers: { marketing: { budget: { amount: 0.001 USD, every: month, hard: true } } }',
  });
  await assert.rejects(begin(client, lines), (error) => error instanceof APIError && error.status === 403);
  assert.equal((await budgetOf(stack)).held, '0');
  assert.deepEqual((await client.batches.list()).data, []);
});

test('prices that are worked out anew leave what a running batch holds where it is', async (context) => {
  const { stack, client } = await stackFor(context);
  await begin(client, lines);
  const before = await budgetOf(stack);
  const rerated = await stack.admin('/admin/v1/ledger/rerate', {
    method: 'POST',
    body: { from: '2020-01-01T00:00:00Z', reason: 'test', dryRun: false },
  });
  assert.equal(rerated.status, 200, rerated.text);
  assert.deepEqual(await budgetOf(stack), before);
});
