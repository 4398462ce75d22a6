import type { Cost } from '#model/money.ts';
import type { UsageRecord } from '#model/usage-record.ts';
import { heldOf, isUsageExact } from '#model/held.ts';
import type { Budget } from '#model/limits.ts';
import type { Account, BudgetTrack } from './account.ts';
import type { Portion, PermitTrack, RateTrack } from './rate-track.ts';

/** What one attempt may use at most. */
export interface Demand {
  /** 10^-9 USD, at the dearest prices of the layers in question. */
  readonly nano: bigint;
  /** Input and output together. */
  readonly tokens: number;
}

/** What counts of a settled attempt. */
export interface SettledAttempt extends Pick<
  UsageRecord,
  'at' | 'attempt' | 'caller' | 'units' | 'measuredInput' | 'measuredOutput' | 'reservedNano'
> {
  readonly cost: Pick<Cost, 'nanoUsd' | 'listNanoUsd' | 'internalNanoUsd'>;
}

/** The limits of one caller, as this gateway counts them. */
export interface CallerPath {
  readonly version: number;
  readonly budgets: readonly BudgetTrack[];
  readonly rates: readonly RateTrack[];
  readonly permits: readonly PermitTrack[];
}

/** Which of a budget's units an attempt is reserved at. A request counts once, with its first attempt. */
export function demandOf(budget: Budget, demand: Demand, first: boolean): bigint {
  if (budget.unit === 'nano-usd') return demand.nano;
  if (budget.unit === 'tokens') return BigInt(demand.tokens);
  return first ? 1n : 0n;
}

/** What a settled attempt adds to a budget; `reserved`: what was reserved of it there, 0 where it was not reserved. */
function settledIn(budget: Budget, record: SettledAttempt, reserved: bigint): { spent: bigint; unknown: bigint } {
  if (budget.unit === 'requests') return { spent: record.attempt === 1 ? 1n : 0n, unknown: 0n };
  if (budget.unit === 'tokens') {
    const tokens = BigInt(tokensOf(record));
    const rest = reserved - tokens;
    return { spent: tokens, unknown: isUsageExact(record) || rest < 0n ? 0n : rest };
  }
  const { cost } = record;
  const spent = costOn(budget, record) ?? 0n;
  const { measuredInput, measuredOutput, reservedNano } = record;
  return { spent, unknown: heldOf({ measuredInput, measuredOutput, reservedNano, costNano: cost.nanoUsd }) };
}

function costOn({ layer }: Budget, { cost }: SettledAttempt): bigint | null {
  if (layer === 'list') return cost.listNanoUsd;
  return layer === 'internal' ? cost.internalNanoUsd : cost.nanoUsd;
}

const tokensOf = ({ units }: SettledAttempt): number => (units.input ?? 0) + (units.output ?? 0);

export interface Reserved {
  readonly account: Account;
  readonly amount: bigint;
}

export interface Taken {
  readonly track: RateTrack;
  readonly portion: Portion;
}

/** Is told when what was held is held no longer; `record`: undefined where the attempt was not made. */
export interface ReservationKeeper {
  ended(reservation: Reservation, record: SettledAttempt | undefined): void;
}

/** What is held for one attempt. Ends with exactly one of `settle` and `release`. */
export class Reservation {
  /** What budgets of money hold, 10^-9 USD; null where the caller has none. */
  readonly nano: bigint | null;
  readonly #path: CallerPath;
  readonly accounts: readonly Reserved[];
  readonly #taken: readonly Taken[];
  /** The attempt was not made after all. */
  released = false;
  readonly #keeper: ReservationKeeper;

  constructor(
    held: {
      readonly nano: bigint | null;
      readonly path: CallerPath;
      readonly accounts: readonly Reserved[];
      readonly taken: readonly Taken[];
    },
    keeper: ReservationKeeper,
  ) {
    this.nano = held.nano;
    this.#path = held.path;
    this.accounts = held.accounts;
    this.#taken = held.taken;
    this.#keeper = keeper;
  }

  get version(): number {
    return this.#path.version;
  }

  holds(account: Account): boolean {
    return this.accounts.some((one) => one.account === account);
  }

  /** The attempt's record counts. */
  settle(record: SettledAttempt): void {
    for (const { account, amount } of this.accounts) {
      const { spent, unknown } = settledIn(account.budget, record, amount);
      account.settle(amount, spent, unknown);
    }
    const exact = isUsageExact(record);
    for (const { track, portion } of this.#taken) {
      // A request is one whatever became of it; tokens that nobody can count stay taken.
      if (track.rate.unit === 'tokens' && exact)
        track.giveBack({ amount: portion.amount - tokensOf(record), takenAt: portion.takenAt });
    }
    this.#keeper.ended(this, record);
  }

  /** The attempt was never sent. */
  release(): void {
    this.released = true;
    for (const { account, amount } of this.accounts) account.settle(amount, 0n, 0n);
    for (const { track, portion } of this.#taken) track.giveBack(portion);
    this.#keeper.ended(this, undefined);
  }
}

/** Adds a settled attempt to an account that came into use after it was reserved. */
export function settleUnreserved(account: Account, record: SettledAttempt): void {
  const { spent, unknown } = settledIn(account.budget, record, 0n);
  account.settle(0n, spent, unknown);
}
