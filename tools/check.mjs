// Everything that must hold before a change is merged, in the order in which it fails fastest. Says what each step took,
// runs them all whatever fails, and ends with the test runner's own closing lines.
import { spawnSync } from 'node:child_process';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const steps = [
  ['types', ['run', '-s', 'types']],
  ['lint', ['run', '-s', 'lint']],
  ['format', ['run', '-s', 'format:check']],
  ['gate', ['run', '-s', 'gate']],
  ['prove the gate', ['run', '-s', 'prove-the-gate']],
  ['reference pages', ['run', '-s', 'docs:check']],
  ['tests', ['test']],
];

const failed = [];
for (const [name, args] of steps) {
  console.log(`── ${name}`);
  const began = Date.now();
  const { status } = spawnSync('npm', args, { cwd: root, stdio: 'inherit' });
  console.log(`── ${name}: ${status === 0 ? 'ok' : 'FAILED'} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
  if (status !== 0) failed.push(name);
}
if (failed.length > 0) console.error(`Failed: ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
