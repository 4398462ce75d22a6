import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import { listening, temporaryFolder } from '../../../test/support/fake-gateway.ts';
import { standIn, type StandIn } from '../../../test/support/stand-ins.ts';
import { Child } from './child.ts';
import { supervise, type Supervised } from './supervise.ts';

interface Stage {
  readonly supervised: Supervised;
  readonly signals: EventEmitter;
  readonly children: readonly Child[];
  /** Moves the clock. */
  readonly pass: (ms: number) => void;
  readonly told: () => string;
  readonly events: () => readonly string[];
}

/** The clock stands still; whoever sleeps by it sleeps until he is woken, unless patience is `none`. */
async function stage(
  t: TestContext,
  programs: readonly [name: string, program: StandIn][],
  patience: 'endless' | 'none' = 'endless',
): Promise<Stage> {
  const folder = temporaryFolder(t);
  const file = path.join(folder, 'events');
  const children = programs.map(
    ([name, program]) =>
      new Child({
        name,
        script: standIn(folder, program),
        args: [],
        environment: { ...process.env, EVENTS: file, NAME: name, DRAIN_MS: name === 'gateway' ? '30' : '0' },
      }),
  );
  t.after(() => children.forEach((child) => child.signal('SIGKILL')));
  await Promise.all(children.map(ready));
  const signals = new EventEmitter();
  let now = 0;
  let told = '';
  const sleep = async (_ms: number, signal?: AbortSignal): Promise<void> => {
    if (patience === 'endless' && signal !== undefined) await once(signal, 'abort');
  };
  const supervised = supervise({
    children,
    signals,
    clock: { now: () => now, sleep },
    tell: (line) => {
      told += `${line}\n`;
    },
  });
  return {
    supervised,
    signals,
    children,
    pass: (ms) => {
      now += ms;
    },
    told: () => told,
    events: () => readFileSync(file, 'utf8').trim().split('\n'),
  };
}

async function ready(child: Child): Promise<void> {
  await new Promise<void>((resolve) => {
    const watch = child.watch((text) => {
      if (!text.includes('ready')) return;
      watch.stop();
      resolve();
    });
  });
}

test('the first signal drains the gateway; only then the twin is asked to stop', async (t) => {
  const { supervised, signals, events, told } = await stage(t, [
    ['gateway', 'polite'],
    ['twin', 'polite'],
  ]);
  signals.emit('SIGINT', 'SIGINT');
  assert.equal(await supervised.finished, 0);
  assert.deepEqual(events(), ['gateway asked', 'gateway gone', 'twin asked', 'twin gone']);
  assert.match(told(), /calls in flight finish first/);
  assert.equal(signals.listenerCount('SIGINT'), 0, 'it listens no longer');
});

test('the same Ctrl-C arriving again from npm does not break off the drain', async (t) => {
  const { supervised, signals, events, pass } = await stage(t, [['gateway', 'polite']]);
  signals.emit('SIGINT', 'SIGINT');
  pass(200);
  signals.emit('SIGINT', 'SIGINT');
  signals.emit('SIGTERM', 'SIGTERM');
  assert.equal(await supervised.finished, 0);
  assert.deepEqual(events(), ['gateway asked', 'gateway gone']);
});

test('a second signal stops everything at once', async (t) => {
  const { supervised, signals, pass } = await stage(t, [
    ['gateway', 'stubborn'],
    ['twin', 'stubborn'],
  ]);
  signals.emit('SIGTERM', 'SIGTERM');
  pass(1500);
  signals.emit('SIGINT', 'SIGINT');
  assert.equal(await supervised.finished, 128 + 2);
});

test('a twin that does not leave is not waited for', async (t) => {
  const { supervised, signals, children } = await stage(
    t,
    [
      ['gateway', 'polite'],
      ['twin', 'stubborn'],
    ],
    'none',
  );
  signals.emit('SIGTERM', 'SIGTERM');
  assert.equal(await supervised.finished, 128 + 9);
  assert.equal((await children[1]?.ended)?.how, 'by SIGKILL');
});

test('a child that dies takes the rest down with its exit status and its last words', async (t) => {
  const { supervised, told, events } = await stage(t, [
    ['twin', 'polite'],
    ['gateway', 'dying'],
  ]);
  assert.equal(await supervised.finished, 9);
  assert.match(told(), /The gateway ended with status 9\. Its last words:\nout of memory/);
  assert.deepEqual(events(), ['twin asked', 'twin gone']);
});

test('a program that cannot be found ends with status 1 and says so', async () => {
  const child = new Child({ name: 'gateway', script: '/nowhere/main.ts', args: [], environment: process.env });
  assert.equal((await child.ended).status, 1);
  assert.match(child.lastWords(), /\/nowhere\/main\.ts/);
});

test('what a child wrote before it was forwarded is not lost', async (t) => {
  const { children, supervised } = await stage(t, [['gateway', 'polite']]);
  let heard = '';
  children[0]?.forward({ output: (text) => void (heard += text), error: () => {} });
  assert.equal(heard, 'ready\n');
  supervised.stop();
  assert.equal(await supervised.finished, 0);
});

test('children leave when the supervisor is killed and can stop nobody', async (t) => {
  const folder = temporaryFolder(t);
  // The child holds a connection to us: its end is the end of the child.
  const server = createServer();
  const port = await listening(server);
  t.after(() => server.close());
  const events = path.join(folder, 'events');
  const child = standIn(folder, 'polite');
  const connecting = `import { connect } from 'node:net'; connect(${port}, '127.0.0.1'); await import(${JSON.stringify(pathToFileURL(child).href)});`;
  const supervisor = `
    import { Child } from ${JSON.stringify(new URL('./child.ts', import.meta.url).href)};
    new Child({ name: 'gateway', script: process.env.SCRIPT, args: [], environment: process.env });`;
  const script = path.join(folder, 'connecting.mjs');
  writeFileSync(script, connecting);
  const parent = spawn(process.execPath, ['--input-type=module', '--eval', supervisor], {
    env: { ...process.env, SCRIPT: script, EVENTS: events, NAME: 'gateway' },
    stdio: 'ignore',
  });
  const [connection] = (await once(server, 'connection')) as [Socket];
  const gone = once(connection.resume(), 'close');
  parent.kill('SIGKILL');
  await gone;
  assert.match(readFileSync(events, 'utf8'), /gateway asked/);
});
