import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writtenOffBatchSchema } from '@tollgate/contract/admin-api/batches.ts';
import { fakeGateway, promised } from '../../../test/support/fake-gateway.ts';
import { runCli } from '../../../test/support/run-cli.ts';

const attempt = '01KAMZ6G00Q3V7B1N4T8XWY2ZC';
const answer = { attempt, heldNanoUsd: '1500000000' };

test('batches write-off says what is given back, and sends why', async (t) => {
  const gateway = await fakeGateway(t, { 'POST batches/write-off': promised(writtenOffBatchSchema, answer) });
  const asked = ['batches', 'write-off', attempt, '--reason', 'the resource was deleted'];
  const { out, status } = await runCli(asked, gateway.environment);
  assert.equal(status, 0);
  assert.match(out, /^01KAMZ6G00Q3V7B1N4T8XWY2ZC +1\.50$/m);
  assert.deepEqual(gateway.asked.at(-1)?.body, { attempt, reason: 'the resource was deleted' });
  const { out: json } = await runCli([...asked, '--json'], gateway.environment);
  assert.deepEqual(JSON.parse(json), answer);
});

test('batches write-off wants a reason', async (t) => {
  const gateway = await fakeGateway(t, {});
  const { err, status } = await runCli(['batches', 'write-off', attempt], gateway.environment);
  assert.notEqual(status, 0);
  assert.match(err, /--reason/);
  assert.equal(gateway.asked.length, 0);
});
