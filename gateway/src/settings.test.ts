import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';
import { readSettings, UsageError } from './settings.ts';

test('arguments win over the environment, the environment over the defaults', () => {
  const environment = {
    TOLLGATE_CONFIG: '/e.yaml',
    TOLLGATE_DATA: '/data',
    TOLLGATE_PORT: '0',
    TOLLGATE_ADMIN_PORT: '9001',
  };
  assert.deepEqual(readSettings(['--config', '/a.yaml'], environment), {
    configFile: '/a.yaml',
    dataFolder: '/data',
    port: 0,
    adminPort: 9001,
    checkOnly: false,
    environment,
  });
  const plain = readSettings(['--config=a.yaml'], {});
  assert.ok(plain !== 'help');
  assert.equal(plain.dataFolder, path.resolve('.tollgate'));
  assert.equal(plain.port, undefined);
});

function replicaNamed(environment: Record<string, string>): unknown {
  const settings = readSettings(['--config', 'x'], environment);
  return settings === 'help' ? undefined : settings.replica;
}

test('a replica has the name that the environment gives it, ours before the platform’s', () => {
  assert.equal(replicaNamed({}), undefined);
  assert.equal(replicaNamed({ CONTAINER_APP_REPLICA_NAME: 'gateway--a1-6f9-x2' }), 'gateway--a1-6f9-x2');
  assert.equal(replicaNamed({ CONTAINER_APP_REPLICA_NAME: 'a', TOLLGATE_REPLICA: 'b' }), 'b');
});

for (const [args, environment, problem] of [
  [['--config', 'x'], { TOLLGATE_REPLICA: '../a' }, /named with letters/],
  [['--config', 'x'], { TOLLGATE_REPLICA: 'done' }, /named with letters/],
  [[], {}, /No configuration/],
  [['--nope'], {}, /nope/],
  [['--config', 'x', 'extra'], {}, /extra/],
  [['--config', 'x'], { TOLLGATE_PORT: 'eighty' }, /TOLLGATE_PORT/],
  [['--config', 'x'], { TOLLGATE_ADMIN_PORT: '70000' }, /TOLLGATE_ADMIN_PORT/],
] as const) {
  test(`a wrong call is told: ${args.join(' ')} ${Object.keys(environment).join(' ')}`, () => {
    assert.throws(
      () => readSettings(args, environment),
      (thrown) => thrown instanceof UsageError && problem.test(thrown.message),
    );
  });
}

test('--help is help, whatever else is missing', () => {
  assert.equal(readSettings(['--help'], {}), 'help');
});
