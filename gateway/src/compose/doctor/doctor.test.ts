import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { examine } from './doctor.ts';
import { readSettings } from '#settings.ts';
import { until } from '../../../test/support/until.ts';

test('it ends where everything takes the connection and says nothing, and tells of each', async (context) => {
  const sockets = new Set<Socket>();
  const silent = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined).resume());
  });
  await new Promise<void>((resolve) => {
    silent.listen(0, '127.0.0.1', resolve);
  });
  const address = silent.address();
  assert.ok(typeof address === 'object' && address !== null);
  const host = `127.0.0.1:${address.port}`;
  const folder = mkdtempSync(path.join(tmpdir(), 'tollgate-silent-'));
  context.after(() => {
    silent.close();
    for (const socket of sockets) socket.destroy();
    rmSync(folder, { recursive: true });
  });
  const config = path.join(folder, 'tollgate.yaml');
  writeFileSync(
    config,
    `
organisation: contoso
endpoints:
  keyed: { resource: 'https://${host}/contoso-weu', region: westeurope, deployment: d, model: gpt-5.4-mini, type: GlobalStandard, auth: { key: '\${TEST_KEY}' } }
  keyless: { resource: 'https://${host}/contoso-weu', region: westeurope, deployment: e, model: gpt-5.4-mini, type: GlobalStandard, auth: managed-identity }
models: { gpt-5.4-mini: { tiers: [[keyed, keyless]] } }
entra:
  tenants: [7a0f1c00-0000-4000-8000-000000000001]
  audiences: [api://tollgate]
  authority: 'https://${host}'
  callers: [{ claims: { oid: somebody }, subscriptionHeader: x-tollgate-subscription }]
ledger:
  store: { postgres: { url: '\${TEST_DATABASE}' } }
  logAnalytics: { endpoint: 'https://${host}', rule: dcr-1, workspace: 7a0f1c00-0000-4000-8000-0000000000aa, queryEndpoint: 'https://${host}' }
counters: { redis: { url: '\${TEST_REDIS}' } }
`,
  );
  const settings = readSettings(['--config', config, '--data', path.join(folder, 'data')], {
    TEST_KEY: 'key-of-the-test',
    TEST_DATABASE: `postgres://user:password@${host}/ledger?sslmode=disable`,
    TEST_REDIS: `redis://${host}`,
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://${host}`,
  });
  assert.ok(settings !== 'help');
  // Microsoft's library looks into the environment of the process itself.
  Object.assign(process.env, { IDENTITY_ENDPOINT: `http://${host}/msi/token`, IDENTITY_HEADER: 'header-of-the-test' });
  const clock = new ManualClock();
  const ended = new AbortController();
  const examining = examine({
    settings,
    clock,
    call: false,
    waitMs: 600_000,
    progress: () => undefined,
    told: () => undefined,
  }).finally(() => ended.abort());
  // All that is looked at from the beginning has been taken: by real sockets, whose time is not the clock's.
  await until(() => sockets.size >= 9, 'nine connections');
  // Ten minutes for the row of Log Analytics, and two for everything.
  for (let seconds = 0; !ended.signal.aborted && seconds < 720; seconds += 1) {
    await setTimeout(10);
    clock.advance(1_000);
  }
  const findings = await examining;
  const failed = findings.filter(({ outcome }) => outcome === 'failed');
  assert.deepEqual(
    // Of a disk under load a minute may pass as well.
    failed.map(({ check }) => check).filter((check) => check !== 'data folder'),
    [
      'token ai.azure.com',
      'token monitor.azure.com',
      'token api.loganalytics.io',
      'endpoint keyed',
      'endpoint keyless',
      'PostgreSQL',
      'Redis',
      'Log Analytics, write',
      "callers' tokens, tenant 7a0f1c00-0000-4000-8000-000000000001",
    ],
  );
  for (const { check, fix } of failed) assert.ok((fix ?? '').length > 10, `${check} says what to do`);
  assert.match(
    failed.find(({ check }) => check === 'Redis')?.detail ?? '',
    /takes the connection, and answers nothing/,
  );
});
