type Outcome = 'ok' | 'warning' | 'failed' | 'skipped';

/** What one look has found. Holds no secret. */
export interface Finding {
  /** `endpoint weu`. */
  readonly check: string;
  readonly outcome: Outcome;
  /** What is there, or what is wrong. */
  readonly detail: string;
  /** What to do. */
  readonly fix?: string;
}

export interface Check {
  readonly name: string;
  /** Nobody waits for it longer, ms; undefined: a minute. */
  readonly longestMs?: number;
  /** Never rejects but for a mistake of ours. */
  run(): Promise<readonly Finding[]>;
}

export const ok = (check: string, detail: string): Finding => ({ check, outcome: 'ok', detail });
export const skipped = (check: string, detail: string): Finding => ({ check, outcome: 'skipped', detail });
export const warning = (check: string, detail: string, fix: string): Finding => ({
  check,
  outcome: 'warning',
  detail,
  fix,
});
export const failed = (check: string, detail: string, fix: string): Finding => ({
  check,
  outcome: 'failed',
  detail,
  fix,
});

/** The worst of a clock that is asked by the way. */
export class ClockDifferences {
  readonly #seen: { readonly of: string; readonly aheadMs: number }[] = [];

  add(of: string, aheadMs: number | null): void {
    if (aheadMs !== null) this.#seen.push({ of, aheadMs });
  }

  /** Beyond a second, because servers tell whole ones. */
  finding(): Finding {
    const [worst] = this.#seen.toSorted((one, other) => Math.abs(other.aheadMs) - Math.abs(one.aheadMs));
    if (worst === undefined) return skipped('clock', 'nobody told the time');
    const seconds = Math.round(Math.abs(worst.aheadMs) / 1000);
    const says = `${worst.of} is ${seconds} s ${worst.aheadMs > 0 ? 'ahead' : 'behind'}`;
    const fix = 'Set the clock of this machine (NTP), or of that server.';
    if (seconds > 60) return failed('clock', `${says}: tokens and windows of budgets go wrong`, fix);
    if (seconds > 5) return warning('clock', says, fix);
    return ok('clock', `within ${Math.max(1, seconds)} s of ${this.#seen.length} servers`);
  }
}
