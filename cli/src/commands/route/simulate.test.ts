import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { simulationSchema } from '@tollgate/contract/simulation.ts';
import { temporaryFolder } from '../../../test/support/fake-gateway.ts';
import { runCli } from '../../../test/support/run-cli.ts';
import { project } from '../../project.ts';

function scriptFile(context: TestContext, text: string): string {
  const file = path.join(temporaryFolder(context), 'script.yaml');
  writeFileSync(file, text);
  return file;
}

const small = `
duration: 10s
interval: 5s
model: { tiers: [[a], ['b-second.choice']] }
endpoints: { a: {}, b-second.choice: {} }
load: [{ perSecond: 10 }]
faults: [{ endpoint: a, kind: refuse, from: 5s }]
`;

test('route simulate prints a row per interval, and a total', async (t) => {
  const { status, out } = await runCli(['route', 'simulate', scriptFile(t, small)]);
  assert.equal(status, 0);
  assert.match(
    out,
    /^ +from +asked +served +refused +throttled +failed +retried +waited +waiting +hedged +a +b-second\.choice$/m,
  );
  assert.match(out, /^ +0 s +50 +\d+ +0 +0 +0 +0 +0 +0 +0 +\d+\/50 +0\/0$/m);
  assert.match(out, /^ +5 s +50 +\d+ +0 +0 +0 +\d+ +0 +0 +0 +\d\/\d (?:broken|probing) +\d+\/\d+$/m);
  assert.match(out, /^total +100 +100 +0 +0 +0/m);
});

test('route simulate writes a picture of who served what when', async (t) => {
  const plot = path.join(temporaryFolder(t), 'plot.svg');
  const { out, err } = await runCli(['route', 'simulate', scriptFile(t, small), '--plot', plot, '--json']);
  assert.equal(simulationSchema.parse(JSON.parse(out)).rows.length, 2);
  assert.match(err, /The plot stands in .*plot\.svg/);
  const svg = readFileSync(plot, 'utf8');
  assert.match(svg, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" /);
  assert.match(svg, /<\/svg>\n$/);
  assert.equal((svg.match(/<polygon /g) ?? []).length, 3, 'two endpoints, and what clients lost');
  assert.match(svg, /<title>a 5 s: (?:broken|probing)<\/title>/);
  assert.doesNotMatch(svg, /NaN|undefined|Infinity/);
});

test('route simulate says everything that is wrong with a script', async (t) => {
  const { status, err } = await runCli([
    'route',
    'simulate',
    scriptFile(t, small.replace('[[a]', '[[c]').replace('10 }', 'x }')),
  ]);
  assert.equal(status, 1);
  assert.match(err, /script\.yaml:4:\d+ model\.tiers\[0\]\[0\]: there is no endpoint 'c'/);
  assert.match(err, /script\.yaml:6:\d+ load\[0\]\.perSecond: expected a number above 0/);
});

test('route simulate says when there is no script, or no place for the picture', async (t) => {
  assert.equal((await runCli(['route', 'simulate', '/nowhere/script.yaml'])).status, 2);
  const { status, err } = await runCli(['route', 'simulate', scriptFile(t, small), '--plot', '/nowhere/plot.svg']);
  assert.equal(status, 1);
  assert.match(err, /cannot be written \(ENOENT\)/);
});

for (const name of ['ptu-saturates.yaml', 'region-dies.yaml', 'queue.yaml']) {
  test(`the example ${name} runs`, async () => {
    const { status, out } = await runCli([
      'route',
      'simulate',
      path.join(project.root, 'examples/routing', name),
      '--json',
    ]);
    assert.equal(status, 0);
    assert.ok(simulationSchema.parse(JSON.parse(out)).rows.some(({ clients }) => clients.served > 0));
  });
}
