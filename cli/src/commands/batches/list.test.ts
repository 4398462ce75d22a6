import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openBatchesSchema, type OpenBatch } from '@tollgate/contract/admin-api/batches.ts';
import { fakeGateway, promised } from '../../../test/support/fake-gateway.ts';
import { runCli } from '../../../test/support/run-cli.ts';

const running: OpenBatch = {
  id: '01KAMZ6G00Q3V7B1N4T8XWY2ZC',
  batch: 'batch_1',
  requestId: '01KAMZ6G00AAAAAAAAAAAAAAAA',
  at: '2026-11-20T09:20:30.000Z',
  consumer: 'marketing',
  subscription: 'marketing-web',
  costCentre: 'contoso/marketing',
  model: 'gpt-5.4-mini',
  endpoint: 'one-batch',
  deployment: 'one/mini-batch',
  reservedNanoUsd: '1500000000',
  status: 'in_progress',
  lookedAt: '2026-11-20T09:20:30.000Z',
  problem: null,
};
const unread: OpenBatch = {
  ...running,
  id: '01KAMZ6G00BBBBBBBBBBBBBBBB',
  reservedNanoUsd: null,
  status: 'completed',
  problem: 'The resource does not give the output file out (404).',
};

test('batches list shows what runs, what is held, and why something cannot be metered', async (t) => {
  const gateway = await fakeGateway(t, {
    'GET batches': promised(openBatchesSchema, { follows: true, batches: [running, unread] }),
  });
  const { out, err, status } = await runCli(['batches', 'list'], gateway.environment);
  assert.equal(status, 0);
  assert.match(
    out,
    /^01KAMZ6G00Q3V7B1N4T8XWY2ZC .* 3d +marketing +gpt-5\.4-mini +one-batch +in_progress +1\.50 +3d ago/m,
  );
  assert.match(
    out,
    /^01KAMZ6G00BBBBBBBBBBBBBBBB .* completed +nothing +3d ago +The resource does not give .* \(404\)\.$/m,
  );
  assert.equal(err, '');
});

test('batches list says where another gateway looks, and where nothing is open', async (t) => {
  const elsewhere: OpenBatch = { ...running, status: null, lookedAt: null };
  const other = await fakeGateway(t, {
    'GET batches': promised(openBatchesSchema, { follows: false, batches: [elsewhere] }),
  });
  const { out, err } = await runCli(['batches', 'list'], other.environment);
  assert.match(out, /not known .* not from here/);
  assert.match(err, /another gateway follows/);
  const empty = await fakeGateway(t, { 'GET batches': promised(openBatchesSchema, { follows: true, batches: [] }) });
  assert.match((await runCli(['batches', 'list'], empty.environment)).out, /^No batch is open/);
});
