import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { z } from 'zod';
import type { ConfigSection } from '#kernel/config-section.ts';
import { secret } from '#kernel/config-values.ts';
import type { Secret } from '#kernel/secret.ts';
import { createConfigLoader } from './load.ts';
import { formatProblem } from './problem.ts';
import { maskedConfig } from './watch.ts';

const folder = mkdtempSync(join(tmpdir(), 'tollgate-config-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const keys = {
  name: z.string().default('none'),
  key: secret().optional(),
  nested: z.array(z.object({ a: z.int() })).default([]),
};
const section: ConfigSection<typeof keys> = { name: 'test', summary: '', keys, references: [], check: () => [] };
interface TestConfig {
  readonly name: string;
  readonly key?: Secret;
  readonly nested: { a: number }[];
}
const loader = createConfigLoader<TestConfig>([section]);

let files = 0;
function fileWith(content: string | Buffer): string {
  files += 1;
  const path = join(folder, `config-${files}.yaml`);
  writeFileSync(path, content);
  return path;
}

/** What is said of a file, without its folder. */
function said(path: string): readonly string[] {
  const result = loader.load(path, {});
  return (result.ok ? result.loaded.warnings : result.problems).map((one) => formatProblem(one).replaceAll(folder, ''));
}

suite('a file that cannot be a configuration is told plainly', () => {
  const cases: readonly (readonly [string, string | Buffer, RegExp])[] = [
    ['UTF-16', Buffer.from('\uFEFFname: x\n', 'utf16le'), /the file is in UTF-16\. Save it as UTF-8/],
    ['UTF-16, the other way round', Buffer.from('\uFEFFname: x\n', 'utf16le').swap16(), /the file is in UTF-16/],
    ['bytes that are no UTF-8', Buffer.from([0x6e, 0x3a, 0x20, 0xff, 0x0a]), /not valid UTF-8/],
    ['NUL characters', 'name: \0\n', /NUL characters/],
    ['more than 8 MiB', `# ${'x'.repeat(8 * 1024 ** 2)}\n`, /larger than 8 MiB/],
  ];
  for (const [what, content, expected] of cases) {
    test(what, () => {
      const problems = said(fileWith(content));
      assert.equal(problems.length, 1);
      assert.match(problems[0] ?? '', expected);
    });
  }

  test('a directory', () => {
    mkdirSync(join(folder, 'directory.yaml'));
    assert.match(said(join(folder, 'directory.yaml')).join(), /is a directory\. Name the file in it/);
  });

  test('no file at all', () => assert.match(said(join(folder, 'none.yaml')).join(), /there is no file/));

  test('a device that never ends', () => assert.match(said('/dev/zero').join(), /not a regular file/));
});

function digestOf(path: string, environment: Record<string, string>): string {
  const result = loader.load(path, environment);
  assert.ok(result.ok);
  return result.loaded.digest;
}

suite('a file that loads', () => {
  test('may begin with a UTF-8 byte order mark, which moves no column', () => {
    const path = fileWith('\uFEFFnmae: x\n');
    assert.match(said(path).join(), /:1:1 nmae: there is no setting 'nmae' here\. Did you mean 'name'\?/);
    const right = loader.load(fileWith('\uFEFFname: x\n'), {});
    assert.equal(right.ok && right.loaded.config.name, 'x');
  });

  test('may have Windows line ends', () => {
    assert.match(
      said(fileWith('name: x\r\nnested: [{ a: b }]\r\n')).join(),
      /:2:15 nested\[0\]\.a: expected a number, found text/,
    );
  });

  test('is frozen throughout', () => {
    const result = loader.load(fileWith('nested: [{ a: 1 }]\n'), {});
    assert.ok(result.ok);
    const { config } = result.loaded;
    assert.throws(() => Object.assign(config, { name: 'other' }), TypeError);
    assert.throws(() => config.nested.push({ a: 2 }), TypeError);
    assert.throws(() => Object.assign(config.nested[0] ?? {}, { a: 2 }), TypeError);
  });

  test('shows its secrets as *** wherever it is shown, and reveals them when asked', () => {
    const result = loader.load(fileWith('key: "${KEY}"\n'), { KEY: 'the key' });
    assert.ok(result.ok);
    assert.deepEqual(maskedConfig(result.loaded.config), { name: 'none', key: '***', nested: [] });
    assert.equal(result.loaded.config.key?.reveal(), 'the key');
  });

  test('reads a secret from a file beside it, without the newline at its end', () => {
    writeFileSync(join(folder, 'secret.txt'), 'from a file\n');
    const result = loader.load(fileWith('key: { file: secret.txt }\n'), {});
    assert.equal(result.ok && result.loaded.config.key?.reveal(), 'from a file');
  });

  test('reads as changed when its text, the environment or the file of a secret does', () => {
    writeFileSync(join(folder, 'changing.txt'), 'one');
    const path = fileWith('name: "${NAME:-x}"\nkey: { file: changing.txt }\n');
    const first = digestOf(path, {});
    assert.equal(digestOf(path, {}), first);
    assert.notEqual(digestOf(path, { NAME: 'y' }), first);
    writeFileSync(join(folder, 'changing.txt'), 'two');
    assert.notEqual(digestOf(path, {}), first);
  });
});

test('two sections never own one key', () => {
  assert.throws(() => createConfigLoader([section, section]), /own 'name'/);
});

test('a document deeper than any configuration is refused, not followed', () => {
  assert.match(said(fileWith(`nested: ${'['.repeat(60)}${']'.repeat(60)}\n`)).join(), /nested too deeply/);
});
