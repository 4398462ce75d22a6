import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { CommandFailure, exitCodes } from './failure.ts';
import { project } from './project.ts';
import { readSettings } from './settings.ts';

test('without an environment everything is where the documents say', () => {
  assert.deepEqual(readSettings({}), {
    dataFolder: path.join(project.root, '.tollgate'),
    port: 8080,
    adminPort: 8081,
    twinPort: 8090,
    twinKey: 'twin-key',
    configFile: undefined,
  });
});

test('an empty variable is none', () => {
  assert.deepEqual(
    readSettings({ TOLLGATE_DATA: '', TOLLGATE_PORT: '', TOLLGATE_TWIN_KEY: '', TOLLGATE_CONFIG: '' }),
    readSettings({}),
  );
});

test('variables move everything; paths are relative to where one stands', () => {
  const settings = readSettings({
    TOLLGATE_DATA: 'data',
    TOLLGATE_PORT: '1',
    TOLLGATE_ADMIN_PORT: '2',
    TOLLGATE_TWIN_PORT: '3',
    TOLLGATE_TWIN_KEY: 'k',
    TOLLGATE_CONFIG: 'own.yaml',
  });
  assert.deepEqual(settings, {
    dataFolder: path.resolve('data'),
    port: 1,
    adminPort: 2,
    twinPort: 3,
    twinKey: 'k',
    configFile: path.resolve('own.yaml'),
  });
});

for (const text of ['80a', '-1', '65536', '1.5']) {
  test(`'${text}' is no port, and the error names the variable`, () => {
    assert.throws(
      () => readSettings({ TOLLGATE_ADMIN_PORT: text }),
      (thrown) =>
        thrown instanceof CommandFailure &&
        thrown.exitCode === exitCodes.usage &&
        thrown.message.includes('TOLLGATE_ADMIN_PORT'),
    );
  });
}
