import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { systemClock } from '#kernel/clock.ts';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { BufferedOutput } from './buffered-output.ts';

const turn = (): Promise<boolean> =>
  new Promise((resolve) => {
    setImmediate(resolve, false);
  });

function fileFor(context: { after(run: () => void): void }): { readonly fd: number; readonly text: () => string } {
  const folder = mkdtempSync(path.join(tmpdir(), 'tollgate-log-'));
  const file = path.join(folder, 'log');
  const fd = openSync(file, 'w');
  context.after(() => {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  });
  return { fd, text: () => readFileSync(file, 'utf8') };
}

test('lines arrive whole and in order, over many blocks, multi-byte characters included', async (context) => {
  const { fd, text } = fileFor(context);
  const output = new BufferedOutput({ fd, clock: systemClock, blockBytes: 256 });
  const lines = Array.from({ length: 500 }, (_, at) => `line ${at} é漢😀 ${'x'.repeat(at % 90)}\n`);
  for (const line of lines) output.write(line);
  await output.flush();
  assert.equal(text(), lines.join(''));
  assert.equal(output.dropped, 0);
});

test('a line longer than a block arrives too', async (context) => {
  const { fd, text } = fileFor(context);
  const output = new BufferedOutput({ fd, clock: systemClock, blockBytes: 64 });
  output.write('short\n');
  output.write(`${'y'.repeat(1000)}\n`);
  output.write('after\n');
  await output.flush();
  assert.equal(text(), `short\n${'y'.repeat(1000)}\nafter\n`);
});

test('a line is written a moment after it came, without a flush', async (context) => {
  const { fd, text } = fileFor(context);
  const clock = new ManualClock();
  const output = new BufferedOutput({ fd, clock, delayMs: 500 });
  output.write('one\n');
  clock.advance(499);
  assert.equal(text(), '');
  clock.advance(1);
  await output.flush();
  assert.equal(text(), 'one\n');
});

test('a pipe that nobody reads takes what it can; what is beyond the bound is dropped and counted', async (context) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'tollgate-log-'));
  const pipe = path.join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
  context.after(() => {
    closeSync(writer);
    closeSync(reader);
    rmSync(folder, { recursive: true });
  });
  const output = new BufferedOutput({
    fd: writer,
    clock: systemClock,
    blockBytes: 4096,
    mostWaitingBytes: 1024 * 1024,
  });
  const line = `${'z'.repeat(99)}\n`;
  for (let at = 0; at < 50_000; at += 1) output.write(line);
  assert.ok(output.dropped > 0);
  const flushed = output.flush();
  let read = 0;
  const drain = (): void => {
    const into = Buffer.alloc(65_536);
    try {
      for (let bytes = readSync(reader, into); bytes > 0; bytes = readSync(reader, into)) read += bytes;
    } catch {
      // Empty for now.
    }
  };
  const over = flushed.then(() => true);
  do drain();
  while (!(await Promise.race([over, turn()])));
  drain();
  assert.equal(read / line.length + output.dropped, 50_000);
});
