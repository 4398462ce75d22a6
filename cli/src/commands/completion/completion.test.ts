import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { runCli } from '../../../test/support/run-cli.ts';
import { fishScript, zshScript } from './scripts.ts';

/** What bash would offer after this line, the last word being the one that is typed. */
function offered(script: string, line: string): readonly string[] {
  const words = line.split(' ');
  const program = `${script}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')})
COMP_CWORD=${words.length - 1}
_tollgate
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const ran = spawnSync('bash', ['--norc', '-c', program], { encoding: 'utf8' });
  assert.equal(ran.stderr, '');
  return ran.stdout.split('\n').filter((word) => word !== '');
}

test('bash offers commands, verbs, choices of arguments and of options', async () => {
  const { out } = await runCli(['completion', 'bash']);
  assert.deepEqual(offered(out, 'tollgate sub'), ['subscription']);
  assert.deepEqual(offered(out, 'tollgate subscription s'), ['show', 'suspend']);
  assert.deepEqual(offered(out, 'tollgate subscription regenerate marketing-web p'), ['primary']);
  assert.deepEqual(offered(out, 'tollgate usage --by co'), ['consumer', 'cost-centre']);
  assert.deepEqual(offered(out, 'tollgate usage --by day --fo'), ['--format']);
  assert.deepEqual(offered(out, 'tollgate usage --format json --f'), ['--from', '--filter', '--format']);
});

for (const [shell, words] of [
  ['zsh', ['#compdef tollgate', "'regenerate:Make a new", "'--by:what each row stands for, several with commas"]],
  [
    'fish',
    ['complete -c tollgate', "-a 'subscription'", '-l by -r -f -a', 'test (__tollgate_place) = "ledger verify"'],
  ],
] as const) {
  test(`${shell} gets the same tree in its own language`, async () => {
    const { status, out } = await runCli(['completion', shell]);
    assert.equal(status, 0);
    for (const word of words) assert.ok(out.includes(word), word);
  });
}

test('a quote in a description cannot end the quotes of the script', () => {
  const places = [{ path: '', words: [{ text: 'twin', says: "the twin's; rm -rf" }], options: [] }];
  const escaped = String.raw`the twin'\''s; rm -rf`;
  assert.ok(zshScript(places).includes(`'twin:${escaped}'`));
  assert.ok(fishScript(places).includes(`-d '${escaped}'`));
});
