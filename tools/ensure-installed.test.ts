import assert from 'node:assert/strict';
import { spawn, spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('./ensure-installed.mjs', import.meta.url));
const platform = `${process.platform}-${process.arch}`;
const runtimeVersion = '26.99.0';

/** What the fake npm does when it is asked to install. */
const installing = `
mkdir -p node_modules/.bin node_modules/left-pad node_modules/node-${platform}/bin cli/node_modules/commander
echo '{"version":"1.3.0"}' > node_modules/left-pad/package.json
echo '{"version":"15.1.0"}' > cli/node_modules/commander/package.json
echo '{"version":"${runtimeVersion}"}' > node_modules/node-${platform}/package.json
printf '#!/bin/sh\\necho v${runtimeVersion}\\n' > node_modules/node-${platform}/bin/node
chmod 755 node_modules/node-${platform}/bin/node
ln -sf ../node-${platform}/bin/node node_modules/.bin/node
echo '{}' > node_modules/.package-lock.json
`;

interface Place {
  readonly root: string;
  /** What npm was called with, without \`--version\`. */
  readonly calls: () => readonly string[];
  readonly run: (options?: { readonly old?: string }) => SpawnSyncReturns<string>;
  readonly environment: NodeJS.ProcessEnv;
}

interface Scenario {
  /** Of the fake npm: shell commands. */
  readonly install?: string;
  readonly npmVersion?: string;
  readonly lock?: object;
}

const lockfile = {
  lockfileVersion: 3,
  packages: {
    '': { name: 'root' },
    cli: { version: '0.1.0' },
    'node_modules/@tollgate/cli': { resolved: 'cli', link: true },
    'node_modules/left-pad': { version: '1.3.0' },
    'cli/node_modules/commander': { version: '15.1.0' },
    'node_modules/elsewhere': { version: '1.0.0', optional: true, os: ['plan9'] },
    [`node_modules/node-${platform}`]: {
      version: runtimeVersion,
      optional: true,
      os: process.platform,
      cpu: process.arch,
    },
  },
};

function place(t: TestContext, scenario: Scenario = {}): Place {
  const root = mkdtempSync(path.join(tmpdir(), 'tollgate-install-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const folder of ['tools', 'bin', 'cli']) mkdirSync(path.join(root, folder));
  copyFileSync(script, path.join(root, 'tools/ensure-installed.mjs'));
  writeFileSync(path.join(root, 'package-lock.json'), JSON.stringify(scenario.lock ?? lockfile));
  const log = path.join(root, 'npm-calls');
  const npm = path.join(root, 'bin/npm');
  writeFileSync(
    npm,
    `#!/bin/sh\nif [ "$1" = --version ]; then echo ${scenario.npmVersion ?? '11.0.0'}; exit; fi\necho "$@" >> '${log}'\n${scenario.install ?? installing}\n`,
  );
  chmodSync(npm, 0o755);
  const environment = { ...process.env, PATH: `${path.join(root, 'bin')}:/usr/bin:/bin`, npm_execpath: '' };
  return {
    root,
    environment,
    calls: () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []),
    run: ({ old } = {}) =>
      spawnSync(
        process.execPath,
        [...(old === undefined ? [] : ['--import', pretending(old)]), path.join(root, 'tools/ensure-installed.mjs')],
        { encoding: 'utf8', env: environment },
      ),
  };
}

/** Makes this Node say that it is another one. */
function pretending(version: string): string {
  return `data:text/javascript,Object.defineProperty(process.versions,"node",{value:"${version}"})`;
}

test('installs from the lockfile, without install scripts and without leaving anything out', (t) => {
  const { run, calls, root } = place(t);
  const { status, stderr } = run();
  assert.equal(status, 0, stderr);
  assert.match(stderr, /^Installing what is missing .* done in \d+ s\.\n$/, 'one line');
  const [call = '', ...more] = calls();
  assert.deepEqual(more, []);
  assert.match(call, /^ci /);
  for (const flag of ['--ignore-scripts', '--include=optional', '--include=dev', '--no-engine-strict']) {
    assert.ok(call.includes(flag), flag);
  }
  assert.ok(!existsSync(path.join(root, '.install.lock')), 'the lock is gone');
});

test('does nothing, and says nothing, where everything is there', (t) => {
  const { run, calls } = place(t);
  run();
  const again = run();
  assert.deepEqual([again.status, again.stdout, again.stderr], [0, '', '']);
  assert.equal(calls().length, 1);
});

test('what somebody installed with npm himself is found to be whole, once', (t) => {
  const { run, calls, root, environment } = place(t);
  spawnSync('npm', ['ci'], { cwd: root, env: environment });
  assert.equal(run().status, 0);
  assert.deepEqual(calls(), ['ci']);
  assert.ok(existsSync(path.join(root, 'node_modules/.tollgate-installed')));
});

for (const [what, harm] of [
  [
    'another lockfile',
    (root: string) =>
      writeFileSync(
        path.join(root, 'package-lock.json'),
        JSON.stringify({
          ...lockfile,
          packages: { ...lockfile.packages, 'node_modules/left-pad': { version: '1.4.0' } },
        }),
      ),
  ],
  ['a package that is gone', (root: string) => rmSync(path.join(root, 'node_modules/left-pad'), { recursive: true })],
  [
    "a workspace's own package that is gone",
    (root: string) => rmSync(path.join(root, 'cli/node_modules'), { recursive: true }),
  ],
  [
    'an installation that was broken off',
    (root: string) => {
      rmSync(path.join(root, 'node_modules/.tollgate-installed'));
      rmSync(path.join(root, 'node_modules/.package-lock.json'));
    },
  ],
  [
    'a runtime that does not start',
    (root: string) => {
      rmSync(path.join(root, 'node_modules/.tollgate-installed'));
      writeFileSync(path.join(root, `node_modules/node-${platform}/bin/node`), '#!/bin/sh\nexit 1\n');
    },
  ],
] as const) {
  test(`${what} makes it install again`, (t) => {
    const { run, calls, root } = place(t);
    run({ old: '20.0.0' });
    harm(root);
    run({ old: '20.0.0' });
    assert.equal(calls().length, 2);
  });
}

test('a lockfile without the packages of other platforms is installed from all the same, and left as it is', (t) => {
  const packages = {
    ...lockfile.packages,
    'node_modules/left-pad': { version: '1.3.0', optionalDependencies: { '@left-pad/plan9': '1.3.0' } },
  };
  const { run, calls } = place(t, { lock: { ...lockfile, packages } });
  assert.equal(run().status, 0);
  assert.match(calls()[0] ?? '', /^install --no-save /);
});

test('the link to the runtime that npm 10 does not make is made', (t) => {
  const { run, root } = place(t, { install: `${installing}\nrm node_modules/.bin/node` });
  assert.equal(run({ old: '20.0.0' }).status, 0);
  const { stdout } = spawnSync(path.join(root, 'node_modules/.bin/node'), ['--version'], { encoding: 'utf8' });
  assert.equal(stdout, `v${runtimeVersion}\n`);
});

test('a runtime that npm left out is told by name, with what to do', (t) => {
  const install = `${installing}\nrm -r node_modules/.bin/node node_modules/node-${platform}`;
  const { run } = place(t, { install });
  const { status, stderr } = run({ old: '20.0.0' });
  assert.equal(status, 1);
  assert.match(stderr, new RegExp(`npm left out node-${platform}`));
  assert.match(stderr, /omit=optional/);
});

test('a runtime that does not run here is replaced by the Node that runs this, where that is young enough', (t) => {
  const install = `${installing}\nprintf '#!/bin/sh\\nexit 127\\n' > node_modules/node-${platform}/bin/node`;
  const { run, root } = place(t, { install });
  assert.equal(run({ old: '20.0.0' }).status, 1);
  const young = run();
  assert.equal(young.status, 0, young.stderr);
  const { stdout } = spawnSync(path.join(root, 'node_modules/.bin/node'), ['--version'], { encoding: 'utf8' });
  assert.equal(stdout, `${process.version}\n`);
});

test('a platform without a packaged runtime is told so before anything is fetched', (t) => {
  const packages = {
    ...lockfile.packages,
    [`node_modules/node-${platform}`]: { version: '26.0.0', os: 'plan9', optional: true },
  };
  const { run, calls } = place(t, { lock: { ...lockfile, packages } });
  const { status, stderr } = run({ old: '20.0.0' });
  assert.equal(status, 1);
  assert.match(stderr, new RegExp(`no packaged Node 26 for ${platform}`));
  assert.deepEqual(calls(), []);
  assert.equal(run({ old: '26.1.0' }).status, 0, 'a Node that is young enough will do');
});

for (const [what, scenario, message] of [
  [
    'no network',
    { install: 'echo "npm error code EAI_AGAIN" >&2; exit 1' },
    /could not be fetched \(EAI_AGAIN\).*Connect to a network/,
  ],
  ['a full disk', { install: 'echo "npm error ENOSPC" >&2; exit 1' }, /disk is full/],
  [
    'anything else',
    { install: 'echo "npm error that nobody knows" >&2; exit 1' },
    /npm error that nobody knows\n[^]*npm failed/,
  ],
  ['an npm that is too old', { npmVersion: '6.14.18' }, /npm 6\.14\.18 is too old.*npm install --global/],
] as const) {
  test(`${what}: exit status 1, and what to do`, (t) => {
    const { run, root } = place(t, scenario);
    const { status, stderr } = run();
    assert.equal(status, 1);
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /ensure-installed\.mjs:\d/, 'no stack');
    assert.ok(!existsSync(path.join(root, '.install.lock')), 'the lock is gone');
  });
}

test('a Node that is too old is told so', (t) => {
  const { status, stderr } = place(t).run({ old: '18.19.0' });
  assert.equal(status, 1);
  assert.match(stderr, /Node 18\.19\.0 is too old: 20 or newer/);
});

test('two at once: one installs, the other waits for it', async (t) => {
  // npm takes as long as the test holds the gate; the second one can begin meanwhile.
  const { root, environment, calls } = place(t, { install: `read _ < gate\n${installing}` });
  spawnSync('mkfifo', [path.join(root, 'gate')]);
  const start = () =>
    spawn(process.execPath, [path.join(root, 'tools/ensure-installed.mjs')], {
      env: environment,
      stdio: ['ignore', 'inherit', 'pipe'],
    });
  const said = (child: ReturnType<typeof start>, pattern: RegExp): Promise<void> =>
    new Promise((resolve) => {
      let text = '';
      child.stderr?.on('data', (chunk) => {
        text += String(chunk);
        if (pattern.test(text)) resolve();
      });
    });
  const first = start();
  await said(first, /Installing/);
  const second = start();
  const firstDone = once(first, 'close');
  const secondDone = once(second, 'close');
  await said(second, /Waiting for another installation/);
  writeFileSync(path.join(root, 'gate'), 'go\n');
  assert.deepEqual(await firstDone, [0, null]);
  assert.deepEqual(await secondDone, [0, null]);
  assert.equal(calls().length, 1);
});

test('a lock whose owner died is broken, and what it left is not believed', (t) => {
  const { run, calls, root } = place(t);
  run();
  rmSync(path.join(root, 'node_modules/.tollgate-installed'));
  const dead = spawnSync(process.execPath, ['--eval', '']).pid;
  writeFileSync(path.join(root, '.install.lock'), String(dead));
  assert.equal(run().status, 0);
  assert.equal(calls().length, 2);
  assert.ok(!existsSync(path.join(root, '.install.lock')));
});

test('an installation that was broken off is mended by the very Node that lies in it', (t) => {
  const { root, environment, calls } = place(t);
  const own = path.join(root, `node_modules/node-${platform}/bin/node`);
  mkdirSync(path.dirname(own), { recursive: true });
  copyFileSync(process.execPath, own);
  writeFileSync(path.join(root, 'node_modules/half'), '');
  symlinkSync('../nowhere', path.join(root, 'node_modules/dangling'));
  const cli = path.join(root, 'npm-cli.js');
  writeFileSync(
    cli,
    `const { spawnSync } = require('node:child_process');
     process.exitCode = spawnSync('npm', process.argv.slice(2), { stdio: 'inherit' }).status;`,
  );
  const { status, stderr } = spawnSync(own, [path.join(root, 'tools/ensure-installed.mjs')], {
    encoding: 'utf8',
    env: { ...environment, npm_execpath: cli },
  });
  assert.equal(status, 0, stderr);
  assert.equal(calls().length, 1);
  assert.ok(!existsSync(path.join(root, 'node_modules/half')));
});

test('a signal stops npm, gives the lock back and is the exit status', async (t) => {
  const { root, environment } = place(t, { install: 'exec sleep 60' });
  const child = spawn(process.execPath, [path.join(root, 'tools/ensure-installed.mjs')], {
    env: environment,
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  await once(child.stderr, 'data');
  // npm is asked for its version before the line is printed, and started after it.
  while (!existsSync(path.join(root, 'npm-calls'))) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'close'), [143, null]);
  assert.ok(!existsSync(path.join(root, '.install.lock')));
});

test('the npm that runs the script is the npm that installs', (t) => {
  const { root, environment, calls } = place(t);
  const cli = path.join(root, 'npm-cli.js');
  writeFileSync(
    cli,
    `const { spawnSync } = require('node:child_process');
     const ran = spawnSync('npm', process.argv.slice(2).map((arg) => (arg === 'ci' ? 'ci-by-execpath' : arg)), { stdio: 'inherit' });
     process.exitCode = ran.status;`,
  );
  spawnSync(process.execPath, [path.join(root, 'tools/ensure-installed.mjs')], {
    env: { ...environment, npm_execpath: cli },
  });
  assert.match(calls()[0] ?? '', /^ci-by-execpath /);
});

test('the summary names what was skipped and why, what failed, and ends with the numbers', (t) => {
  const root = mkdtempSync(path.join(tmpdir(), 'tollgate-summary-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  writeFileSync(
    path.join(root, 'some.test.mjs'),
    `import { describe, test } from 'node:test';
     test('good', () => {});
     test('left out', { skip: 'no PostgreSQL here' }, () => {});
     test('left out too', { skip: 'no PostgreSQL here' }, () => {});
     describe('a suite', () => { test('bad', () => { throw new Error('no'); }); });`,
  );
  symlinkSync(process.execPath, path.join(root, 'node'));
  const reporter = fileURLToPath(new URL('./test-summary.mjs', import.meta.url));
  const { NODE_TEST_CONTEXT: _inside, ...environment } = process.env;
  const { status, stdout } = spawnSync(process.execPath, ['--test', `--test-reporter=${reporter}`], {
    cwd: root,
    env: environment,
    encoding: 'utf8',
  });
  assert.equal(status, 1);
  assert.match(stdout, /Skipped:\n {2}some\.test\.mjs: no PostgreSQL here \(2 tests\)\n/);
  assert.match(stdout, /Failed:\n {2}some\.test\.mjs: bad\n/);
  assert.match(stdout, /\ntests: 1 passed, 1 failed, 2 skipped, in [\d.]+ s\n$/);
});
