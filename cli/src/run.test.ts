import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { test } from 'node:test';
import { versionSchema } from '@tollgate/contract/admin-api/operations.ts';
import {
  closedAfter,
  fakeGateway,
  freePort,
  listening,
  promised,
  refused,
  temporaryFolder,
} from '../test/support/fake-gateway.ts';
import { runCli, testContext } from '../test/support/run-cli.ts';
import { examplesOf, walk } from './command-tree.ts';
import { buildProgram } from './program.ts';

const commands = walk(buildProgram(testContext()));

for (const command of commands.filter((one) => one.commands.length === 0)) {
  const words = [...(command.parent?.parent ? [command.parent.name()] : []), command.name()];
  // The twin's --help is the twin's own.
  if (words[0] === 'twin') continue;
  test(`${words.join(' ')} --help describes it, with examples that exist`, async () => {
    const { status, out } = await runCli([...words, '--help']);
    assert.equal(status, 0);
    assert.match(out, /Examples:/);
    assert.ok(command.description().length > 10);
    for (const { line } of examplesOf(command)) assert.ok(line.startsWith(words.join(' ')), line);
  });
}

test('the help of the whole tells of the environment and of the exit status', async () => {
  const { status, out } = await runCli(['--help']);
  assert.equal(status, 0);
  assert.match(out, /TOLLGATE_ADMIN_PORT/);
  assert.match(out, /3 {2}no gateway is running/);
});

for (const args of [
  [],
  ['nonsense'],
  ['usage', '--by', 'nonsense'],
  ['usage', '--format', 'xml'],
  ['usage', '--json', '--format', 'csv'],
  ['usage', '--from', 'whenever'],
  ['usage', '--wait', 'long'],
  ['usage', '--from', '2026-11-02', '--to', '2026-11-01'],
  ['subscription'],
  ['subscription', 'show'],
  ['subscription', 'show', '../products'],
  ['subscription', 'regenerate', 'marketing-web', 'third'],
  ['product', 'create', 'x', '--models', 'm', '--max-choices', '0'],
  ['completion', 'powershell'],
]) {
  test(`tollgate ${args.join(' ')} is a wrong call: exit status 2, and it says why`, async () => {
    const { status, err, out } = await runCli(args);
    assert.equal(status, 2);
    assert.notEqual(err, '');
    assert.equal(out, '');
  });
}

test('a wrong environment is a wrong call', async () => {
  const { status, err } = await runCli(['usage'], { TOLLGATE_ADMIN_PORT: 'none' });
  assert.equal(status, 2);
  assert.match(err, /TOLLGATE_ADMIN_PORT must be a port number/);
});

test('without a running gateway it says how to start one: exit status 3', async (t) => {
  const port = await freePort();
  const environment = { TOLLGATE_DATA: temporaryFolder(t), TOLLGATE_ADMIN_PORT: String(port) };
  const { status, err, out } = await runCli(['usage'], environment);
  assert.equal(status, 3);
  assert.match(err, /No gateway is running/);
  assert.match(err, /npm start/);
  assert.equal(out, '');
  writeFileSync(path.join(environment.TOLLGATE_DATA, 'admin-token'), 'left over');
  assert.equal((await runCli(['usage'], environment)).status, 3, 'also with the token of one that has stopped');
});

test('a gateway with another data folder is told from none at all', async (t) => {
  const { environment } = await fakeGateway(t, {});
  const other = temporaryFolder(t);
  const missing = await runCli(['usage'], { ...environment, TOLLGATE_DATA: other });
  assert.equal(missing.status, 3);
  assert.match(missing.err, /is not its data folder/);
  writeFileSync(path.join(other, 'admin-token'), 'of another gateway');
  const wrong = await runCli(['usage'], { ...environment, TOLLGATE_DATA: other });
  assert.equal(wrong.status, 1);
  assert.match(wrong.err, /does not take the token/);
});

test("the gateway's error is told with its code, its id, every detail and the remedy", async (t) => {
  const { environment } = await fakeGateway(t, {
    'POST subscriptions/x/suspend': refused(409, {
      code: 'admin_read_only',
      message: 'x is declared in the configuration file.',
      id: 'id-77',
      details: ['first', 'second'],
    }),
  });
  const { status, err } = await runCli(['subscription', 'suspend', 'x'], environment);
  assert.equal(status, 1);
  assert.match(err, /x is declared in the configuration file\. \(admin_read_only, id id-77\)/);
  assert.match(err, /- first\n {2}- second/);
  assert.match(err, /Edit the file/);
  assert.doesNotMatch(err, / at .*\.ts:/, 'no stack');
});

test('an answer of another version is refused with the field that does not fit', async (t) => {
  const { environment } = await fakeGateway(t, { 'GET prices': { body: { priceBook: 'p', prices: [{ id: 1 }] } } });
  const { status, err } = await runCli(['prices', 'list'], environment);
  assert.equal(status, 1);
  assert.match(err, /prices\.0\.id/);
  assert.match(err, /same version/);
});

test('something else on the port is not taken for a gateway', async (t) => {
  const { dataFolder } = await fakeGateway(t, {});
  const server = createServer((_request, response) => response.writeHead(500).end('<html>'));
  const port = await listening(server);
  closedAfter(t, server);
  const { status, err } = await runCli(['usage'], { TOLLGATE_DATA: dataFolder, TOLLGATE_ADMIN_PORT: String(port) });
  assert.equal(status, 1);
  assert.match(err, /not as a gateway does/);
});

test('a connection that breaks is told in plain words, and with --debug with its cause', async (t) => {
  const { dataFolder } = await fakeGateway(t, {});
  const server = createServer((request) => request.socket.destroy());
  const port = await listening(server);
  closedAfter(t, server);
  const environment = { TOLLGATE_DATA: dataFolder, TOLLGATE_ADMIN_PORT: String(port) };
  const plain = await runCli(['usage'], environment);
  assert.equal(plain.status, 1);
  assert.match(plain.err, /broke off/);
  assert.doesNotMatch(plain.err, /caused by/);
  assert.match((await runCli(['usage', '--debug'], environment)).err, /caused by: TypeError: fetch failed/);
});

test('version tells both, and that none is running where none is', async (t) => {
  const gateway = await fakeGateway(t, {
    'GET version': promised(versionSchema, {
      name: 'tollgate',
      version: '9.8.7',
      node: '26.1.0',
      startedAt: '2026-11-23T00:00:00.000Z',
    }),
  });
  const both = await runCli(['version'], gateway.environment);
  assert.match(both.out, /^tollgate \d+\.\d+\.\d+ /);
  assert.match(both.out, /gateway {2}9\.8\.7/);
  rmSync(path.join(gateway.dataFolder, 'admin-token'));
  const json = await runCli(['version', '--json'], {
    TOLLGATE_DATA: gateway.dataFolder,
    TOLLGATE_ADMIN_PORT: String(await freePort()),
  });
  assert.equal(json.status, 0);
  assert.equal((JSON.parse(json.out) as { gateway: unknown }).gateway, null);
});
