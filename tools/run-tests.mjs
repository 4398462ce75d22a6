// The test runner: `npm test`, `npm run test:long`. Arguments are files (or a part of a path), and options of
// `node --test`, passed on as they are:
//
//   npm test -- cli/src/output              the test files whose path contains this
//   npm test -- --test-name-pattern=drain   the tests of this name
//   TOLLGATE_TEST_REQUIRE=python npm test   suites that need python fail instead of being skipped
//
// Ends with the numbers, and which suites were skipped for which reason.
import { spawn } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folders = '{contract,gateway,twin,cli,bench,tools,infra,e2e}';
/** Of one test, and of one file; a suite that hangs fails instead of holding everything up. */
const timeoutMs = { short: 600_000, long: 3_600_000 };
/** Options of `node --test` whose value may stand as the next argument. */
const takesValue = new Set([
  '--test-name-pattern',
  '--test-skip-pattern',
  '--test-concurrency',
  '--test-timeout',
  '--test-shard',
  '--test-reporter',
  '--test-reporter-destination',
]);

function readArguments(args) {
  const rest = args.filter((one) => one !== '--long');
  const options = [];
  const wanted = [];
  while (rest.length > 0) {
    const one = rest.shift();
    if (!one.startsWith('-')) wanted.push(one);
    else if (takesValue.has(one) && rest.length > 0) options.push(`${one}=${rest.shift()}`);
    else options.push(one);
  }
  return { long: args.includes('--long'), options, wanted };
}

const isLong = (path) => path.endsWith('.long.test.ts');

function findFiles({ long, wanted }) {
  const all = globSync(`${folders}/**/*.test.ts`, {
    cwd: root,
    exclude: (path) => path.endsWith('node_modules'),
  }).toSorted();
  if (wanted.length === 0) return all.filter((path) => isLong(path) === long);
  // A file that is named runs, long or not; a part of a path only selects among those that would run.
  return all.filter((path) =>
    wanted.some((part) => {
      const named = relative(root, resolve(process.cwd(), part));
      return path === named || path === part || (isLong(path) === long && path.includes(part));
    }),
  );
}

function run(files, { long, options }) {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-tests-'));
  const summary = join(folder, 'summary');
  const args = ['--test', `--test-timeout=${long ? timeoutMs.long : timeoutMs.short}`];
  // One at a time for the long ones: they measure what load does, and would measure each other.
  args.push(`--test-concurrency=${long ? 1 : Math.max(2, availableParallelism())}`);
  if (!options.some((one) => one.startsWith('--test-reporter'))) {
    args.push(`--test-reporter=${join(root, 'tools', 'test-output.mjs')}`, '--test-reporter-destination=stdout');
  }
  args.push(`--test-reporter=${join(root, 'tools', 'test-summary.mjs')}`, `--test-reporter-destination=${summary}`);
  const child = spawn(process.execPath, [...args, ...options, ...files], { cwd: root, stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('close', (code, signal) => {
    let text = '';
    try {
      text = readFileSync(summary, 'utf8');
    } catch {
      // killed before it could be written; the exit code tells
    }
    rmSync(folder, { recursive: true, force: true });
    process.stdout.write(text);
    process.exitCode = code ?? (signal === null ? 1 : 130);
  });
}

const asked = readArguments(process.argv.slice(2));
const files = findFiles(asked);
if (files.length === 0) {
  process.stderr.write(`No test file matches ${asked.wanted.length > 0 ? asked.wanted.join(' ') : folders}.\n`);
  // Nothing long exists until somebody writes it; a name that matches nothing is a mistake.
  process.exitCode = asked.wanted.length > 0 ? 1 : 0;
} else {
  run(files, asked);
}
