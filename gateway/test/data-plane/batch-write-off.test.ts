// A batch that nobody can read any more holds what it may cost until an operator ends it; nothing is made up for it.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { auditPageSchema } from '@tollgate/contract/admin-api/audit.ts';
import { openBatchesSchema, writtenOffBatchSchema, type OpenBatches } from '@tollgate/contract/admin-api/batches.ts';
import { batchStack, begin, budget, chatLine, clientOf, held, metered } from '../support/batch-stack.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { keys, type RunningStack } from '../support/running-gateway.ts';
import { until } from '../support/until.ts';

const lines = ['One?', 'Two?', 'Three?'].map((content, at) => chatLine(content, at));
const reason = 'the resource was deleted';

const list = async (stack: RunningStack): Promise<OpenBatches> =>
  openBatchesSchema.parse((await stack.admin('/admin/v1/batches')).json);

const writeOff = async (stack: RunningStack, attempt: string) =>
  await stack.admin('/admin/v1/batches/write-off', { method: 'POST', body: { attempt, reason } });

async function heldFor(stack: RunningStack): Promise<string | undefined> {
  const { json } = await stack.admin('/admin/v1/budgets');
  const { budgets } = json as { budgets: readonly { readonly id: string; readonly held: string }[] };
  return budgets.find(({ id }) => id.startsWith('consumer/marketing'))?.held;
}

async function onlyOpen(stack: RunningStack): Promise<string> {
  const [open, ...more] = (await list(stack)).batches;
  assert.ok(open !== undefined && more.length === 0);
  return open.id;
}

async function untilProblem(stack: RunningStack, says: RegExp): Promise<void> {
  for (let look = 0; look < 5000; look += 1) if (says.test((await list(stack)).batches[0]?.problem ?? '')) return;
  assert.fail('no look ever found it');
}

/** The batch deployment where everything runs is taken out of the configuration. */
async function takeOut(stack: RunningStack): Promise<void> {
  const config = readFileSync(stack.configFile, 'utf8');
  writeFileSync(
    stack.configFile,
    config.replace(/^ {2}one-batch: .*\n/m, '').replace('batch: [one-batch]', 'batch: [two-batch]'),
  );
  const { status, text } = await stack.admin('/admin/v1/config/reload', { method: 'POST' });
  assert.equal(status, 200, text);
}

describe('a batch whose endpoint is not in the configuration any more', () => {
  test('is shown as what it is, and ended by an operator: nothing is held, and what it used stays unknown', async (context) => {
    const stack = await batchStack(context, { batch: '[one-batch]', more: budget });
    await begin(clientOf(stack.url, keys.marketing), lines);
    const [attempt] = await held(stack);
    const id = await onlyOpen(stack);
    await takeOut(stack);
    await untilProblem(stack, /'one-batch' is not in the configuration any more/);
    assert.match((await stack.admin('/metrics')).text, /^tollgate_batches_unreadable 1$/m);

    const { status, json, text } = await writeOff(stack, id);
    assert.equal(status, 200, text);
    assert.deepEqual(writtenOffBatchSchema.parse(json), { attempt: id, heldNanoUsd: attempt?.reservedNanoUsd });
    assert.deepEqual((await list(stack)).batches, []);
    assert.deepEqual(await held(stack), []);
    assert.equal(await heldFor(stack), '0');
    const { total } = await stack.usage();
    assert.equal(total.attempts, 1, 'no line is made up');
    assert.equal(total.unknownUsageRequests, 1, 'what it used is not known, and told so');
    assert.equal(total.pricedAttempts, 0);
    const trail = auditPageSchema.parse((await stack.admin('/admin/v1/audit')).json).entries;
    assert.deepEqual(
      trail.filter(({ action }) => action === 'batches.write-off').map(({ subject }) => subject),
      [`attempt/${id}: ${reason}`],
    );
    assert.deepEqual((await stack.verify()).problems, []);

    assert.equal((await writeOff(stack, id)).status, 409, 'it has ended');
    await stack.gateway.drain('test');
    const next = await stack.restart();
    assert.deepEqual((await list(next)).batches, []);
    assert.equal(await heldFor(next), '0');
  });

  test('can be ended where no budget held anything for it, too', async (context) => {
    const stack = await batchStack(context, { batch: '[one-batch]' });
    await begin(clientOf(stack.url, keys.marketing), lines);
    const id = await onlyOpen(stack);
    await takeOut(stack);
    assert.deepEqual((await writeOff(stack, id)).json, { attempt: id, heldNanoUsd: '0' });
    assert.deepEqual((await list(stack)).batches, []);
    assert.deepEqual((await stack.verify()).problems, []);
  });
});

test('a batch whose files the resource has lost can be ended, and its files be deleted then', async (context) => {
  const stack = await batchStack(context, { batch: '[one-batch]', more: budget });
  const client = clientOf(stack.url, keys.marketing);
  const begun = await begin(client, lines);
  stack.twin.addFault({ kind: 'status', status: 404, times: null, match: { operation: 'files.content' } });
  for (let stage = 0; stage < 3; stage += 1) stack.twin.moveBatches();
  await untilProblem(stack, /does not give the output file out \(404\)/);
  assert.equal((await writeOff(stack, await onlyOpen(stack))).status, 200);
  const { output_file_id: output } = await client.batches.retrieve(begun.id);
  // The end is in the journal, and in the store a moment later.
  for (let look = 0; look < 5000; look += 1)
    if ((await client.files.delete(output ?? '').catch(() => undefined))?.deleted === true) return;
  assert.fail('it can never be deleted');
});

test('a batch that is too old to be looked at can be ended, where its endpoint is there still', async (context) => {
  const clock = new ManualClock();
  const stack = await batchStack(context, { batch: '[one-batch]', overrides: { clock } });
  await begin(clientOf(stack.url, keys.marketing), lines);
  let open: OpenBatches['batches'] = [];
  await until(async () => {
    clock.advance(100);
    open = (await list(stack)).batches;
    return open.length === 1;
  });
  const id = open[0]?.id ?? '';
  clock.jump(44 * 86_400_000);
  assert.equal((await writeOff(stack, id)).status, 409);
  clock.jump(2 * 86_400_000);
  assert.deepEqual((await list(stack)).batches, []);
  const { status, text } = await writeOff(stack, id);
  assert.equal(status, 200, text);
  assert.match((await writeOff(stack, id)).text, /has ended in the ledger already/);
});

describe('nothing is ended', () => {
  test('that runs and can be read: it is metered', async (context) => {
    const stack = await batchStack(context, { batch: '[one-batch]', more: budget });
    await begin(clientOf(stack.url, keys.marketing), lines);
    const id = await onlyOpen(stack);
    const before = await heldFor(stack);
    const { status, text } = await writeOff(stack, id);
    assert.equal(status, 409);
    // Whether it has been looked at yet, or not.
    assert.match(text, /found nothing wrong|has not looked at the batch/);
    assert.equal(await heldFor(stack), before);
    for (let stage = 0; stage < 3; stage += 1) stack.twin.moveBatches();
    await metered(stack);
    assert.equal((await stack.usage()).total.attempts, 1 + lines.length);
    assert.match((await writeOff(stack, id)).text, /has ended in the ledger already/);
    const trail = auditPageSchema.parse((await stack.admin('/admin/v1/audit')).json).entries;
    assert.deepEqual(
      trail.filter(({ action }) => action === 'batches.write-off'),
      [],
    );
  });

  test('that is no batch', async (context) => {
    const stack = await batchStack(context);
    for (const id of ['nothing', '01KAMZ6G00Q3V7B1N4T8XWY2ZC', '../1'])
      assert.equal((await writeOff(stack, id)).status, 404, id);
  });
});
