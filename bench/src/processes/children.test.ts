import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Children, nextMessage, reasonNotToPin } from './children.ts';

const ipc = ['ignore', 'ignore', 'inherit', 'ipc'] as const;
const idle = "process.send('up'); setInterval(() => undefined, 1000)";

function isAlive(pid: number | undefined): boolean {
  try {
    process.kill(pid ?? assert.fail('never started'), 0);
    return true;
  } catch {
    return false;
  }
}

test('ends what it has started, by id, and says how it ended', async () => {
  const children = new Children(false);
  const one = children.start(['-e', idle], { core: 'load', stdio: [...ipc] });
  const clean = "process.on('SIGTERM', () => process.exit(7)); process.send('up'); setInterval(() => undefined, 1000)";
  const two = children.start(['-e', clean], { core: 'under-test', stdio: [...ipc] });
  await Promise.all([nextMessage(one), nextMessage(two)]);
  assert.deepEqual([isAlive(one.pid), isAlive(two.pid)], [true, true]);
  assert.equal(await children.stop(two), 7);
  await children.stopAll();
  assert.deepEqual([isAlive(one.pid), isAlive(two.pid)], [false, false]);
  assert.equal(await children.stop(one), null);
});

test('waiting for a message of a process that ends without one fails at once', async () => {
  const children = new Children(false);
  const child = children.start(['-e', 'process.exit(3)'], { core: 'load', stdio: [...ipc] });
  await assert.rejects(nextMessage(child), /ended \(3\)/);
  await children.stopAll();
});

test('hands its environment on, with what is added to it', async () => {
  const children = new Children(false);
  const child = children.start(['-e', 'process.send(process.env.BENCH_TEST + typeof process.env.PATH)'], {
    core: 'load',
    stdio: [...ipc],
    env: { BENCH_TEST: 'added, path is a ' },
  });
  assert.equal(await nextMessage(child), 'added, path is a string');
  await children.stopAll();
});

test('a pinned process has one core, and its id is its own', { skip: reasonNotToPin() ?? false }, async () => {
  const children = new Children(true);
  const report = "process.send([process.pid, require('node:fs').readFileSync('/proc/self/status', 'latin1')])";
  for (const [core, cpu] of [
    ['load', '0'],
    ['under-test', '1'],
  ] as const) {
    const child = children.start(['-e', report], { core, stdio: [...ipc] });
    const [pid, status] = await nextMessage<[number, string]>(child);
    if (child.exitCode === null) await once(child, 'exit');
    assert.equal(pid, child.pid);
    assert.equal(/^Cpus_allowed_list:\s+(.*)$/m.exec(status)?.[1], cpu);
  }
  await children.stopAll();
});
