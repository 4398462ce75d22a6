import { Failure } from '#kernel/errors.ts';
import type { CallerLimits } from '#model/limits.ts';
import type { CallSpending } from './call.ts';
import type { RefusableCall } from './refused-calls.ts';
import type { Demand, Reservation } from './reservation.ts';

/** The most that all lines of a batch may use; null: nothing bounds it, or nobody knows the price. */
export interface MostUsed {
  /** 10^-9 USD. */
  readonly nano: bigint | null;
  readonly tokens: number | null;
}

/** For what uses nothing by itself, or is bounded by its file alone. */
export const nothingToCount = async (): Promise<undefined> => await Promise.resolve(undefined);
const ofBatches = new WeakMap<CallerLimits, CallerLimits>();

/** What a batch passes: tokens per minute are for calls, because the provider runs a batch when it can. */
export function batchLimitsOf(limits: CallerLimits): CallerLimits {
  let found = ofBatches.get(limits);
  if (found === undefined) {
    found = { ...limits, rates: limits.rates.filter(({ unit }) => unit === 'requests') };
    ofBatches.set(limits, found);
  }
  return found;
}

/** Limits and budgets of one batch. */
export class LimitedBatch {
  readonly #spending: CallSpending;
  readonly #call: RefusableCall;
  readonly #most: MostUsed;
  readonly #told: () => readonly string[];

  constructor(
    spending: CallSpending,
    given: { readonly call: RefusableCall; readonly most: MostUsed; readonly headers: () => readonly string[] },
  ) {
    this.#spending = spending;
    this.#call = given.call;
    this.#most = given.most;
    this.#told = given.headers;
  }

  async reserve(at: number): Promise<Reservation> {
    return await this.#spending.reserve({ at, demand: this.#demand(), exact: nothingToCount, of: this.#call });
  }

  get ofMoney(): boolean {
    return this.#spending.path.budgets.some(({ budget }) => budget.unit === 'nano-usd');
  }

  headers(): readonly string[] {
    return this.#told();
  }

  end(): void {
    this.#spending.end();
  }

  #demand(): Demand {
    const { nano, tokens } = this.#most;
    const hard = this.#spending.path.budgets.filter(({ budget }) => budget.hard).map(({ budget }) => budget.unit);
    if ((nano === null && hard.includes('nano-usd')) || (tokens === null && hard.includes('tokens')))
      throw new Failure(
        'unbounded_cost',
        'What the lines of the file may use is not bounded, or has no price. A hard budget must know it: set an output ' +
          'limit in every line, and send nothing that refers to something outside it.',
        { param: 'input_file_id' },
      );
    return { nano: nano ?? 0n, tokens: tokens ?? 0 };
  }
}
