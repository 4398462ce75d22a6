import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { pino } from 'pino';
import { systemClock } from '#kernel/clock.ts';
import { Metrics } from '#kernel/metrics.ts';
import { openConfiguration } from './configuration.ts';

test('a secret in a file that is rotated while the rest of the gateway starts is taken over', async (context) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'tollgate-configuration-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const [configFile, key] = [path.join(folder, 'tollgate.yaml'), path.join(folder, 'key')];
  writeFileSync(key, 'the first');
  writeFileSync(
    configFile,
    `organisation: contoso
endpoints: { weu: { resource: https://contoso.openai.azure.com, region: westeurope, deployment: d, model: gpt-5.4-mini, type: GlobalStandard, auth: { key: { file: key } } } }
models: { gpt-5.4-mini: { tiers: [[weu]] } }
`,
  );
  const configuration = openConfiguration({
    settings: { configFile, dataFolder: folder, port: 0, adminPort: 0, checkOnly: false, environment: {} },
    tokenProviders: [],
    clock: systemClock,
    log: pino({ level: 'silent' }),
    metrics: new Metrics(),
  });
  context.after(() => configuration.close());
  const started = await configuration.start();
  assert.ok(started.ok);
  writeFileSync(key, 'the second, while the journal is read');
  const applied = Promise.withResolvers<unknown>();
  const watcher = configuration.follow(started.loaded, async ({ config: { endpoints } }) => {
    await Promise.resolve(endpoints);
    const { auth } = endpoints['weu'] ?? {};
    applied.resolve(auth !== undefined && typeof auth === 'object' && 'key' in auth ? auth.key.reveal() : auth);
  });
  context.after(() => watcher.close());
  // Timers of the gateway keep no process alive.
  const alive = setInterval(() => undefined, 60_000);
  context.after(() => clearInterval(alive));
  assert.equal(await applied.promise, 'the second, while the journal is read');
});
