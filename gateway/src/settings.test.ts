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

test('replicas share their data folder where the environment says so', () => {
  for (const [value, shared] of [
    ['true', true],
    ['false', undefined],
    ['', undefined],
  ] as const) {
    const settings = readSettings(['--config', 'x'], { TOLLGATE_DATA_SHARED: value });
    assert.ok(settings !== 'help' && settings.dataShared === shared, value);
  }
});

test('a store of App Configuration goes before the file, which is what it falls back to', () => {
  const store = {
    TOLLGATE_APP_CONFIGURATION: 'https://contoso.azconfig.io/',
    TOLLGATE_APP_CONFIGURATION_LABEL: 'prod',
  };
  const alone = readSettings(['--data', '/data'], store);
  assert.ok(alone !== 'help');
  const endpoint = 'https://contoso.azconfig.io';
  const scope = 'https://azconfig.io/.default';
  assert.deepEqual(alone.appConfiguration, { endpoint, label: 'prod', scope, hasFile: false });
  assert.equal(alone.configFile, '/data/tollgate.yaml', 'what paths are relative to');
  const both = readSettings(['--config', '/e.yaml'], store);
  assert.ok(both !== 'help' && both.appConfiguration?.hasFile === true && both.configFile === '/e.yaml');
  const checked = readSettings(['--config', '/e.yaml', '--check'], store);
  assert.ok(checked !== 'help' && checked.appConfiguration === undefined, 'whoever checks means the file');
});

for (const [args, environment, problem] of [
  [['--config', 'x'], { TOLLGATE_DATA_SHARED: 'yes' }, /must be true or false, not 'yes'/],
  [[], { TOLLGATE_APP_CONFIGURATION: 'http://contoso.azconfig.io' }, /must be the address of a store/],
  [[], { TOLLGATE_APP_CONFIGURATION: 'https://contoso.azconfig.io.example.com' }, /must be the address of a store/],
  [[], { TOLLGATE_APP_CONFIGURATION: 'https://contoso.azconfig.io/kv' }, /must be the address of a store/],
  [[], { TOLLGATE_APP_CONFIGURATION: 'https://a.azconfig.io', TOLLGATE_APP_CONFIGURATION_LABEL: 'a,b' }, /has letters/],
  [['--check'], { TOLLGATE_APP_CONFIGURATION: 'https://a.azconfig.io' }, /No configuration/],
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
