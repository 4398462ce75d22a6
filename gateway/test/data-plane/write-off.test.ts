import assert from 'node:assert/strict';
import { test } from 'node:test';
import { auditPageSchema } from '@tollgate/contract/admin-api/audit.ts';
import { heldPageSchema, writeOffReplySchema } from '@tollgate/contract/admin-api/adjustments.ts';
import { call, keys, startStack } from '../support/running-gateway.ts';

test('what a lost connection left unknown is listed, written off with a reason, and the ledger stays sound', async (context) => {
  const stack = await startStack(context);
  stack.twin.addFault({ kind: 'reset' });
  await call(`${stack.url}/openai/v1/chat/completions`, {
    headers: { 'api-key': keys.marketing },
    body: { model: 'one-endpoint', messages: [{ role: 'user', content: 'Hello' }] },
  });
  const list = async () => heldPageSchema.parse((await stack.admin('/admin/v1/ledger/held')).json);
  const [attempt, ...others] = (await list()).attempts;
  assert.deepEqual(others, []);
  assert.equal(attempt?.consumer, 'marketing');

  const body = { attempts: [attempt.id], reason: 'not on the bill' };
  const path = '/admin/v1/ledger/write-off';
  const dry = await stack.admin(path, { method: 'POST', body: { ...body, dryRun: true } });
  assert.equal(writeOffReplySchema.parse(dry.json).attempts.length, 1);
  assert.equal((await list()).attempts.length, 1);
  const done = await stack.admin(path, { method: 'POST', body });
  assert.equal(writeOffReplySchema.parse(done.json).attempts.length, 1);
  assert.deepEqual(await list(), { attempts: [], next: null });

  const trail = auditPageSchema.parse((await stack.admin('/admin/v1/audit')).json).entries;
  assert.deepEqual(
    trail.filter((one) => one.action === 'ledger.write-off').map((one) => [one.actor, one.subject]),
    [['admin-token', `attempt/${attempt.id}: not on the bill`]],
  );
  const { problems } = await stack.verify();
  assert.deepEqual(problems, []);
});

test('a write-off that does not say which attempts, or why, is refused with everything that is wrong', async (context) => {
  const stack = await startStack(context);
  for (const body of [
    { reason: 'because' },
    { attempts: ['x'], from: '2026-01-01T00:00:00Z', outcome: 'gateway-lost', reason: 'because' },
    { from: '2026-01-01T00:00:00Z', reason: 'because' },
    { attempts: ['x'], reason: ' ' },
    { attempts: [], reason: 'because' },
  ]) {
    const { status, text } = await stack.admin('/admin/v1/ledger/write-off', { method: 'POST', body });
    assert.equal(status, 400, text);
    assert.match(text, /admin_invalid/);
  }
});
