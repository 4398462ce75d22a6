import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const reporter = fileURLToPath(new URL('./test-output.mjs', import.meta.url));

/** What is printed of a test that fails so, by a reporter. */
function printed(t: TestContext, failing: string, by = reporter): string {
  const root = mkdtempSync(path.join(tmpdir(), 'tollgate-output-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  writeFileSync(
    path.join(root, 'some.test.mjs'),
    `import assert from 'node:assert/strict';
     import { describe, test } from 'node:test';
     describe('a suite', () => { test('fails', () => { ${failing} }); });`,
  );
  const { NODE_TEST_CONTEXT: _inside, ...environment } = process.env;
  const args = ['--test', `--test-reporter=${by}`, path.join(root, 'some.test.mjs')];
  const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', cwd: root, env: environment });
  return stdout.replaceAll(/\(\d+\.\d+ms\)|duration_ms .*|tollgate-output-\w+/g, '');
}

test('a failed assertion on a whole log shows what was looked for, where, and not the log', (t) => {
  const out = printed(t, `assert.match('a line of the log\\\\n'.repeat(20_000), /what is not there/);`);
  assert.ok(out.length < 12_000, `${out.length} characters`);
  assert.match(out, /did not match the regular expression \/what is not there\//);
  assert.match(out, /characters are left out/);
  assert.match(out, /some\.test\.mjs:3:\d+/);
});

for (const [what, failing] of [
  ['two objects that differ', 'assert.deepEqual({ a: 1, b: [1, 2] }, { a: 1, b: [1, 3] });'],
  ['an error with its cause', "throw new TypeError('no', { cause: new Error('why') });"],
  ['what is no error', "throw 'a text';"],
] as const)
  test(`whatever is short is shown as ever: ${what}`, (t) => {
    assert.equal(printed(t, failing), printed(t, failing, 'spec'));
  });
