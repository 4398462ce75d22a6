import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { skipWithout } from '../support/required-programs.ts';
import type { SlowReading } from '../support/slow-readers.ts';

const program = fileURLToPath(new URL('../support/slow-readers.ts', import.meta.url));
/**
 * A network of its own, whose sockets hold at most 64 KiB: where the kernel takes megabytes for every socket, streams have
 * to be very long before anybody but the kernel notices that nobody reads.
 */
const inSmallNetwork = (command: string): readonly string[] => [
  '-rn',
  'sh',
  '-c',
  `ip link set lo up && for which in tcp_wmem tcp_rmem; do echo '4096 16384 65536' > /proc/sys/net/ipv4/$which; done && ${command}`,
];

function whyNot(): string | undefined {
  const { status } = spawnSync('unshare', [...inSmallNetwork('true')], { stdio: 'ignore' });
  return status === 0 ? undefined : 'needs Linux with network namespaces (unshare, ip)';
}

function run(sizes: readonly number[]): Promise<SlowReading> {
  const child = spawn(
    'unshare',
    [...inSmallNetwork(`exec "$0" "$@"`), process.execPath, program, ...sizes.map(String)],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let [said, complained] = ['', ''];
  child.stdout.on('data', (text: Buffer) => (said += text.toString()));
  child.stderr.on('data', (text: Buffer) => (complained += text.toString()));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      // The program's own line.
      if (code === 0) resolve(JSON.parse(said) as SlowReading);
      else reject(new Error(`It ended with ${code}: ${complained}`));
    });
  });
}

const mebibyte = 1024 * 1024;
/** What a stream that is stopped may hold: what is kept for counting (256 KiB), buffers of four sockets, and their garbage. */
const perStream = mebibyte;
/** What the collector has not looked at yet. */
const inAnyCase = 128 * mebibyte;

/** So many streams whose readers stop; each has so many events of so many bytes to come. */
export function slowReaders(sizes: {
  readonly streams: number;
  readonly events: number;
  readonly bytes: number;
}): void {
  describe(`${sizes.streams} streams that nobody reads`, skipWithout('namespaces', whyNot()), () => {
    let reading: SlowReading;
    before(async () => {
      reading = await run([sizes.streams, sizes.events, sizes.bytes]);
    });

    test('stop the upstream in every one of them, with most of it unsaid', () => {
      assert.equal(reading.blocked, sizes.streams);
      assert.ok(reading.arrived < reading.offered / 20, JSON.stringify(reading));
    });

    test('take memory by their number, not by what is to come', () => {
      const bound = sizes.streams * perStream + inAnyCase;
      const { before: start, blocked, most } = reading.resident;
      assert.ok(reading.offered > 1.5 * bound, 'it would show if everything were held');
      assert.ok(blocked - start < bound, JSON.stringify(reading.resident));
      assert.ok(most - start < bound, JSON.stringify(reading.resident));
    });

    test('are whole when their readers read on, and metered to the token', () => {
      assert.equal(reading.complete, sizes.streams);
      assert.equal(reading.tokens.recorded, reading.tokens.generated);
      assert.equal(reading.attempts, sizes.streams + 1);
    });
  });
}
