// So many streams that nobody reads, through a gateway in a process of its own: what it holds in memory meanwhile, whether
// the upstream is stopped, and whether all of it arrives when the readers read on. Runs as a program, for the sockets of
// its network must be small ones: `slow-readers.suite.ts` starts it. Prints one line of JSON.
import { readFileSync } from 'node:fs';
import { Agent, request, type IncomingMessage } from 'node:http';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { UsageReport } from '@tollgate/contract/usage.ts';
import { startTwin, type RunningTwin } from '../../../twin/src/server.ts';
import { startGatewayProcess, type GatewayProcess } from './gateway-process.ts';
import { configFor, keyOf, keys } from './running-gateway.ts';

export interface SlowReading {
  readonly streams: number;
  /** Bytes that the upstream has to say in all. */
  readonly offered: number;
  /** Replies that it could not go on with, of `streams`. */
  readonly blocked: number;
  /** Bytes that had reached the readers by then. */
  readonly arrived: number;
  /** Resident memory of the gateway, bytes: before, and the most until the readers read on, and until the end. */
  readonly resident: { readonly before: number; readonly blocked: number; readonly most: number };
  /** Streams that came to their end event. */
  readonly complete: number;
  /** Output tokens as the upstream generated them, and as the ledger has them. */
  readonly tokens: { readonly generated: number; readonly recorded: number | null };
  readonly attempts: number;
}

/** A reader that only pauses for breath is not waited for as long as this. */
const stoppedMs = 1_000;
const [streams = 0, eventsEach = 0, eventBytes = 0] = process.argv.slice(2).map(Number);

function residentOf({ pid }: GatewayProcess, what: 'VmRSS' | 'VmHWM'): number {
  const found = new RegExp(`^${what}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(found?.[1] ?? Number.NaN) * 1024;
}

interface Reader {
  readonly reply: IncomingMessage;
  bytes: number;
  tail: string;
}

/** Another process has to come to it, so turns of this one say nothing: looks fifty times a second, for two minutes at most. */
async function until(holds: () => boolean, what: string): Promise<void> {
  for (let look = 0; look < 6_000; look += 1) {
    if (holds()) return;
    await pause(20);
  }
  throw new Error(`It never came to ${what}.`);
}

function openStream(url: string, agent: Agent): Promise<Reader> {
  const body = JSON.stringify({
    model: 'one-endpoint',
    stream: true,
    reasoning_effort: 'none',
    messages: [{ role: 'user', content: `twin:tokens=${eventsEach}` }],
  });
  return new Promise((resolve, reject) => {
    const asking = request(`${url}/openai/v1/chat/completions`, {
      method: 'POST',
      agent,
      headers: { 'api-key': keys.marketing, 'content-type': 'application/json' },
    });
    asking.once('error', reject);
    asking.once('response', (reply) => {
      reply.pause();
      resolve({ reply, bytes: 0, tail: '' });
    });
    asking.end(body);
  });
}

/** Takes `most` bytes and stops. */
function readSome(reader: Reader): void {
  const chunk = reader.reply.read();
  if (Buffer.isBuffer(chunk)) take(reader, chunk);
}

function take(reader: Reader, chunk: Buffer): void {
  reader.bytes += chunk.length;
  reader.tail = (reader.tail + chunk.toString('latin1')).slice(-32);
}

/** Resolves when nothing more comes. */
function readOn(reader: Reader): Promise<void> {
  return new Promise((resolve) => {
    reader.reply.on('data', (chunk: Buffer) => take(reader, chunk));
    reader.reply.once('error', () => resolve());
    reader.reply.once('close', () => resolve());
    reader.reply.resume();
  });
}

async function recorded(gateway: GatewayProcess): Promise<UsageReport['total']> {
  const token = readFileSync(path.join(gateway.dataFolder, 'admin-token'), 'utf8').trim();
  const response = await fetch(`${gateway.adminUrl}/admin/v1/usage?by=consumer&waitMs=20000`, {
    headers: { authorization: `Bearer ${token}` },
  });
  // The gateway's own answer, of the shape that its contract says.
  return ((await response.json()) as UsageReport).total;
}

async function run(twin: RunningTwin, gateway: GatewayProcess): Promise<SlowReading> {
  const agent = new Agent({ maxSockets: streams });
  twin.addFault({ kind: 'large-events', bytes: eventBytes, times: null });
  // One that is read at once, so that everything is loaded.
  const first = await openStream(gateway.url, agent);
  await readOn(first);
  const before = residentOf(gateway, 'VmRSS');
  const readers = await Promise.all(Array.from({ length: streams }, async () => await openStream(gateway.url, agent)));
  for (const reader of readers) readSome(reader);
  await until(() => {
    if (twin.usage().attempts.length > 1)
      throw new Error('The upstream came to the end of a stream that nobody reads.');
    return twin.blocked(stoppedMs) === streams;
  }, 'an upstream that is stopped in every stream');
  const blocked = { count: twin.blocked(stoppedMs), resident: residentOf(gateway, 'VmHWM') };
  const arrived = readers.reduce((sum, { bytes }) => sum + bytes, 0);
  await Promise.all(readers.map(readOn));
  const total = await recorded(gateway);
  agent.destroy();
  return {
    streams,
    offered: streams * eventsEach * eventBytes,
    blocked: blocked.count,
    arrived,
    resident: { before, blocked: blocked.resident, most: residentOf(gateway, 'VmHWM') },
    complete: readers.filter(({ tail }) => tail.endsWith('data: [DONE]\n\n')).length,
    tokens: { generated: twin.usage().total.outputTokens, recorded: total.outputTokens },
    attempts: total.attempts,
  };
}

const closing: (() => unknown)[] = [];
const twin = await startTwin({ port: 0, key: 'twin-key-of-the-test', eventsPerTurn: 4 });
try {
  const gateway = await startGatewayProcess(
    { after: (fn) => void closing.push(fn as () => unknown) },
    {
      config: configFor(twin.url),
      environment: {
        TEST_TWIN_KEY: twin.key,
        TEST_KEY_MARKETING: keys.marketing,
        TEST_KEY_FINANCE: keys.finance,
        TEST_KEY_SMALL: keyOf('small'),
      },
    },
  );
  console.log(JSON.stringify(await run(twin, gateway)));
} finally {
  for (const close of closing) await close();
  await twin.close();
}
