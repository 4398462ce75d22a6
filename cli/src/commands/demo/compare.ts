import type { TwinAttempt } from '@tollgate/contract/twin.ts';
import type { UsageFigures } from '@tollgate/contract/usage.ts';
import { grouped } from '#output/money.ts';
import type { Ending } from './traffic.ts';

/** What the twin generated, by its own record. */
export interface TwinFigures {
  readonly attempts: number;
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
}

type Tokens = 'inputTokens' | 'cachedInputTokens' | 'outputTokens' | 'reasoningTokens';

/** What the ledger knows; of what it knows nothing it has 0 tokens, and says so in its counts. */
export type LedgerFigures = Omit<UsageFigures, Tokens> & Readonly<Record<Tokens, number>>;

export function knownOf(figures: UsageFigures): LedgerFigures {
  const { inputTokens, cachedInputTokens, outputTokens, reasoningTokens } = figures;
  return {
    ...figures,
    inputTokens: inputTokens ?? 0,
    cachedInputTokens: cachedInputTokens ?? 0,
    outputTokens: outputTokens ?? 0,
    reasoningTokens: reasoningTokens ?? 0,
  };
}

export function sumOf(attempts: readonly TwinAttempt[]): TwinFigures {
  const sum = (pick: (attempt: TwinAttempt) => number): number =>
    attempts.reduce((total, attempt) => total + pick(attempt), 0);
  return {
    attempts: attempts.length,
    inputTokens: sum((one) => one.inputTokens),
    cachedInputTokens: sum((one) => one.cachedInputTokens),
    outputTokens: sum((one) => one.outputTokens),
    reasoningTokens: sum((one) => one.reasoningTokens),
  };
}

export interface Measured {
  readonly ending: Ending;
  /** Calls that the client broke off before their end. */
  readonly brokenOff: number;
  readonly ledger: LedgerFigures;
  readonly twin: TwinFigures;
}

export interface Verdict {
  readonly ok: boolean;
  /** In plain words. */
  readonly says: string;
}

const fields = [
  ['attempts', 'attempts'],
  ['inputTokens', 'input'],
  ['cachedInputTokens', 'cached'],
  ['outputTokens', 'output'],
  ['reasoningTokens', 'reasoning'],
] as const;

function differences({ ledger, twin }: Measured): readonly string[] {
  return fields
    .filter(([name]) => ledger[name] !== twin[name])
    .map(([name, says]) => `${says}: ledger ${grouped(ledger[name])}, twin ${grouped(twin[name])}`);
}

/** Received to the end by the client, or by the gateway for the record: then every token must be the same. */
function exact(measured: Measured): Verdict {
  const { ledger, ending } = measured;
  if (ledger.attempts === 0) return { ok: false, says: 'the ledger has nothing of it' };
  const found = [...differences(measured)];
  if (ledger.unknownUsageRequests > 0) found.push(`${grouped(ledger.unknownUsageRequests)} of unknown usage`);
  if (ledger.deliveredOnlyRequests > 0) found.push(`${grouped(ledger.deliveredOnlyRequests)} delivered-only`);
  if (found.length > 0) return { ok: false, says: `DIFFERENT: ${found.join('; ')}` };
  return {
    ok: true,
    says: ending === 'drained' ? 'read on to its usage: equal to the token' : 'equal to the token',
  };
}

/** Cancelled half-way: nobody told the usage, so the ledger holds what was delivered, and says so. */
function lowerBound(measured: Measured): Verdict {
  const { ledger, twin, brokenOff } = measured;
  const wrong: string[] = [];
  if (ledger.attempts !== twin.attempts) {
    wrong.push(`attempts: ledger ${grouped(ledger.attempts)}, twin ${grouped(twin.attempts)}`);
  }
  if (ledger.outputTokens > twin.outputTokens) {
    wrong.push(`output: ledger ${grouped(ledger.outputTokens)}, but the twin made only ${grouped(twin.outputTokens)}`);
  }
  const marked = ledger.deliveredOnlyRequests + ledger.unknownUsageRequests;
  if (marked > brokenOff) wrong.push(`${grouped(marked)} marked, but only ${grouped(brokenOff)} broken off`);
  if (marked === 0 && ledger.outputTokens !== twin.outputTokens) {
    wrong.push(
      `output: ledger ${grouped(ledger.outputTokens)}, twin ${grouped(twin.outputTokens)}, and none is marked`,
    );
  }
  if (wrong.length > 0) return { ok: false, says: `DIFFERENT: ${wrong.join('; ')}` };
  const bound = `at least ${grouped(ledger.outputTokens)} of ${grouped(twin.outputTokens)} output tokens`;
  const marks = ledger.unknownUsageRequests > 0 ? 'delivered-only or unknown' : 'delivered-only';
  const input =
    ledger.inputTokens === twin.inputTokens
      ? ''
      : `; input counted by us: ${grouped(ledger.inputTokens)}, by the twin: ${grouped(twin.inputTokens)}`;
  return { ok: true, says: `${bound}, ${grouped(marked)} marked ${marks}: a lower bound${input}` };
}

/** Whether the ledger agrees with the twin as far as it can, and in which words to tell it. */
export function compare(measured: Measured): Verdict {
  return measured.ending === 'cancelled' ? lowerBound(measured) : exact(measured);
}
