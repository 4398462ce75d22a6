import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { fakeGateway, freePort, listening, temporaryFolder } from '../../../test/support/fake-gateway.ts';
import { runCli, testContext, type TestContext as CliContext } from '../../../test/support/run-cli.ts';
import { standIn, type StandIn } from '../../../test/support/stand-ins.ts';
import { CommandFailure } from '#failure.ts';
import { project } from '#project.ts';
import { curl } from './banner.ts';
import { leaveTrace, refuseSecondInstance } from './instance.ts';
import { checkPorts } from './ports.ts';
import { runPlan, type StartPlan } from './start.ts';

interface Stage {
  readonly context: CliContext;
  readonly plan: StartPlan;
  readonly dataFolder: string;
  readonly events: () => readonly string[];
}

interface Programs {
  readonly gateway?: StandIn;
  readonly knownKeys?: string;
  readonly dataFolder?: string;
}

async function stage(
  t: TestContext,
  { gateway = 'gateway', knownKeys = '', dataFolder }: Programs = {},
): Promise<Stage> {
  const folder = temporaryFolder(t);
  const data = dataFolder ?? path.join(folder, 'data');
  const events = path.join(folder, 'events');
  const twinPort = await freePort();
  const context = testContext({
    ...process.env,
    TOLLGATE_DATA: data,
    // Any free ones: the log line says which they are.
    TOLLGATE_PORT: '0',
    TOLLGATE_ADMIN_PORT: '0',
    TOLLGATE_TWIN_PORT: String(twinPort),
    EVENTS: events,
    KNOWN_KEYS: knownKeys,
  });
  const child = (name: string, program: StandIn): StartPlan['gateway'] => ({
    name,
    script: standIn(folder, program),
    args: [],
    environment: context.environment,
  });
  return {
    context,
    plan: {
      configFile: project.demoConfig,
      isDemo: true,
      gateway: child('gateway', gateway),
      twin: child('twin', 'twin'),
      ports: [{ port: twinPort, what: 'Azure twin', variable: 'TOLLGATE_TWIN_PORT' }],
    },
    dataFolder: data,
    events: () => (existsSync(events) ? readFileSync(events, 'utf8').trim().split('\n') : []),
  };
}

/** Starts, waits for the banner, looks, and stops as Ctrl-C does. */
async function startAndStop(one: Stage, look: () => void = () => {}): Promise<number> {
  const signals = new EventEmitter();
  const running = runPlan(one.context, one.plan, signals);
  await one.context.out.until(/"msg":"listening"/);
  look();
  signals.emit('SIGTERM', 'SIGTERM');
  return await running;
}

test('start tells where everything listens, makes the keys of the demo, then passes the log on', async (t) => {
  const one = await stage(t);
  const status = await startAndStop(one, () => {
    const keys = path.join(one.dataFolder, 'demo-keys.json');
    assert.deepEqual(JSON.parse(readFileSync(keys, 'utf8')), {
      marketing: 'tg_marketing-web',
      finance: 'tg_finance-copilot',
    });
    assert.equal(statSync(keys).mode & 0o777, 0o600);
    assert.equal(statSync(one.dataFolder).mode & 0o777, 0o700);
    assert.ok(existsSync(path.join(one.dataFolder, 'start.json')));
  });
  assert.equal(status, 0);
  const { text } = one.context.out;
  const { port, adminPort } = JSON.parse(/\{"msg":"listening".*\}/.exec(text)?.[0] ?? '') as Record<string, number>;
  const { twinPort } = one.context.settings;
  for (const words of [
    `:${port}`,
    `:${adminPort}`,
    `:${twinPort}`,
    'tg_marketing-web',
    'tg_finance-copilot',
    'curl ',
  ]) {
    assert.ok(text.includes(words), words);
  }
  assert.ok(text.indexOf('Tollgate is ready') < text.indexOf('"msg":"listening"'), 'the log follows the banner');
  assert.doesNotMatch(text, /twin listens/, 'what the twin says of itself does not disturb the log');
  assert.deepEqual(one.events().slice(-4), ['gateway asked', 'gateway gone', 'twin asked', 'twin gone']);
  assert.ok(!existsSync(path.join(one.dataFolder, 'start.json')), 'no trace is left');
});

test('keys that still work are kept; one that does not is made anew', async (t) => {
  const dataFolder = temporaryFolder(t);
  const file = path.join(dataFolder, 'demo-keys.json');
  writeFileSync(file, JSON.stringify({ marketing: 'tg_m', finance: 'tg_f' }));
  const kept = await stage(t, { knownKeys: 'tg_m tg_f', dataFolder });
  assert.equal(await startAndStop(kept), 0);
  assert.ok(kept.context.out.text.includes('tg_m\n'));
  assert.ok(!kept.events().some((event) => event.startsWith('made')), 'no key was made');
  const lost = await stage(t, { knownKeys: 'tg_m', dataFolder });
  assert.equal(await startAndStop(lost), 0);
  assert.deepEqual(
    lost.events().filter((event) => event.startsWith('made')),
    ['made tg_finance-copilot'],
  );
  assert.match(lost.context.err.text, /worked no longer/);
  assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), { marketing: 'tg_m', finance: 'tg_finance-copilot' });
});

test('a gateway that refuses its configuration takes everything down, with its words and its exit status', async (t) => {
  const one = await stage(t, { gateway: 'refusing' });
  assert.equal(await runPlan(one.context, one.plan, new EventEmitter()), 7);
  assert.match(one.context.err.text, /The gateway ended with status 7.*\nline 3: unknown key\nline 9: no such model/);
  assert.equal(one.context.out.text, '');
});

test('with a configuration of one’s own there are no demo keys and no curl', async (t) => {
  const one = await stage(t);
  const own: Stage = { ...one, plan: { ...one.plan, isDemo: false, twin: undefined, ports: [] } };
  assert.equal(await startAndStop(own), 0);
  assert.doesNotMatch(own.context.out.text, /curl|Azure twin|keys/);
  assert.ok(!existsSync(path.join(one.dataFolder, 'demo-keys.json')));
});

test('ports that are taken are named, each with the variable that moves it', async (t) => {
  const server = createServer();
  const port = await listening(server);
  t.after(() => server.close());
  const one = await stage(t);
  const taken = { port, what: 'admin API', variable: 'TOLLGATE_ADMIN_PORT' };
  await assert.rejects(
    runPlan(one.context, { ...one.plan, ports: [...one.plan.ports, taken] }, new EventEmitter()),
    (thrown) =>
      thrown instanceof CommandFailure &&
      thrown.hints.includes(`Port ${port} (admin API) is in use; TOLLGATE_ADMIN_PORT moves it.`) &&
      thrown.hints.some((hint) => /TOLLGATE_ADMIN_PORT=\d+ npm start/.test(hint)),
  );
  assert.deepEqual(one.events(), [], 'nothing was started');
});

test('one port for two listeners is refused', async () => {
  const port = await freePort();
  await assert.rejects(
    checkPorts([
      { port, what: 'data plane', variable: 'TOLLGATE_PORT' },
      { port, what: 'admin API', variable: 'TOLLGATE_ADMIN_PORT' },
    ]),
    /wanted twice; TOLLGATE_ADMIN_PORT moves/,
  );
});

test('a second start in the same data folder is refused with the first one’s addresses', async (t) => {
  const { port: adminPort, dataFolder } = await fakeGateway(t, {});
  // The parent of this test stands for the other `tollgate start`: it is alive and is not us.
  leaveTrace(dataFolder, { pid: process.ppid, port: 4711, adminPort, startedAt: '2026-11-23T00:00:00Z' });
  await assert.rejects(
    refuseSecondInstance(dataFolder),
    (thrown) =>
      thrown instanceof CommandFailure &&
      thrown.message.includes(dataFolder) &&
      thrown.hints.some((hint) => hint.includes(`process ${process.ppid}`) && hint.includes('4711')),
  );
});

for (const [what, trace] of [
  ['of a process that is gone', { pid: 2 ** 22 + 1, port: 1, adminPort: 1, startedAt: '' }],
  ['of a process number that somebody else has now', { pid: process.ppid, port: 1, adminPort: 1, startedAt: '' }],
] as const) {
  test(`a trace ${what} does not keep Tollgate from starting`, async (t) => {
    const folder = temporaryFolder(t);
    leaveTrace(folder, trace);
    await refuseSecondInstance(folder);
  });
}

test('a trace that is no JSON does not either', async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(path.join(folder, 'start.json'), '{"pid":');
  await refuseSecondInstance(folder);
});

test('a configuration that does not exist, and a twin without a port, are wrong calls', async (t) => {
  const environment = { TOLLGATE_DATA: temporaryFolder(t) };
  const missing = await runCli(['start', '--config', '/nowhere.yaml'], environment);
  assert.equal(missing.status, 2);
  assert.match(missing.err, /There is no configuration \/nowhere\.yaml/);
  const nowhere = await runCli(['start'], { ...environment, TOLLGATE_TWIN_PORT: '0' });
  assert.equal(nowhere.status, 2);
  assert.match(nowhere.err, /TOLLGATE_TWIN_PORT must name a port/);
});

test('the printed curl is one that a POSIX shell takes apart as it was meant', () => {
  const line = curl({ addresses: { host: '127.0.0.1', port: 8080, adminPort: 8081 } }, 'tg_key');
  const script = `curl() { printf '%s\\n' "$@"; }\n${line}`;
  const { stdout } = spawnSync('sh', ['-c', script], { encoding: 'utf8' });
  const args = stdout.trim().split('\n');
  assert.equal(
    args[0],
    'http://127.0.0.1:8080/openai/deployments/gpt-5.4-mini/chat/completions?api-version=2024-10-21',
  );
  assert.deepEqual(args.slice(1, 6), ['-H', 'api-key: tg_key', '-H', 'content-type: application/json', '-d']);
  assert.equal((JSON.parse(args[6] ?? '') as { messages: unknown[] }).messages.length, 1);
});
