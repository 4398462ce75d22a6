import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../../../test/support/fake-gateway.ts';
import { runCli } from '../../../test/support/run-cli.ts';

test('doctor tells one line each, with what to do, and ends with status 1 where something failed', async (context) => {
  const folder = temporaryFolder(context);
  const file = path.join(folder, 'tollgate.yaml');
  writeFileSync(
    file,
    `organisation: contoso
endpoints: { away: { resource: https://nowhere.invalid, region: westeurope, deployment: d, model: gpt-5.4-mini, type: GlobalStandard, auth: { key: '\${TEST_KEY}' } } }
models: { gpt-5.4-mini: { tiers: [[away]] } }
ledger: { backlog: { bytes: 1MiB } }
`,
  );
  const environment = { PATH: process.env['PATH'], TOLLGATE_DATA: folder, TEST_KEY: 'a-key-of-the-test' };
  const { status, out, err } = await runCli(['doctor', '--config', file, '--no-wait'], environment);
  assert.equal(status, 1, out + err);
  assert.match(out, /^ok +configuration: .*1 endpoint, 1 model$/m);
  assert.match(out, /^failed +endpoint away: nowhere\.invalid: .*\n {9}\S/m);
  assert.match(out, /^skipped +Redis: /m);
  assert.match(err, /^… looking at endpoint away$/m);
  assert.doesNotMatch(out + err, /a-key-of-the-test/);
});

test('doctor makes no data folder by looking', async (context) => {
  const folder = temporaryFolder(context);
  const file = path.join(folder, 'tollgate.yaml');
  writeFileSync(file, 'organisation: contoso\n');
  const environment = { PATH: process.env['PATH'], TOLLGATE_DATA: path.join(folder, 'not', 'yet') };
  const { out } = await runCli(['doctor', '--config', file, '--no-wait'], environment);
  assert.match(out, /^ok +data folder: .*not\/yet is not there yet; the gateway makes it in /m);
  assert.deepEqual(readdirSync(folder), ['tollgate.yaml']);
});

test('doctor refuses to be called wrongly', async (context) => {
  const folder = temporaryFolder(context);
  const file = path.join(folder, 'tollgate.yaml');
  writeFileSync(file, 'organisation: contoso\n');
  assert.equal((await runCli(['doctor', '--config', path.join(folder, 'none.yaml')])).status, 2);
  const { status, err } = await runCli(['doctor', '--config', file, '--wait', 'long']);
  assert.equal(status, 2);
  assert.match(err, /--wait takes whole minutes, not 'long'/);
});
