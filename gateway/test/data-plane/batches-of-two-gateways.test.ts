// Two gateways on one store: a batch is begun through one, and metered by the other when the first is killed.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { NotFoundError } from 'openai';
import { openBatchesSchema } from '@tollgate/contract/admin-api/batches.ts';
import type { LedgerVerification } from '@tollgate/contract/admin-api/operations.ts';
import type { UsageReport } from '@tollgate/contract/usage.ts';
import { startTwin } from '../../../twin/src/server.ts';
import { batchConfig, begin, budget, chatLine, clientOf, twinResources, upload } from '../support/batch-stack.ts';
import { startGatewayProcess, type GatewayProcess } from '../support/gateway-process.ts';
import { orSkip, postgresServer } from '../support/postgres-server.ts';
import { keyOf, keys } from '../support/running-gateway.ts';
import { until } from '../support/until.ts';

async function admin({ adminUrl, dataFolder }: GatewayProcess, where: string, method = 'GET'): Promise<unknown> {
  const token = readFileSync(path.join(dataFolder, 'admin-token'), 'utf8').trim();
  const response = await fetch(`${adminUrl}${where}`, { method, headers: { authorization: `Bearer ${token}` } });
  return await response.json();
}

async function attemptsIn(gateway: GatewayProcess): Promise<number> {
  const report = (await admin(gateway, '/admin/v1/usage?by=operation&waitMs=20000')) as UsageReport;
  return report.total?.attempts ?? 0;
}

/** Whether it is this one that meters. */
async function follows(gateway: GatewayProcess): Promise<boolean> {
  return openBatchesSchema.parse(await admin(gateway, '/admin/v1/batches')).follows;
}

const count = 600;
const lines = Array.from({ length: count }, (_one, at) => chatLine(`Question ${at}? twin:tokens=3`, at));

test(
  'a gateway is killed while it meters a batch: another one goes on, and every line is there once',
  orSkip,
  async (context) => {
    const server = await postgresServer();
    const database = await server.createDatabase();
    const twin = await startTwin({
      port: 0,
      key: 'twin-key-of-the-test',
      resources: twinResources,
      batchStageMs: null,
    });
    context.after(() => twin.close());
    const environment = {
      TEST_TWIN_KEY: twin.key,
      TEST_KEY_MARKETING: keys.marketing,
      TEST_KEY_FINANCE: keys.finance,
      TEST_KEY_SMALL: keyOf('small'),
      TEST_DATABASE_URL: database.url,
      SIGNING: 'the-signing-key-of-the-test-0123456789-abc',
    };
    const config = batchConfig(twin.url, {
      ledger: ", store: { postgres: { url: '${TEST_DATABASE_URL}', tls: off } }",
      more: `${budget}\nrouting: { affinity: { keys: ['\${SIGNING}'] } }\n`,
    });
    const start = async (folder?: string) =>
      await startGatewayProcess(context, { config, environment, ...(folder === undefined ? {} : { folder }) });
    const first = await start();
    const file = await upload(clientOf(first.url, keys.marketing), lines);
    // The lease is its own before the second one is there.
    await until(async () => await follows(first), 'a first gateway that meters');
    const second = await start();
    const client = clientOf(second.url, keys.marketing);
    assert.equal(
      (await client.files.retrieve(file.id)).bytes > 0,
      true,
      'uploaded through one, found through the other',
    );
    const begun = await client.batches.create({
      input_file_id: file.id,
      endpoint: '/v1/chat/completions',
      completion_window: '24h',
    });
    assert.equal((await clientOf(first.url, keys.marketing).batches.retrieve(begun.id)).id, begun.id);
    await assert.rejects(clientOf(first.url, keys.finance).batches.retrieve(begun.id), NotFoundError);
    // Whoever meters it gets a part of the file, and then nothing: it is killed there.
    twin.addFault({ kind: 'stall', afterBytes: 400_000, match: { operation: 'files.content' } });
    for (let stage = 0; stage < 3; stage += 1) twin.moveBatches();
    await until(async () => (await attemptsIn(second)) > 1, 'lines in the ledger');
    await first.kill();
    const another = await begin(client, [chatLine('One more?', 0)]);
    for (let stage = 0; stage < 3; stage += 1) twin.moveBatches();
    await until(async () => (await attemptsIn(second)) >= count + 3, 'all lines in the ledger');
    const report = (await admin(second, '/admin/v1/usage?by=operation&waitMs=20000')) as UsageReport;
    const row = report.rows.find((one) => one.keys.operation === 'chat.completions');
    const { total, attempts } = twin.usage();
    assert.equal(attempts.length, count + 1);
    assert.deepEqual(
      [row?.requests, row?.attempts, row?.inputTokens, row?.outputTokens],
      [count + 1, count + 1, total.inputTokens, total.outputTokens],
    );
    assert.equal((await client.batches.retrieve(another.id)).status, 'completed');
    const back = await start(first.folder);
    for (const gateway of [back, second]) {
      const { problems } = (await admin(gateway, '/admin/v1/ledger/verify', 'POST')) as LedgerVerification;
      assert.deepEqual(problems, []);
    }
    assert.equal(await attemptsIn(back), count + 3, 'what it had recorded and not shipped is there already');
  },
);
