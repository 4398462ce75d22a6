// How long the event loop that answers calls is held up by a reload of a large configuration:
//   node gateway/test/measure/reload-delay.ts [--cost-centres 10000] [--subscriptions 2000] [--rounds 5]
// This process is the gateway; another one is the twin and the callers. Every round changes the file and reloads it. After
// the rounds with calls come as many without, of which the processor time of the longest turn is told: what the machine does
// beside it makes no difference to that.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { compose } from '#compose/gateway.ts';
import { largeConfig } from '../support/large-config.ts';
import { call, keyOf } from '../support/running-gateway.ts';
import { startTwin } from '../../../twin/src/server.ts';

const callersAtOnce = 8;

interface Seen {
  readonly statuses: readonly number[];
  readonly slowestMs: number;
}

/** The other process: a twin, and callers that never rest. */
async function others(): Promise<void> {
  const twin = await startTwin({ port: 0, key: 'twin-key-of-the-test' });
  process.send?.({ twin: twin.url });
  const [{ gateway }] = (await once(process, 'message')) as [{ gateway: string }];
  let seen = { statuses: new Map<number, number>(), slowestMs: 0 };
  process.on('message', () => {
    process.send?.({ statuses: [...seen.statuses], slowestMs: seen.slowestMs });
    seen = { statuses: new Map(), slowestMs: 0 };
  });
  const caller = async (): Promise<never> => {
    for (;;) {
      const began = performance.now();
      const { status } = await call(`${gateway}/openai/v1/chat/completions`, {
        headers: { 'api-key': keyOf('key-0') },
        body: { model: 'gpt-5.4-mini', messages: [{ role: 'user', content: 'Hello twin:tokens=5' }] },
      });
      seen.statuses.set(status, (seen.statuses.get(status) ?? 0) + 1);
      seen.slowestMs = Math.max(seen.slowestMs, performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: callersAtOnce }, caller));
}

async function measure(): Promise<void> {
  const { values } = parseArgs({
    options: {
      'cost-centres': { type: 'string', default: '10000' },
      subscriptions: { type: 'string', default: '2000' },
      rounds: { type: 'string', default: '5' },
    },
  });
  const child = fork(import.meta.filename, ['--others']);
  const [{ twin }] = (await once(child, 'message')) as [{ twin: string }];
  const folder = mkdtempSync(path.join(tmpdir(), 'tollgate-reload-'));
  const configFile = path.join(folder, 'tollgate.yaml');
  const size = { costCentres: Number(values['cost-centres']), subscriptions: Number(values.subscriptions) };
  const { text, environment } = largeConfig(twin, size);
  writeFileSync(configFile, text);
  const settings = { configFile, dataFolder: path.join(folder, 'data'), port: 0, adminPort: 0, checkOnly: false };
  const started = await compose({ ...settings, environment: { ...environment } }, { log: pino({ level: 'silent' }) });
  if (!started.ok) throw new Error(started.problems.slice(0, 3).join('\n'));
  const { gateway } = started;
  const reload = await reloading(gateway.adminPort, settings.dataFolder);
  child.send({ gateway: `http://127.0.0.1:${gateway.port}` });
  const ask = async (): Promise<Seen> => {
    child.send({});
    const [seen] = (await once(child, 'message')) as [Seen];
    return seen;
  };
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const line = async (name: string, took: number): Promise<void> => {
    const { statuses, slowestMs } = await ask();
    const calls = JSON.stringify(statuses);
    console.log(
      `${name.padEnd(12)} took ${took.toFixed(0).padStart(6)} ms   loop delay ms: p99${ms(delay.percentile(99))} max${ms(delay.max)}   slowest call ${slowestMs.toFixed(0).padStart(5)} ms   calls ${calls}`,
    );
    delay.reset();
  };
  console.log(`${text.length} bytes, ${size.costCentres} cost centres, ${size.subscriptions} subscriptions`);
  await setTimeout(3000);
  await ask();
  delay.reset();
  await setTimeout(3000);
  await line('calls alone', 3000);
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    writeFileSync(configFile, text.replace('name: Cost centre 5\n', `name: Cost centre 5, round ${round}\n`));
    const began = performance.now();
    const outcome = await reload();
    if (!outcome.includes('"ok":true')) throw new Error(outcome.slice(0, 500));
    await line(`reload ${round}`, performance.now() - began);
    // The file was heard to change, too: that it reads as what is in force is found out by the same way.
    await setTimeout(3000);
    await line('heard again', 3000);
  }
  child.kill();
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    writeFileSync(configFile, text.replace('name: Cost centre 6\n', `name: Cost centre 6, round ${round}\n`));
    const turns = longestTurns();
    await reload();
    console.log(`without calls, round ${round}: longest turns, ms of processor time: ${turns().join(' ')}`);
    await setTimeout(3000);
  }
  await gateway.drain('measured');
  rmSync(folder, { recursive: true, force: true });
}

const ms = (nanoseconds: number): string => (nanoseconds / 1e6).toFixed(1).padStart(8);

/** Until the result is called: how much processor time this thread used in one turn of its event loop, the longest first. */
function longestTurns(): () => readonly string[] {
  const turns: number[] = [];
  let before = process.threadCpuUsage();
  let isOver = false;
  const turn = (): void => {
    const now = process.threadCpuUsage();
    turns.push((now.user + now.system - before.user - before.system) / 1000);
    before = now;
    if (!isOver) setImmediate(turn);
  };
  turn();
  return () => {
    isOver = true;
    return turns
      .toSorted((a, b) => b - a)
      .slice(0, 5)
      .map((one) => one.toFixed(1));
  };
}

async function reloading(adminPort: number, dataFolder: string): Promise<() => Promise<string>> {
  const { readFileSync } = await import('node:fs');
  const authorization = `Bearer ${readFileSync(path.join(dataFolder, 'admin-token'), 'utf8').trim()}`;
  return async () =>
    (await call(`http://127.0.0.1:${adminPort}/admin/v1/config/reload`, { method: 'POST', headers: { authorization } }))
      .body;
}

await (process.argv.includes('--others') ? others() : measure());
