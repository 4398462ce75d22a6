import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from './support/fake-gateway.ts';

const launcher = fileURLToPath(new URL('../bin/tollgate.mjs', import.meta.url));
/** Makes this Node say that it is an old one. */
const old = 'data:text/javascript,Object.defineProperty(process.versions,"node",{value:"20.1.0"})';

/** A checkout with a launcher, a program in the place of main.ts, and a runtime. */
function checkout(t: TestContext, main: string): string {
  const root = temporaryFolder(t);
  for (const folder of ['cli/bin', 'cli/src', 'node_modules/.bin'])
    mkdirSync(path.join(root, folder), { recursive: true });
  copyFileSync(launcher, path.join(root, 'cli/bin/tollgate.mjs'));
  writeFileSync(path.join(root, 'cli/src/main.ts'), main);
  writeFileSync(path.join(root, 'package.json'), '{"type":"module"}');
  return root;
}

test('tollgate runs from anywhere, also through the link that npm makes', (t) => {
  const link = path.join(temporaryFolder(t), 'tollgate');
  symlinkSync(launcher, link);
  const { status, stdout } = spawnSync(process.execPath, [link, '--version'], { encoding: 'utf8', cwd: '/' });
  assert.equal(status, 0);
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
});

test('under a Node that is too old it starts the one of the checkout, with arguments and exit status', (t) => {
  const root = checkout(t, 'console.log(process.argv.slice(2).join(" ")); process.exitCode = 3;');
  symlinkSync(process.execPath, path.join(root, 'node_modules/.bin/node'));
  const args = ['--import', old, path.join(root, 'cli/bin/tollgate.mjs'), 'usage', '--by', 'day'];
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  assert.deepEqual([status, stdout], [3, 'usage --by day\n']);
});

test('it passes signals on, and ends as the program does', async (t) => {
  const root = checkout(
    t,
    'process.on("SIGTERM", () => process.exit(5)); setInterval(() => {}, 1000); console.log("up");',
  );
  symlinkSync(process.execPath, path.join(root, 'node_modules/.bin/node'));
  const child = spawn(process.execPath, ['--import', old, path.join(root, 'cli/bin/tollgate.mjs')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'close'), [5, null]);
});

test('without a runtime of the checkout it says how to get one', (t) => {
  const root = checkout(t, '');
  const args = ['--import', old, path.join(root, 'cli/bin/tollgate.mjs'), 'usage'];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  assert.equal(status, 1);
  assert.match(stderr, /needs Node \d+; this is 20\.1\.0/);
  assert.match(stderr, /npm start/);
});

test('twin passes everything on to the twin itself, --help included', () => {
  const help = spawnSync(process.execPath, [launcher, 'twin', '--help'], { encoding: 'utf8' });
  assert.equal(help.status, 0);
  assert.match(help.stdout, /--cache-minimum/);
  const wrong = spawnSync(process.execPath, [launcher, 'twin', '--no-such-option'], { encoding: 'utf8' });
  assert.notEqual(wrong.status, 0);
  assert.match(wrong.stderr, /no-such-option/);
});

const check = (file: string) => spawnSync(process.execPath, [launcher, 'config', 'check', file], { encoding: 'utf8' });

test('config check is done by the gateway: exit status 0, or 1 with every problem and its line', (t) => {
  const demo = check(fileURLToPath(new URL('../../examples/demo.yaml', import.meta.url)));
  assert.equal(demo.status, 0, demo.stderr);
  assert.match(demo.stdout, /is a valid configuration/);
  const file = path.join(temporaryFolder(t), 'bad.yaml');
  writeFileSync(file, 'organisation: contoso\nfirstMistake: 1\nsecondMistake: 2\n');
  const bad = check(file);
  assert.equal(bad.status, 1);
  assert.match(bad.stderr, /bad\.yaml:2.*firstMistake/);
  assert.match(bad.stderr, /bad\.yaml:3.*secondMistake/);
});

test('a reader that has seen enough is no failure', (t) => {
  const folder = temporaryFolder(t);
  const script = path.join(folder, 'reader.sh');
  writeFileSync(script, '#!/bin/sh\nhead -n 1 >/dev/null\n');
  chmodSync(script, 0o755);
  const { status, stderr } = spawnSync(
    'bash',
    ['-c', `set -o pipefail; '${process.execPath}' '${launcher}' completion bash | '${script}'`],
    { encoding: 'utf8' },
  );
  assert.deepEqual([status, stderr], [0, '']);
});
