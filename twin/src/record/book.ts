import type { TwinUsage } from '@tollgate/contract/twin.ts';
import type { Attempt, AttemptReport } from './attempt.ts';

export interface UsageReport extends TwinUsage {
  readonly attempts: readonly AttemptReport[];
  /** Attempts that are under way: not in the list yet. */
  readonly running: number;
  /** Attempts that were forgotten because more came than are kept; the total still holds them. */
  readonly dropped: number;
  /** For `?since=`: the next report then lists what ended after this one. */
  readonly cursor: number;
}

type Sums = { -readonly [Name in keyof TwinUsage['total']]: number };

const nothing = (): Sums => ({
  requests: 0,
  inputTokens: 0,
  cachedInputTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
});

/**
 * The twin's own record of every token that it generated. An attempt is entered before the last byte of its reply is
 * written: who has the whole reply finds it here. The last `capacity` attempts are kept; sums are exact for ever.
 */
export class UsageBook {
  private readonly capacity: number;
  private readonly onAttempt: (attempt: AttemptReport) => void;
  private ended: Attempt[] = [];
  /** Where the oldest kept attempt stands: `ended` is a ring once it is full. */
  private oldest = 0;
  private count = 0;
  private total = nothing();
  private readonly open = new Set<Attempt>();

  constructor(capacity: number, onAttempt: (attempt: AttemptReport) => void) {
    this.capacity = capacity;
    this.onAttempt = onAttempt;
  }

  get running(): number {
    return this.open.size;
  }

  begin(attempt: Attempt): void {
    this.open.add(attempt);
  }

  /** Enters the attempt, once; one that began before a reset is not entered. */
  end(attempt: Attempt): void {
    if (!this.open.delete(attempt)) return;
    if (this.ended.length < this.capacity) this.ended.push(attempt);
    else {
      this.ended[this.oldest] = attempt;
      this.oldest = (this.oldest + 1) % this.capacity;
    }
    this.count += 1;
    add(this.total, attempt);
    this.onAttempt(attempt);
  }

  /** All attempts, or those that ended after the report with this cursor; then the total is of these. */
  report(since = 0): UsageReport {
    const kept = [...this.ended.slice(this.oldest), ...this.ended.slice(0, this.oldest)];
    const dropped = this.count - kept.length;
    const attempts = since === 0 ? kept : kept.slice(Math.max(0, since - dropped));
    const total = since === 0 ? { ...this.total } : attempts.reduce((sums, one) => add(sums, one), nothing());
    return {
      attempts,
      total,
      running: this.open.size,
      dropped: since === 0 ? dropped : Math.max(0, dropped - since),
      cursor: this.count,
    };
  }

  reset(): void {
    this.ended = [];
    this.oldest = 0;
    this.count = 0;
    this.total = nothing();
    this.open.clear();
  }
}

function add(sums: Sums, attempt: AttemptReport): Sums {
  if (attempt.status >= 200 && attempt.status < 300) sums.requests += 1;
  sums.inputTokens += attempt.inputTokens;
  sums.cachedInputTokens += attempt.cachedInputTokens;
  sums.outputTokens += attempt.outputTokens;
  sums.reasoningTokens += attempt.reasoningTokens;
  return sums;
}
