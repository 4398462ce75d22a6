import type { CallSpending } from '#accounting/budgets/call.ts';
import { Engine } from '#accounting/budgets/engine.ts';
import { budgetInstruments } from '#accounting/budgets/instruments.ts';
import type { CounterStore } from '#accounting/budgets/ports.ts';
import type { RefusedAttempt } from '#accounting/budgets/refused-calls.ts';
import type { SettledAttempt } from '#accounting/budgets/reservation.ts';
import type { Series, StoredRecord } from '#accounting/ledger/ports.ts';
import type { Clock } from '#kernel/clock.ts';
import { Failure } from '#kernel/errors.ts';
import { isJsonObject, parseJson } from '#kernel/json.ts';
import { silentLog } from '#kernel/log.ts';
import { Metrics } from '#kernel/metrics.ts';
import { VirtualClock } from '#kernel/virtual-clock.ts';
import type { CallerLimits, LimitBook } from '#model/limits.ts';
import type { ChargedTo } from '#model/usage-record.ts';
import type { RecordedTraffic, ReplayResult } from './ports.ts';
import { Refusals, type Refused } from './refusals.ts';
import { SimulatedLedger } from './simulated-ledger.ts';

export interface ReplayOptions {
  readonly traffic: RecordedTraffic;
  /** The limits to judge by. */
  readonly book: LimitBook;
  /** Counters of one process on this clock. */
  counters(clock: Clock): CounterStore;
  /** UTC ms. */
  readonly from: number;
  readonly mostAttempts: number;
}

const pageSize = 1000;
/** A request may come back with a retry for so long after an attempt of it has ended. */
const rememberedMs = 600_000;

interface Call {
  readonly spending: CallSpending;
  /** Undefined while nothing of it was refused. */
  refused: Refused | undefined;
}

/**
 * Sends recorded traffic through the engine that judges calls, on a clock of its own: at the instant of its admission
 * each attempt asks for what was reserved for it, and from its end on what it used counts. What a limit refuses is spent
 * by nobody. Limits that refuse nothing (soft ones) are left out.
 */
export class Replay {
  readonly #options: ReplayOptions;
  readonly #clock: VirtualClock;
  readonly #ledger: SimulatedLedger;
  readonly #engine: Engine;
  readonly #refusals = new Refusals();
  readonly #calls = new Map<string, Call>();
  readonly #callers = new WeakMap<Series, Map<string | null, ChargedTo>>();
  readonly #hard = new WeakMap<CallerLimits, CallerLimits>();
  #last: RefusedAttempt | undefined;
  #requests = 0;
  #attempts = 0;
  #cost = 0n;
  #reservedAtCost = 0;

  constructor(options: ReplayOptions) {
    const { traffic, book, from } = options;
    this.#options = options;
    this.#clock = new VirtualClock(from);
    this.#ledger = new SimulatedLedger(traffic, from);
    this.#engine = new Engine({
      store: options.counters(this.#clock),
      ledger: this.#ledger,
      clock: this.#clock,
      log: silentLog,
      instruments: budgetInstruments(new Metrics()),
      book: () => book,
      leaseMs: 1000,
      leasePercent: 5,
      refused: (attempt) => (this.#last = attempt),
    });
  }

  /** Resolves with what came of it. Rejects where it is more than may be replayed at once. */
  async run(): Promise<ReplayResult> {
    const { traffic, from, mostAttempts } = this.#options;
    let page = await traffic.page(null, pageSize);
    while (page.length > 0) {
      for (const record of page) {
        this.#clock.runUntil(record.at - from);
        await this.#attempt(record);
      }
      const last = page.at(-1);
      if (this.#attempts > mostAttempts)
        throw new Failure('admin_invalid', `These are more than ${mostAttempts} calls: take a shorter period.`);
      page = last === undefined ? [] : await traffic.page({ at: last.at, id: last.id }, pageSize);
    }
    await this.#engine.close();
    const { rows, told, requests, attempts, cost } = this.#refusals;
    return {
      requests: this.#requests,
      attempts: this.#attempts,
      cost: this.#cost,
      refusedRequests: requests,
      refusedAttempts: attempts,
      refusedCost: cost,
      reservedAtCost: this.#reservedAtCost,
      rows,
      refused: told,
    };
  }

  async #attempt(stored: StoredRecord): Promise<void> {
    this.#attempts += 1;
    if (stored.attempt === 1) this.#requests += 1;
    this.#cost += stored.costNano ?? 0n;
    const record = settledOf(stored, this.#callerOf(stored));
    const limits = this.#options.book.of(record.caller);
    const call = this.#callOf(stored.requestId, limits);
    // What was refused at first has no retries.
    if (call.refused !== undefined) return this.#refusals.add(stored, call.refused);
    try {
      const reservation = await call.spending.reserve({
        at: record.at,
        demand: this.#demandOf(record, limits),
        exact: async () => await Promise.resolve(undefined),
      });
      this.#clock.after(durationOf(stored), () => {
        reservation.settle(record);
        this.#ledger.settle(record, limits.budgets);
        call.spending.end();
        this.#forgetLater(stored.requestId, call);
      });
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      const limit = this.#last?.limits[0]?.limitId ?? '';
      const refused = { limit, code: error.code };
      if (stored.attempt === 1) {
        call.refused = refused;
        this.#forgetLater(stored.requestId, call);
      }
      this.#refusals.add(stored, refused);
    }
  }

  #callOf(requestId: string, limits: CallerLimits): Call {
    let call = this.#calls.get(requestId);
    if (call === undefined) {
      call = { spending: this.#engine.begin(this.#hardOf(limits)), refused: undefined };
      this.#calls.set(requestId, call);
    }
    return call;
  }

  #forgetLater(requestId: string, call: Call): void {
    this.#clock.after(rememberedMs, () => {
      if (this.#calls.get(requestId) === call) this.#calls.delete(requestId);
    });
  }

  #hardOf(limits: CallerLimits): CallerLimits {
    let found = this.#hard.get(limits);
    if (found === undefined) {
      found = { ...limits, budgets: limits.budgets.filter(({ hard }) => hard) };
      this.#hard.set(limits, found);
    }
    return found;
  }

  /** The bodies are not kept, so the most that a call could cost is known only where it was reserved. */
  #demandOf(record: SettledAttempt, limits: CallerLimits): { readonly nano: bigint; readonly tokens: number } {
    const { cost, units, reservedNano } = record;
    const tokens = (units.input ?? 0) + (units.output ?? 0);
    const money = limits.budgets.some(({ hard, unit }) => hard && unit === 'nano-usd');
    if (reservedNano === null && money) this.#reservedAtCost += 1;
    const dearest = [cost.nanoUsd, cost.listNanoUsd, cost.internalNanoUsd].reduce<bigint>(
      (most, one) => (one !== null && one > most ? one : most),
      0n,
    );
    return { nano: reservedNano ?? dearest, tokens };
  }

  /** One value per caller, as limits want it. */
  #callerOf({ series, endUser }: StoredRecord): ChargedTo {
    let known = this.#callers.get(series);
    if (known === undefined) this.#callers.set(series, (known = new Map()));
    let caller = known.get(endUser);
    if (caller === undefined) known.set(endUser, (caller = { ...series.caller, endUser }));
    return caller;
  }
}

function settledOf(record: StoredRecord, caller: ChargedTo): SettledAttempt {
  const { at, attempt, units, measuredInput, measuredOutput, reservedNano, costNano, listNano, internalNano } = record;
  const cost = { nanoUsd: costNano, listNanoUsd: listNano, internalNanoUsd: internalNano };
  return { at, attempt, caller, units, measuredInput, measuredOutput, reservedNano, cost };
}

/** From admission to the end, ms. */
function durationOf({ at, detail }: StoredRecord): number {
  const members = parseJson(detail);
  const finishedAt = isJsonObject(members) ? members['finishedAt'] : undefined;
  return typeof finishedAt === 'number' && finishedAt > at ? finishedAt - at : 0;
}
