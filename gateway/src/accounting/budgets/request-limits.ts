import { Failure } from '#kernel/errors.ts';
import type { Admission, Caller } from '#model/admission.ts';
import type { Arrival } from '#model/arrival.ts';
import type { CallerLimits } from '#model/limits.ts';
import type { PriceBook } from '#model/price-book.ts';
import type { UsageRecord } from '#model/usage-record.ts';
import { batchLimitsOf, LimitedBatch, nothingToCount, type MostUsed } from './batch-limits.ts';
import { boundsOf, type CallBounds } from './call-bounds.ts';
import type { CallSpending } from './call.ts';
import type { Engine } from './engine.ts';
import { limitHeaders, type HeaderNames } from './limit-headers.ts';
import type { RefusableCall } from './refused-calls.ts';
import type { Demand, Reservation } from './reservation.ts';
import { WorstCase } from './worst-case.ts';

export interface RequestLimitsOptions {
  readonly engine: Engine;
  /** What the headers are called now. */
  headers(): HeaderNames;
  /** Tokens in the texts of a call, counted by its tokenizer; null where that cannot be done. */
  countInput(admission: Admission): Promise<number | null>;
}

const worstCases = new WeakMap<PriceBook, WorstCase>();

function worstCaseOf(book: PriceBook): WorstCase {
  let found = worstCases.get(book);
  if (found === undefined) worstCases.set(book, (found = new WorstCase(book)));
  return found;
}

/** Limits and budgets of one request: what its attempts may use at most, and what is told of it. */
export class LimitedRequest {
  readonly #options: RequestLimitsOptions;
  #admission: Admission;
  readonly #spending: CallSpending;
  readonly #money: boolean;
  #bounds: CallBounds | undefined;

  constructor(options: RequestLimitsOptions, admission: Admission, spending: CallSpending) {
    this.#options = options;
    this.#admission = admission;
    this.#spending = spending;
    this.#money = spending.path.budgets.some(({ budget }) => budget.unit === 'nano-usd');
  }

  reserve(at: number): Reservation | Promise<Reservation> {
    return this.#spending.reserve({
      at,
      demand: this.#demand(at),
      exact: async () => await this.#exact(at),
      of: this.#admission,
    });
  }

  follow(admission: Admission): void {
    this.#admission = admission;
    this.#bounds = undefined;
  }

  headers(): readonly string[] {
    return limitHeaders(this.#spending.path, this.#options.headers());
  }

  end(): void {
    this.#spending.end();
  }

  #demand(at: number): Demand {
    const bounds = this.#bounds ?? boundsOf(this.#admission);
    if ('message' in bounds) {
      if (this.#spending.hard) {
        const { param, message } = bounds;
        const text = `${message} A hard budget must know what a call may use.`;
        throw this.#refused(new Failure('unbounded_cost', text, param === null ? {} : { param }));
      }
      // Nothing that refuses needs to know.
      return { nano: 0n, tokens: this.#admission.exchange.body.bytes.length };
    }
    this.#bounds = bounds;
    return this.#priced(bounds, bounds.input, at);
  }

  async #exact(at: number): Promise<Demand | undefined> {
    const bounds = this.#bounds;
    if (bounds === undefined) return undefined;
    const counted = await this.#options.countInput(this.#admission);
    return counted === null ? undefined : this.#priced(bounds, bounds.inputWith(counted), at);
  }

  #priced(bounds: CallBounds, input: number, at: number): Demand {
    const tokens = input + bounds.output;
    if (!this.#money) return { nano: 0n, tokens };
    const { prices } = this.#admission.exchange.snapshot;
    const nano = worstCaseOf(prices).of(this.#admission, { bounds, input, at });
    if (nano === null && this.#hardMoney())
      throw this.#refused(
        new Failure(
          'model_unpriced',
          'This call may be served by a deployment that has no price for it, and a hard budget refuses unpriced calls.',
          { param: 'model' },
        ),
      );
    return { nano: nano ?? 0n, tokens };
  }

  #refused(failure: Failure): Failure {
    this.#options.engine.refused({ failure, limits: [], call: this.#admission });
    return failure;
  }

  #hardMoney(): boolean {
    return this.#spending.path.budgets.some(({ budget }) => budget.hard && budget.unit === 'nano-usd');
  }
}

/** One for all: functions that are made anew with every call outlive it by far in V8's heap (docs/performance.md). */
const nothingHeld = { nano: null, settle() {}, release() {} } as const;

/** What stands for the limits of a caller who has none. */
const unlimited = {
  follow() {},
  reserve: () => nothingHeld,
  headers: () => [],
  end() {},
} as const;

const nothingUsed: Demand = { nano: 0n, tokens: 0 };
const unmetered = new WeakMap<CallerLimits, CallerLimits>();

/** What a call passes that uses nothing. */
function unmeteredOf(limits: CallerLimits): CallerLimits {
  let found = unmetered.get(limits);
  if (found === undefined) {
    found = { ...limits, budgets: [], rates: limits.rates.filter(({ unit }) => unit === 'requests') };
    unmetered.set(limits, found);
  }
  return found;
}

/** Limits of one request that leaves no record. */
export class UnmeteredRequest {
  readonly #options: RequestLimitsOptions;
  readonly #spending: CallSpending;
  readonly #call: RefusableCall;

  constructor(options: RequestLimitsOptions, spending: CallSpending, call: RefusableCall) {
    this.#options = options;
    this.#spending = spending;
    this.#call = call;
  }

  async admit(at: number): Promise<void> {
    // What it holds is the request itself, which is one whatever becomes of it: nothing of it is ever given back.
    await this.#spending.reserve({ at, demand: nothingUsed, exact: nothingToCount, of: this.#call });
  }

  headers(): readonly string[] {
    return limitHeaders(this.#spending.path, this.#options.headers());
  }

  end(): void {
    this.#spending.end();
  }
}

const unlimitedBatch = {
  ofMoney: false,
  reserve: async () => await Promise.resolve(nothingHeld),
  headers: () => [],
  end() {},
} as const;
const unlimitedUnmetered = { admit: async () => await Promise.resolve(), headers: () => [], end() {} } as const;

/** The most that a call may use which is admitted at `at`. */
function mostOf(admission: Admission, at: number): MostUsed {
  const bounds = boundsOf(admission);
  if ('message' in bounds) return { nano: null, tokens: null };
  const { prices } = admission.exchange.snapshot;
  const nano = worstCaseOf(prices).of(admission, { bounds, input: bounds.input, at });
  return { nano, tokens: bounds.input + bounds.output };
}

/** The engine as the request path sees it. */
export function limitsOfRequests(options: RequestLimitsOptions) {
  return {
    begin(admission: Admission): LimitedRequest | typeof unlimited {
      const limits = admission.exchange.snapshot.limitBook.of(admission.caller.chargedTo);
      const { budgets, rates, concurrency } = limits;
      if (budgets.length + rates.length + concurrency.length === 0) return unlimited;
      return new LimitedRequest(options, admission, options.engine.begin(limits));
    },

    mostOf,

    beginBatch(caller: Caller, arrival: Arrival, most: MostUsed): LimitedBatch | typeof unlimitedBatch {
      const limits = batchLimitsOf(arrival.snapshot.limitBook.of(caller.chargedTo));
      if (limits.budgets.length + limits.rates.length + limits.concurrency.length === 0) return unlimitedBatch;
      const spending = options.engine.begin(limits);
      const headers = (): readonly string[] => limitHeaders(spending.path, options.headers());
      return new LimitedBatch(spending, { call: { exchange: arrival, caller }, most, headers });
    },

    recorded: (record: UsageRecord) => options.engine.recorded(record),

    beginUnmetered(caller: Caller, arrival: Arrival): UnmeteredRequest | typeof unlimitedUnmetered {
      const limits = unmeteredOf(arrival.snapshot.limitBook.of(caller.chargedTo));
      if (limits.rates.length + limits.concurrency.length === 0) return unlimitedUnmetered;
      return new UnmeteredRequest(options, options.engine.begin(limits), { exchange: arrival, caller });
    },
  };
}
