import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readOptions, UsageError } from './options.ts';
import type { BenchOptions } from './options.ts';

function options(...args: string[]): BenchOptions {
  const read = readOptions(args);
  return read === 'help' ? assert.fail('help') : read;
}

test('by default measures everything, five rounds each', () => {
  const read = options();
  assert.deepEqual(read.parts, ['unstreamed', 'streamed', 'exactness']);
  assert.deepEqual(read.variants, ['bare', 'unlimited', 'gateway']);
  assert.deepEqual([read.runs, read.json, read.quick], [5, null, false]);
  assert.equal(read.durations.soakMs, 600_000);
});

test('reads every option', () => {
  const read = options(
    '--runs',
    '7',
    '--only',
    'streamed',
    '--only',
    'exactness',
    '--variant',
    'bare',
    '--json',
    'x.json',
  );
  assert.deepEqual(read.parts, ['streamed', 'exactness']);
  assert.deepEqual(read.variants, ['bare']);
  assert.deepEqual([read.runs, read.json], [7, 'x.json']);
  assert.equal(options('--quick').runs, 1);
  assert.equal(options('--quick', '--runs', '2').runs, 2);
  assert.ok(options('--quick').durations.measureMs < options().durations.measureMs);
  assert.equal(options('--warm-up', '20').durations.warmUpMs, 20_000);
  assert.equal(options('--soak').soak, true);
  assert.equal(options('--profile', '--keep').keep, true);
  assert.deepEqual(options('--telemetry').variants, ['bare', 'unlimited', 'gateway', 'traced']);
  assert.deepEqual(options('--telemetry', '--variant', 'gateway').variants, ['gateway', 'traced']);
  assert.equal(readOptions(['--help']), 'help');
});

for (const args of [
  ['--runs', '0'],
  ['--runs', 'many'],
  ['--warm-up', '0'],
  ['--warm-up', '2.5'],
  ['--only', 'chat'],
  ['--variant', 'nginx'],
  ['--unknown'],
  ['surplus'],
  ['--soak', '--profile'],
]) {
  test(`refuses ${args.join(' ')}`, () => {
    assert.throws(() => readOptions(args), UsageError);
  });
}
