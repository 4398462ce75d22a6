// Calls of every kind at once, whose upstreams fail and whose clients leave at random: afterwards nothing is left over.
import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { test } from 'node:test';
import type { TwinAttempt } from '@tollgate/contract/twin.ts';
import { seededRandom } from '#kernel/random.ts';
import type { UsageRecord } from '#model/usage-record.ts';
import type { Ledger } from '#proxy/usage/ports.ts';
import type { FaultInput } from '../../../twin/src/faults/fault.ts';
import { configFor, keys, startStack, type RunningStack } from '../support/running-gateway.ts';
import { until } from '../support/until.ts';
import { assertNotLogged } from '../support/logged.ts';

const calls = 400;
const parallel = 24;
/** Calls under way that are allowed: those whose clients have gone are read to their end beside the new ones. */
const most = 3 * parallel;

/** Each happens to the calls whose text names it. */
const faults: readonly FaultInput[] = [
  { kind: 'refuse' },
  { kind: 'reset' },
  { kind: 'reset', afterBytes: 0 },
  { kind: 'reset', afterBytes: 700 },
  { kind: 'stall', afterBytes: 0, ms: 120 },
  { kind: 'stall', afterBytes: 900, ms: 500 },
  { kind: 'slow-first-byte', ms: 90 },
  { kind: 'slow-first-byte', ms: 700 },
  { kind: 'status', status: 500 },
  { kind: 'status', status: 429, retryAfter: 0, share: 0.1 },
  { kind: 'status', status: 400 },
  { kind: 'content-type' },
  { kind: 'malformed-json' },
  { kind: 'missing-usage' },
  { kind: 'split', sizes: [3, 1, 7] },
  { kind: 'gzip' },
  { kind: 'crlf' },
  { kind: 'error-event' },
  { kind: 'early-end', afterEvents: 3 },
  { kind: 'trailing-bytes' },
];
const slow: FaultInput = { kind: 'slow-first-byte', ms: 150, times: null, match: { contains: 'slow-call.' } };

const everything = '[gpt-5.4-mini, gpt-5-mini, text-embedding-3-small, one-endpoint, classic, patient]';
const times = 'deadline: 2s, firstByteTimeout: 400ms, idleTimeout: 300ms, retryBudget: { share: 100%, atLeast: 1000 }';
const queue = 'queue: { maxWait: 150ms, maxLength: 6 }';
const config = (twin: string): string =>
  `${configFor(twin, {
    products: `  standard: { models: ${everything}, hedging: { atLeast: 30ms } }
  small: { models: ${everything} }`,
    models: `  gpt-5.4-mini: { tiers: [[weu, swc]], onClientDisconnect: cancel, ${queue}, ${times} }
  gpt-5-mini: { tiers: [[reasoning]], onClientDisconnect: drain, ${times} }
  one-endpoint: { tiers: [[weu]], onClientDisconnect: drain, ${queue}, ${times} }
  classic: { tiers: [[old]], onClientDisconnect: cancel, ${times} }
  patient: { tiers: [[reasoning]] }
  text-embedding-3-small: { tiers: [[embeddings]] }`,
  }).replace('  weu: { ', '  weu: { maxInFlight: 12, ')}
health: { openFor: 100ms, openAtMost: 100ms, failuresInRow: 1000, failures: 1000, slowCalls: 1000 }
consumers: { marketing: { limits: { concurrentRequests: ${most} }, budget: { amount: 1000 USD, every: month, hard: true } } }
`;

interface BudgetList {
  readonly budgets: readonly { readonly inFlight: string }[];
}

interface Asked {
  readonly path: string;
  readonly body: object;
  /** ms until its client leaves; null: it stays. */
  readonly leavesAfter: number | null;
}

type Draw = (choices: number) => number;

function draw(pick: Draw): Asked {
  const model = ['gpt-5.4-mini', 'gpt-5-mini', 'one-endpoint', 'classic'][pick(4)] ?? '';
  const fault = pick(3) > 0 ? `fault-${pick(faults.length)}.` : '';
  const text = `${fault} twin:tokens=${1 + pick(60)}`;
  const stream = pick(3) > 0;
  const leavesAfter = pick(4) === 0 ? pick(160) : null;
  if (pick(3) > 0)
    return {
      path: '/openai/v1/chat/completions',
      body: { model, stream, messages: [{ role: 'user', content: text }] },
      leavesAfter,
    };
  return { path: '/openai/v1/responses', body: { model, stream, store: false, input: text }, leavesAfter };
}

/** It is under way for long enough that many of them are at the same time, and nothing ends it early. */
const slowCall: Asked = {
  path: '/openai/v1/chat/completions',
  body: { model: 'patient', stream: true, messages: [{ role: 'user', content: 'slow-call. twin:tokens=2' }] },
  leavesAfter: null,
};

/** Resolves with whatever came, however it ended. */
function send({ url }: RunningStack, { path, body, leavesAfter }: Asked): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const request = httpRequest(`${url}${path}`, {
      method: 'POST',
      agent: false,
      headers: { 'api-key': keys.marketing, 'content-type': 'application/json' },
    });
    const timer = leavesAfter === null ? undefined : setTimeout(() => request.destroy(), leavesAfter);
    request.on('response', (response) => {
      text = `${response.statusCode} `;
      response.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
      response.on('error', () => {});
    });
    request.on('error', () => {});
    request.once('close', () => {
      clearTimeout(timer);
      resolve(text);
    });
    request.end(JSON.stringify(body));
  });
}

/** The sum of a metric over its labels. */
async function sumOf(stack: RunningStack, name: string): Promise<number> {
  const { text } = await stack.admin('/metrics');
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

/** What went through the ledger, and what is odd about that. */
class WatchedLedger {
  readonly settled = new Map<string, UsageRecord>();
  readonly twice: string[] = [];
  readonly #open = new Set<string>();

  get unsettled(): readonly string[] {
    return [...this.#open];
  }

  wrap(ledger: Ledger): Ledger {
    return {
      open: async (attempt) => {
        await ledger.open(attempt);
        this.#open.add(attempt.id);
      },
      settle: (record) => {
        if (!this.#open.delete(record.id)) this.twice.push(record.id);
        this.settled.set(record.id, record);
        return ledger.settle(record);
      },
    };
  }
}

/** Undefined where a record is what it should be, beside what the twin generated for it. */
function complaint({ units, measuredOutput, outcome }: UsageRecord, made: TwinAttempt | undefined): string | undefined {
  const generated = made ?? { inputTokens: 0, outputTokens: 0 };
  const { inputTokens, outputTokens } = generated;
  const tokens = `${outcome}, ${measuredOutput}: ${units.input}, ${units.output} of ${inputTokens}, ${outputTokens}`;
  if (measuredOutput === 'reported')
    return units.input === inputTokens && units.output === outputTokens ? undefined : tokens;
  const isCounted = outcome !== 'completed' || measuredOutput === 'delivered';
  return isCounted && (units.output ?? 0) <= outputTokens ? undefined : tokens;
}

/** Sends all of them, so many at a time. */
async function storm(stack: RunningStack, pick: Draw): Promise<void> {
  let left = calls;
  const client = async (): Promise<void> => {
    for (; left > 0; left -= 1) await send(stack, draw(pick));
  };
  await Promise.all(Array.from({ length: parallel }, client));
}

test('whatever fails and whoever leaves, every attempt is settled once, and nothing stays taken', async (context) => {
  const seed = Number(process.env['TOLLGATE_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  context.diagnostic(`seed ${seed}: TOLLGATE_SEED=${seed} draws the same calls again`);
  const random = seededRandom(seed);
  const ledger = new WatchedLedger();
  const stack = await startStack(context, { config, overrides: { wrapLedger: (inner) => ledger.wrap(inner) } });
  for (const [at, fault] of faults.entries())
    stack.twin.addFault({ share: 0.8, ...fault, times: null, match: { contains: `fault-${at}.` } });

  await storm(stack, (choices) => Math.floor(random.next() * choices));
  await until(() => ledger.unsettled.length === 0 && stack.twin.usage().running === 0, 'the end of every attempt');
  // A record is written, and its call over, soon after it is handed over.
  await until(async () => (await sumOf(stack, 'tollgate_requests_in_flight')) === 0, 'the end of every call');

  assert.deepEqual(ledger.twice, [], 'settled twice, or never opened');
  assert.equal(await sumOf(stack, 'tollgate_endpoint_in_flight'), 0, 'attempts at endpoints');
  assert.equal(await sumOf(stack, 'tollgate_waiting'), 0, 'places in queues');
  const { budgets } = (await stack.admin('/admin/v1/budgets')).json as BudgetList;
  assert.deepEqual(
    budgets.map(({ inFlight }) => inFlight),
    ['0'],
    'reservations',
  );
  stack.twin.addFault(slow);
  const again = await Promise.all(Array.from({ length: most }, () => send(stack, slowCall)));
  assert.deepEqual(
    [...new Set(again.map((answer) => answer.slice(0, 4)))],
    ['200 '],
    'permits of the concurrency limit',
  );

  const made = new Map(stack.twin.usage().attempts.map((one) => [one.id, one]));
  const complaints = [...ledger.settled].flatMap(([id, record]) => complaint(record, made.get(id)) ?? []);
  assert.deepEqual(complaints, []);
  assert.ok(
    [...made.keys()].every((id) => ledger.settled.has(id)),
    'nothing passed the ledger',
  );
  assert.ok(ledger.settled.size > calls / 3, 'most calls were sent');
  const { total } = await stack.usage();
  assert.equal(total.attempts, ledger.settled.size);
  assert.deepEqual((await stack.verify()).problems, []);
  assertNotLogged(stack, '"level":50', 'no defect of ours');
});
