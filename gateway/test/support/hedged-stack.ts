import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { OpenedAttempt } from '#model/usage-record.ts';
import type { Ledger } from '#proxy/usage/ports.ts';
import { ManualClock } from './manual-clock.ts';
import { always } from './routing.ts';
import { call, configFor, keys, startStack, type Answer, type RunningStack } from './running-gateway.ts';
import { until } from './until.ts';

const everything = '[gpt-5.4-mini, gpt-5-mini, text-embedding-3-small, one-endpoint, classic]';
/** The least wait before a second attempt, ms. */
export const afterMs = 500;
/** Of fewer calls nobody can say what is slow. */
export const known = 20;

export interface HedgedStack {
  readonly stack: RunningStack;
  readonly clock: ManualClock;
  /** Every attempt that was opened in the journal, in order. */
  readonly opened: readonly OpenedAttempt[];
  /** Resolves when so many have been settled: the one that lost is settled after the reply has gone. */
  readonly settled: (count: number) => Promise<void>;
}

/** A gateway whose product `standard` has slow calls sent twice, on a clock that is moved by hand. */
export async function startHedged(
  context: TestContext,
  options: {
    /** Sections of the configuration beside the usual ones. */
    readonly more?: string;
    /** Members of the model beside its tiers. */
    readonly model?: string;
    /** Variables beside those that the usual configuration refers to. */
    readonly environment?: Readonly<Record<string, string>>;
    /** Called before an attempt is opened in the journal. */
    readonly opening?: (attempt: OpenedAttempt) => Promise<void>;
  } = {},
): Promise<HedgedStack> {
  const { more = '', model = '', environment = {}, opening } = options;
  const clock = new ManualClock();
  const opened: OpenedAttempt[] = [];
  let settled = 0;
  const wrapLedger = (ledger: Ledger): Ledger => ({
    async open(attempt) {
      await opening?.(attempt);
      opened.push(attempt);
      await ledger.open(attempt);
    },
    settle(record) {
      settled += 1;
      return ledger.settle(record);
    },
  });
  const stack = await startStack(context, {
    config: (twin) =>
      configFor(twin, {
        products: `  standard: { models: ${everything}, hedging: { atLeast: ${afterMs}ms } }
  small: { models: ${everything} }`,
        models: `  gpt-5.4-mini: { tiers: [[weu], [swc]]${model} }
  gpt-5-mini: { tiers: [[reasoning]] }
  one-endpoint: { tiers: [[weu]] }
  classic: { tiers: [[old]] }
  text-embedding-3-small: { tiers: [[embeddings]] }`,
      }) + more,
    environment,
    overrides: { clock, random: always(0), wrapLedger },
  });
  return { stack, clock, opened, settled: (count) => until(() => settled === count) };
}

export const chat = {
  model: 'gpt-5.4-mini',
  stream: true,
  stream_options: { include_usage: true },
  messages: [{ role: 'user', content: 'Name three cities in Denmark.' }],
};

export function ask(stack: RunningStack, more: object = {}, key: string = keys.marketing): Promise<Answer> {
  return call(`${stack.url}/openai/v1/chat/completions`, { headers: { 'api-key': key }, body: { ...chat, ...more } });
}

/** So many calls that the model knows what is slow. The clock stands still, so all of them are answered at once. */
export async function warm(stack: RunningStack, count = known): Promise<void> {
  for (let at = 0; at < count; at += 1) assert.equal((await ask(stack, { max_completion_tokens: 10 })).status, 200);
}

/** Replies of this resource are held back from now on. */
export const hold = (stack: RunningStack, resource: string): void =>
  void stack.twin.addFault({ kind: 'slow-first-byte', times: null, match: { resource } });

/** What came of second attempts, by the metric. */
export const hedges = async (stack: RunningStack): Promise<readonly string[]> =>
  (await stack.admin('/metrics')).text.split('\n').filter((line) => line.startsWith('tollgate_hedges_total{'));
