// As the platform team does it: is anything new in Azure's price list? Then put it in force.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import type { PriceList } from '@tollgate/contract/admin-api/operations.ts';
import type { PriceSync } from '@tollgate/contract/admin-api/prices.ts';
import { freePort } from '../gateway/test/support/free-port.ts';
import { cli, printed } from './support/processes.ts';

test("what is shipped agrees with Azure's list; what Azure changes is shown, and put in force on its day", async (context) => {
  const data = mkdtempSync(path.join(tmpdir(), 'tollgate-e2e-prices-'));
  const [port, adminPort, twinPort] = [await freePort(), await freePort(), await freePort()];
  const env = {
    ...process.env,
    NO_COLOR: '1',
    TOLLGATE_DATA: data,
    TOLLGATE_PORT: String(port),
    TOLLGATE_ADMIN_PORT: String(adminPort),
    TOLLGATE_TWIN_PORT: String(twinPort),
  };
  const start = spawn(process.execPath, [cli, 'start'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  context.after(() => {
    start.kill('SIGKILL');
    rmSync(data, { recursive: true, force: true });
  });
  await printed(start, 'Tollgate is ready.');
  const run = promisify(execFile);
  const prices = async (...args: readonly string[]): Promise<string> =>
    (await run(process.execPath, [cli, 'prices', ...args], { env, maxBuffer: 64 * 1024 * 1024 })).stdout;
  const api = `http://127.0.0.1:${twinPort}/api/retail/prices`;
  const sync = async (...args: readonly string[]): Promise<PriceSync> =>
    JSON.parse(await prices('sync', '--api', api, '--json', ...args)) as PriceSync;

  const first = await sync('--dry-run');
  assert.deepEqual([first.added, first.changed, first.ended, first.missing, first.ambiguous], [[], [], [], [], []]);
  assert.ok(first.unchanged > 1000, `${first.unchanged} prices are the same`);
  const unread = first.unmapped
    .filter((one) => !one.known)
    .flatMap((one) => one.meters.map((meter) => meter.meterName));
  assert.deepEqual([...new Set(unread)].toSorted(), [
    'Example Tiered Inp glbl Tokens',
    'Standard Unit',
    'gpt-latest 05052026 cd inp Gl 1M Tokens',
    'gpt-latest 05052026 inp Gl 1M Tokens',
    'gpt-latest 05052026 opt Gl 1M Tokens',
  ]);

  // gpt-5.4-mini becomes cheaper on 1 December 2026, and a model comes that no rule knows.
  const meter = { product: 'Azure OpenAI GPT5', unit: '1M', from: '2026-12-01', regions: ['westeurope'] };
  const change = {
    publish: [
      { ...meter, meter: '5.4 mini Inp Gl 1M Tokens', price: '0.6' },
      { ...meter, meter: '9 zeta Inp Gl 1M Tokens', price: '9' },
    ],
  };
  const published = await fetch(`http://127.0.0.1:${twinPort}/_twin/prices`, {
    method: 'POST',
    body: JSON.stringify(change),
  });
  assert.equal(published.status, 200);
  const shown = await prices('sync', '--api', api, '--dry-run');
  assert.match(
    shown,
    /^changed +gpt-5\.4-mini +GlobalStandard +westeurope +input +0\.75 +0\.60 +million +2026-12-01 *$/m,
  );
  assert.match(shown, /^9 zeta Inp Gl 1M Tokens +Azure OpenAI GPT5 +9\.0 per 1M /m);

  const applied = await sync();
  assert.deepEqual([applied.applied, applied.changed.length], [true, 1]);
  const list = JSON.parse(await prices('list', '--all', '--model', 'gpt-5.4-mini', '--json')) as PriceList;
  assert.equal(list.priceBook, applied.priceBook);
  const input = list.prices.filter(
    (one) => one.meter === 'input' && one.deploymentType === 'GlobalStandard' && one.serviceTier === null,
  );
  const inWestEurope = input.filter((one) => one.region?.split(',').includes('westeurope') === true);
  assert.deepEqual(
    inWestEurope.map((one) => [one.nanoUsdPerMillion, one.effectiveFrom.slice(0, 10), one.meterIds.length > 0]),
    [
      ['750000000', '2026-03-01', true],
      ['600000000', '2026-12-01', true],
    ],
  );
  const second = await sync('--dry-run');
  assert.deepEqual([second.changed, second.added, second.ended, second.missing], [[], [], [], []]);

  start.kill('SIGTERM');
  const [code] = await once(start, 'exit');
  assert.equal(code, 0);
});
