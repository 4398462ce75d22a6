import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { compose } from '#compose/gateway.ts';
import { pino } from 'pino';

test('a start that fails on a port in use closes what it had opened: the data folder can be opened again', async (context) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'tollgate-test-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const configFile = path.join(folder, 'tollgate.yaml');
  writeFileSync(configFile, 'organisation: contoso\nlisten: { port: 0, admin: { port: 0 } }\n');
  const occupant = createServer();
  await new Promise<void>((resolve) => {
    occupant.listen(0, '127.0.0.1', resolve);
  });
  context.after(() => occupant.close());
  const address = occupant.address();
  assert.ok(typeof address === 'object' && address !== null);
  const settings = {
    configFile,
    dataFolder: path.join(folder, 'data'),
    port: address.port,
    adminPort: 0,
    checkOnly: false,
    environment: {},
  };
  const log = pino({ level: 'silent' });
  for (const ports of [{ port: address.port }, { port: 0, adminPort: address.port }]) {
    const failed = await compose({ ...settings, ...ports }, { log });
    assert.ok(!failed.ok);
    assert.match(failed.problems.join('\n'), /EADDRINUSE.*TOLLGATE_PORT/);
  }
  const started = await compose({ ...settings, port: 0 }, { log });
  assert.ok(started.ok, started.ok ? '' : started.problems.join('\n'));
  await started.gateway.drain('test');
});
