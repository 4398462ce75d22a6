// Everything that must hold before a change is merged, in the order in which it fails fastest. Says what each step took,
// runs them all whatever fails, and ends with the test runner's own closing lines.
import { spawnSync } from 'node:child_process';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const steps = [
  { name: 'types', args: ['run', '-s', 'types'] },
  { name: 'lint', args: ['run', '-s', 'lint'] },
  { name: 'format', args: ['run', '-s', 'format:check'] },
  { name: 'gate', args: ['run', '-s', 'gate'] },
  { name: 'prove the gate', args: ['run', '-s', 'prove-the-gate'] },
  { name: 'reference pages', args: ['run', '-s', 'docs:check'] },
  { name: 'tests', args: ['test'] },
];

const failed = [];
for (const { name, args } of steps) {
  console.log(`── ${name}`);
  const began = Date.now();
  const { status } = spawnSync('npm', args, { cwd: root, stdio: 'inherit' });
  console.log(`── ${name}: ${status === 0 ? 'ok' : 'FAILED'} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
  if (status !== 0) failed.push(name);
}
if (failed.length > 0) console.error(`Failed: ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
