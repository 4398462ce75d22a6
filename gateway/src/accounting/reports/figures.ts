import type { UsageFigures } from '@tollgate/contract/usage.ts';
import { figuresWith, measures, type Figures } from '#accounting/ledger/ports.ts';

/** The sum of figures, measure by measure; nothing but zeros for none. */
export function addFigures(all: Iterable<Figures>): Figures {
  const total = figuresWith(() => 0n);
  for (const one of all) for (const measure of measures) total[measure] += one[measure];
  return total;
}

/** Throws where a count is beyond what a JSON number holds exactly: never rounded. */
function count(value: bigint): number {
  const asNumber = Number(value);
  if (!Number.isSafeInteger(asNumber)) throw new RangeError(`${value} is beyond the integers of JSON.`);
  return asNumber;
}

/** As the contract has them: counts as numbers, money as a decimal string or null where nothing was priced. */
export function reportedFigures(figures: Figures): UsageFigures {
  return {
    requests: count(figures.requests),
    attempts: count(figures.attempts),
    inputTokens: count(figures.input),
    cachedInputTokens: count(figures.cachedInput),
    outputTokens: count(figures.output),
    reasoningTokens: count(figures.reasoning),
    // Shares of a provisioned deployment's hours cost something without an attempt.
    costNanoUsd: figures.pricedAttempts === 0n && figures.cost === 0n ? null : String(figures.cost),
    unpricedRequests: count(figures.unpricedRequests),
    unknownUsageRequests: count(figures.unknownUsageRequests),
    deliveredOnlyRequests: count(figures.deliveredOnlyRequests),
    estimatedRequests: count(figures.estimatedRequests),
  };
}
