// The steps of the Dockerfile by hand, in a clean folder: the tree that they make starts, as a user who is not root, on a
// file system that is read-only. Needs the packages of the lock file, and for the read-only file system a root who may
// mount; without either it is said that it was skipped.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { suite, test } from 'node:test';
import { copied, parseDockerfile } from './dockerfile.ts';

const root = join(import.meta.dirname, '../..');
const nobody = 65_534;

/** Runs the first stage in a folder. */
function makeTree(folder: string): string {
  const [stage] = parseDockerfile(readFileSync(join(root, 'Dockerfile'), 'utf8'));
  let said = '';
  for (const { instruction, rest } of stage?.steps ?? []) {
    if (instruction === 'COPY') {
      const { from, to } = copied(rest);
      for (const source of from) {
        const target = to.endsWith('/') ? join(folder, to, basename(source)) : join(folder, to);
        mkdirSync(dirname(target), { recursive: true });
        cpSync(join(root, source), target, { recursive: true });
      }
    } else if (instruction === 'RUN') {
      const run = spawnSync('/bin/sh', ['-c', rest], { cwd: folder, encoding: 'utf8' });
      said += run.stdout + run.stderr;
      assert.equal(run.status, 0, `${rest}\n${said}`);
    } else assert.equal(instruction, 'WORKDIR');
  }
  return said;
}

/** The names of the packages in a folder of modules. */
function packagesIn(modules: string): readonly string[] {
  return readdirSync(modules)
    .filter((name) => !name.startsWith('.'))
    .flatMap((name) =>
      name.startsWith('@') ? readdirSync(join(modules, name)).map((one) => `${name}/${one}`) : [name],
    );
}

const canMount = spawnSync('unshare', ['-m', 'true']).status === 0 && process.getuid?.() === 0;

suite('the tree that goes into the image', () => {
  test('holds no package that is for development alone, and no test', (context) => {
    const folder = mkdtempSync(join(tmpdir(), 'tollgate-tree-'));
    context.after(() => rmSync(folder, { recursive: true }));
    makeTree(folder);
    const installed = new Set(packagesIn(join(folder, 'node_modules')));
    const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
    const development = Object.entries<{ dev?: boolean }>(packages)
      .filter(([path, one]) => one.dev === true && /^node_modules\/[^/]+(\/[^/]+)?$/.test(path))
      .map(([path]) => path.slice('node_modules/'.length));
    assert.ok(development.length > 20, 'there are some to look for');
    assert.deepEqual(
      development.filter((name) => installed.has(name)),
      [],
    );
    const { dependencies } = JSON.parse(readFileSync(join(root, 'gateway/package.json'), 'utf8'));
    for (const name of Object.keys(dependencies)) assert.ok(installed.has(name), name);
    assert.deepEqual(readdirSync(folder).toSorted(), [
      'contract',
      'gateway',
      'node_modules',
      'package-lock.json',
      'package.json',
    ]);
    assert.deepEqual(
      readdirSync(join(folder, 'gateway/src'), { recursive: true }).filter((name) => String(name).endsWith('.test.ts')),
      [],
    );
  });

  test(
    'starts as a user who is not root, on a read-only file system, and ends when it is told to',
    { skip: canMount ? false : 'needs a root who may mount' },
    async (context) => {
      const folder = mkdtempSync(join(tmpdir(), 'tollgate-tree-'));
      const data = mkdtempSync(join(tmpdir(), 'tollgate-data-'));
      context.after(() => {
        rmSync(folder, { recursive: true });
        rmSync(data, { recursive: true });
      });
      makeTree(folder);
      writeFileSync(join(folder, 'tollgate.yaml'), 'organisation: contoso\nlisten: { port: 0, admin: { port: 0 } }\n');
      for (const place of [folder, data]) chmodSync(place, 0o755);
      // Node itself is where it is; the rest of the disk can be read and not written, but for the data.
      const script = [
        `chown ${nobody}:${nobody} ${data}`,
        'mount --make-rprivate / && mount -o remount,bind,ro /',
        `mount --bind ${data} ${data} && mount -o remount,bind,rw ${data}`,
        `cd ${folder}`,
        `exec setpriv --reuid ${nobody} --regid ${nobody} --clear-groups "$0" gateway/src/main.ts --config tollgate.yaml --data ${data}`,
      ].join(' && ');
      const node = nodeThatAllMayRun(context);
      const child = spawn('unshare', ['-m', '/bin/sh', '-c', script, node], {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { NODE_ENV: 'production', PATH: '/usr/bin:/bin' },
      });
      // A failure must not leave it behind.
      context.after(() => child.kill('SIGKILL'));
      let said = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
      const listening = Promise.withResolvers<number>();
      createInterface({ input: child.stdout }).on('line', (line) => {
        said += `${line}\n`;
        const { msg, port } = JSON.parse(line);
        if (msg === 'listening') listening.resolve(port);
      });
      const ended = new Promise<number | null>((resolve) => {
        child.once('close', resolve);
      });
      void ended.then(() => listening.reject(new Error(said)));
      const port = await listening.promise;
      const { status } = await fetch(`http://127.0.0.1:${port}/readyz`);
      assert.equal(status, 200);
      const user = /^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1];
      assert.equal(user, String(nobody));
      const mounts = readFileSync(`/proc/${child.pid}/mounts`, 'utf8').split('\n');
      assert.match(mounts.findLast((line) => line.split(' ')[1] === '/') ?? '', / ro[ ,]/);
      child.kill('SIGTERM');
      assert.equal(await ended, 0, said);
    },
  );
});

/** Node lies in a folder that only its owner may enter, here and there. */
function nodeThatAllMayRun(context: { after(run: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-node-'));
  context.after(() => rmSync(folder, { recursive: true }));
  chmodSync(folder, 0o755);
  const node = join(folder, 'node');
  cpSync(process.execPath, node);
  chmodSync(node, 0o755);
  return node;
}
