import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeMemory } from './soak.ts';
import type { MemorySample } from './soak.ts';

const mega = 1e6;
const everyFiveSeconds = (bytesAt: (seconds: number) => number): MemorySample[] =>
  Array.from({ length: 120 }, (_, index) => ({ seconds: index * 5, residentBytes: bytesAt(index * 5) }));

test('memory that rises during the warm-up and then stays is flat', () => {
  const judged = judgeMemory(
    everyFiveSeconds((seconds) => (seconds < 100 ? 100 + seconds : 200) * mega),
    210 * mega,
  );
  assert.equal(judged.verdict, 'flat');
  assert.equal(judged.startBytes, 200 * mega);
  assert.equal(judged.peakBytes, 210 * mega);
  assert.equal(judged.bytesPerTenMinutes, 0);
});

test('a sawtooth is flat, a slope hidden in it is not', () => {
  const sawtooth = (seconds: number): number => 200 * mega + ((seconds / 5) % 7) * 5 * mega;
  assert.equal(judgeMemory(everyFiveSeconds(sawtooth), null).verdict, 'flat');
  const leaking = judgeMemory(
    everyFiveSeconds((seconds) => sawtooth(seconds) + seconds * 100_000),
    null,
  );
  assert.equal(leaking.verdict, 'growing');
  assert.ok(Math.abs((leaking.bytesPerTenMinutes ?? 0) - 60 * mega) < 5 * mega);
});

test('too few samples, or too short a time, give no verdict', () => {
  assert.equal(judgeMemory([{ seconds: 0, residentBytes: 1 }], null).verdict, 'unknown');
  assert.equal(judgeMemory([], null).verdict, 'unknown');
  const short = everyFiveSeconds((seconds) => seconds * mega).slice(0, 50);
  assert.equal(judgeMemory(short, null).verdict, 'unknown');
  assert.equal(judgeMemory(short, null).bytesPerTenMinutes, null);
});
