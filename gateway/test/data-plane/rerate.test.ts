import assert from 'node:assert/strict';
import { appendFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { auditPageSchema } from '@tollgate/contract/admin-api/audit.ts';
import { rerateReplySchema, type RerateReply } from '@tollgate/contract/admin-api/adjustments.ts';
import { call, keys, startStack, type RunningStack } from '../support/running-gateway.ts';

const contract = `
prices:
  - model: gpt-5.4-mini
    type: GlobalStandard
    effectiveFrom: 2026-01-01
    usdPerMillion: { input: 1, cachedInput: 1, output: 1 }
    source: order form 4711
`;

async function chat(stack: RunningStack): Promise<number> {
  const answer = await call(`${stack.url}/openai/v1/chat/completions`, {
    headers: { 'api-key': keys.marketing },
    body: { model: 'gpt-5.4-mini', messages: [{ role: 'user', content: 'Hello' }] },
  });
  assert.equal(answer.status, 200, answer.body);
  const { usage } = JSON.parse(answer.body) as { usage: { total_tokens: number } };
  return usage.total_tokens;
}

async function rerate(stack: RunningStack, dryRun: boolean): Promise<RerateReply> {
  const { status, json, text } = await stack.admin('/admin/v1/ledger/rerate', {
    method: 'POST',
    body: { from: '2026-01-01T00:00:00Z', reason: 'the contract has come', dryRun },
  });
  assert.equal(status, 200, text);
  return rerateReplySchema.parse(json);
}

test('a contract that comes late: past calls are priced by it, the ledger stays sound, and survives the loss of its store', async (context) => {
  const stack = await startStack(context);
  const tokens = (await chat(stack)) + (await chat(stack));
  const before = BigInt((await stack.usage()).total.costNanoUsd ?? 0);
  assert.equal((await rerate(stack, true)).changed, 0);

  appendFileSync(stack.configFile, contract);
  const reload = await stack.admin('/admin/v1/config/reload', { method: 'POST' });
  assert.match(reload.text, /"ok":true/);
  // One USD for a million tokens of any kind.
  const after = BigInt(tokens) * 1000n;
  const dry = await rerate(stack, true);
  assert.deepEqual([dry.looked, dry.changed, dry.delta.cost], [2, 2, String(after - before)]);
  assert.equal((await stack.usage()).total.costNanoUsd, String(before));
  const done = await rerate(stack, false);
  assert.deepEqual({ ...done, dryRun: true }, dry);
  assert.equal((await stack.usage()).total.costNanoUsd, String(after));
  assert.equal((await rerate(stack, false)).changed, 0);
  assert.deepEqual((await stack.verify()).problems, []);

  const trail = auditPageSchema.parse((await stack.admin('/admin/v1/audit')).json).entries;
  assert.deepEqual(
    trail.filter((one) => one.action === 'ledger.rerate').map((one) => one.subject),
    [done, done].map((one) => `ledger/2026-01-01T00:00:00Z/now price-book/${one.priceBook}: the contract has come`),
  );

  await stack.gateway.drain('test');
  for (const suffix of ['', '-wal', '-shm'])
    rmSync(path.join(stack.dataFolder, `tollgate.sqlite${suffix}`), { force: true });
  const again = await stack.restart();
  assert.equal((await again.usage()).total.costNanoUsd, String(after));
  assert.deepEqual((await again.verify()).problems, []);
});
