// Proves that the import rules can fail: breaks each rule once, in memory of nobody (every file is put back), and
// expects the rule's name in the report. Run from the repository root: node tools/prove-the-gate.mjs
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { readdirSync, realpathSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import gate from '../.dependency-cruiser.mjs';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '..');
const cruiser = realpathSync(path.join(root, 'node_modules/.bin/depcruise'));
const folders = ['gateway', 'contract', 'cli/src', 'twin/src', 'bench/src', 'tools/bicep', 'tools/kql', 'infra'];

const G = 'gateway/src/';
/** [rule, file to break (made where it does not exist), line to add, other file to make] */
const breaks = [
  ['kernel-imports', `${G}kernel/registry.ts`, "import '#model/endpoint.ts';"],
  ['model-imports', `${G}model/endpoint.ts`, "import type {} from '#proxy/services.ts';"],
  ['config-imports', `${G}config/broken.ts`, "import '#proxy/policies/registry.ts';"],
  ['proxy-accept-imports', `${G}proxy/accept/server.ts`, "import '#proxy/consumers/identify.ts';"],
  ['proxy-consumers-imports', `${G}proxy/consumers/identify.ts`, "import '#proxy/accept/server.ts';"],
  ['proxy-policies-imports', `${G}proxy/policies/registry.ts`, "import '#proxy/routing/plan.ts';"],
  ['proxy-routing-imports', `${G}proxy/routing/plan.ts`, "import '#proxy/policies/registry.ts';"],
  ['proxy-upstream-imports', `${G}proxy/upstream/send.ts`, "import '#proxy/usage/tap.ts';"],
  ['proxy-usage-imports', `${G}proxy/usage/tap.ts`, "import '#proxy/upstream/send.ts';"],
  ['proxy-batches-imports', `${G}proxy/batches/answer.ts`, "import '#accounting/cost/price-entry.ts';"],
  ['accounting-budgets-imports', `${G}accounting/budgets/ports.ts`, "import '#proxy/usage/tap.ts';"],
  ['accounting-alerts-imports', `${G}accounting/alerts/ports.ts`, "import '#accounting/ledger/journal.ts';"],
  ['accounting-replay-imports', `${G}accounting/replay/ports.ts`, "import '#accounting/ledger/journal.ts';"],
  ['accounting-cost-imports', `${G}accounting/cost/broken.ts`, "import '#proxy/routing/plan.ts';"],
  ['accounting-retail-imports', `${G}accounting/retail/broken.ts`, "import '#accounting/ledger/ports.ts';"],
  ['accounting-ledger-imports', `${G}accounting/ledger/ports.ts`, "import '#proxy/usage/tap.ts';"],
  ['accounting-adjustments-imports', `${G}accounting/adjustments/broken.ts`, "import '#accounting/ledger/journal.ts';"],
  ['accounting-reports-imports', `${G}accounting/reports/broken.ts`, "import '#proxy/usage/tap.ts';"],
  ['accounting-exports-imports', `${G}accounting/exports/broken.ts`, "import '#accounting/ledger/journal.ts';"],
  ['simulation-imports', `${G}simulation/tally.ts`, "import '#proxy/upstream/send.ts';"],
  ['directory-imports', `${G}directory/ports.ts`, "import '#proxy/usage/tap.ts';"],
  ['admin-imports', `${G}admin/ports.ts`, "import '#proxy/handle.ts';"],
  ['adapters-imports', `${G}adapters/broken/store.ts`, "import '#proxy/handle.ts';"],
  ['no-cycles', `${G}model/money.ts`, "import type {} from './usage-record.ts';"],
  ['handle-is-the-only-sequence', `${G}proxy/handle.ts`, "import '#accounting/ledger/ports.ts';"],
  [
    'policies-do-not-know-each-other',
    `${G}proxy/policies/call-caps/call-caps.ts`,
    "import '#proxy/policies/unpriced/unpriced.ts';",
  ],
  ['only-compose-builds-adapters', `${G}proxy/handle.ts`, "import '#adapters/sqlite/open.ts';"],
  ['main-knows-compose-only', `${G}main.ts`, "import '#proxy/handle.ts';"],
  ['nobody-imports-a-root', `${G}admin/ports.ts`, "import '#compose/gateway.ts';"],
  ['crossing-a-folder-is-visible', `${G}proxy/upstream/send.ts`, "import '../../kernel/registry.ts';"],
  ['programs-share-only-the-contract', 'cli/src/main.ts', "import '../../gateway/src/model/endpoint.ts';"],
  ['contract-words-stay-out-of-the-stages', `${G}proxy/upstream/send.ts`, "import '@tollgate/contract/usage.ts';"],
  ['contract-is-pure', 'contract/src/usage.ts', "import '../../gateway/src/model/endpoint.ts';"],
  ['contract-no-node', 'contract/src/usage.ts', "import 'node:fs';"],
  ['network-only-at-the-edges', `${G}proxy/policies/call-caps/call-caps.ts`, "import 'node:http';"],
  ['bicep-is-read-alone', 'tools/bicep/parse.ts', "import '../../gateway/src/kernel/registry.ts';"],
  ['infrastructure-is-deployed-not-imported', 'tools/bicep/parse.ts', "import '../../infra/test/support/profiles.ts';"],
  ['declared-dependencies-only', `${G}model/endpoint.ts`, "import 'typescript';"],
  [
    'no-test-imports',
    `${G}compose/gateway.ts`,
    "import '../../test/support/probe.ts';",
    'gateway/test/support/probe.ts',
  ],
  ['reachable-from-a-root', `${G}model/nobody-imports-me.ts`, "import './endpoint.ts';"],
  ['resolvable', `${G}model/endpoint.ts`, "import './nope.ts';"],
];

/** A copy of the sources to break, so that a run that is killed leaves nothing broken behind. */
async function copyOfSources() {
  const copy = await mkdtemp(path.join(tmpdir(), 'tollgate-gate-'));
  const wanted = new Set([
    'contract',
    'gateway',
    'twin',
    'cli',
    'bench',
    'tools',
    'infra',
    'package.json',
    'tsconfig.json',
    'tsconfig.base.json',
    '.dependency-cruiser.mjs',
  ]);
  for (const name of readdirSync(root)) {
    if (wanted.has(name))
      await cp(path.join(root, name), path.join(copy, name), {
        recursive: true,
        filter: (from) => !from.includes('node_modules'),
      });
  }
  await cp(path.join(root, 'node_modules/@tollgate'), path.join(copy, 'node_modules/@tollgate'), {
    recursive: true,
    verbatimSymlinks: true,
  });
  for (const name of readdirSync(path.join(root, 'node_modules'))) {
    if (name !== '@tollgate')
      await symlink(path.join(root, 'node_modules', name), path.join(copy, 'node_modules', name));
  }
  return copy;
}

async function cruise(cwd) {
  try {
    const { stdout } = await run(process.execPath, [cruiser, ...folders, '--config', '.dependency-cruiser.mjs'], {
      cwd,
      maxBuffer: 1 << 26,
    });
    return stdout;
  } catch (failure) {
    return `${failure.stdout}${failure.stderr}`;
  }
}

async function prove(copy, [rule, file, line, extra]) {
  const target = path.join(copy, file);
  const before = await readFile(target, 'utf8').catch(() => undefined);
  await mkdir(path.dirname(target), { recursive: true });
  try {
    if (extra !== undefined) await writeFile(path.join(copy, extra), 'export {};\n');
    await writeFile(target, `${line}\n${before ?? ''}`);
    const report = await cruise(copy);
    return report.includes(`error ${rule}:`) ? undefined : `rule '${rule}' did not notice ${file}: ${line}`;
  } finally {
    if (before === undefined) await rm(target);
    else await writeFile(target, before);
    if (extra !== undefined) await rm(path.join(copy, extra));
  }
}

const problems = gate.forbidden
  .map((rule) => rule.name)
  .filter((name) => !breaks.some(([rule]) => rule === name))
  .map((name) => `no proof for rule '${name}'`);

const workers = await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, copyOfSources));
try {
  const clean = await cruise(workers[0]);
  const cruised = Number(/\((\d+) modules/.exec(clean)?.[1] ?? 0) || Number(/(\d+) modules/.exec(clean)?.[1] ?? 0);
  if (!clean.includes('no dependency violations found')) problems.push(`the clean tree fails:\n${clean}`);
  if (cruised < 50) problems.push(`only ${cruised} modules were seen: is the TypeScript API missing?`);
  const queue = [...breaks];
  await Promise.all(
    workers.map(async (copy) => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const problem = await prove(copy, next);
        if (problem !== undefined) problems.push(problem);
      }
    }),
  );
  console.log(
    problems.length === 0
      ? `${breaks.length} of ${breaks.length} rules proven, ${cruised} modules seen`
      : problems.join('\n'),
  );
} finally {
  await Promise.all(workers.map((copy) => rm(copy, { recursive: true, force: true })));
}
process.exitCode = problems.length === 0 ? 0 : 1;
