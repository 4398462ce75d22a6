import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { cpuMicros, parseCoreTicks, parseStat, parseStatusBytes, processTree, residentBytes } from './proc.ts';

const tail = 'R 1 1 1 0 -1 4194304 100 0 0 0 700 50 30 4 20 0 11 0 234018 3133440 407';

test('reads own and reaped time behind whatever the program is called', () => {
  for (const name of ['node', 'MainThread', 'a (b) c) S 1 2', 'node 26']) {
    assert.deepEqual(parseStat(`4711 (${name}) ${tail}`), { own: 750, reapedChildren: 34 });
  }
});

test('a text that is no stat is an error, not zero', () => {
  assert.throws(() => parseStat('4711 (node) R 1 1'));
});

test('reads memory fields in bytes; a missing one is unknown', () => {
  const text = 'Name:\tnode\nVmPeak:\t  900 kB\nVmHWM:\t   1956 kB\nVmRSS:\t   12 kB\n';
  assert.equal(parseStatusBytes(text, 'VmHWM'), 1_956 * 1_024);
  assert.equal(parseStatusBytes(text, 'VmRSS'), 12 * 1_024);
  assert.equal(parseStatusBytes(text, 'VmSwap'), null);
});

test('walks the children of every thread, and theirs', (context) => {
  const root = mkdtempSync(join(tmpdir(), 'tollgate-proc-'));
  context.after(() => rmSync(root, { recursive: true }));
  const threads: [string, string][] = [
    ['10/task/10', '20 '],
    ['10/task/11', '30 31 '],
    ['20/task/20', ''],
    ['30/task/30', '40 '],
  ];
  for (const [folder, children] of threads) {
    mkdirSync(join(root, folder), { recursive: true });
    writeFileSync(join(root, folder, 'children'), children);
  }
  assert.deepEqual(processTree(10, root), [10, 20, 30, 31, 40]);
});

test(
  'finds a living child and its memory',
  { skip: process.platform === 'linux' ? false : 'no /proc here' },
  async () => {
    const child = spawn(process.execPath, ['-e', 'process.stdin.resume(); console.log(1)'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    const pid = child.pid ?? assert.fail('not started');
    assert.ok(processTree(process.pid).includes(pid));
    assert.ok((residentBytes(pid, 'VmHWM') ?? 0) > 1_000_000);
    assert.ok((residentBytes(process.pid, 'VmRSS') ?? 0) > (residentBytes(pid, 'VmRSS') ?? Infinity));
    assert.ok((cpuMicros(pid) ?? 0) > 0);
    child.stdin.end();
    await once(child, 'exit');
  },
);

test('reads what one core did, waiting for a disk as idle and guests not twice', () => {
  const text =
    'cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 1 2 3 4 5 6 7 8 0 0\ncpu1 10 0 20 300 7 1 2 5 10 0\ncpu10 1 1 1 1 1 1 1 1 0 0\n';
  assert.deepEqual(parseCoreTicks(text, 1), { idle: 307, total: 345 });
  assert.equal(parseCoreTicks(text, 2), null);
});
