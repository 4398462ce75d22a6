import type { Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import type { Account } from './account.ts';
import type { Exchanger } from './exchanger.ts';
import type { BudgetInstruments } from './instruments.ts';
import type { Loader } from './loader.ts';
import type { CounterStore } from './ports.ts';
import type { RefusedAttempt } from './refused-calls.ts';
import type { ReservationKeeper } from './reservation.ts';

/** What the calls of a gateway share. */
export interface CallContext extends ReservationKeeper {
  readonly clock: Clock;
  readonly log: Log;
  readonly exchanger: Exchanger;
  readonly store: CounterStore;
  readonly loader: Loader;
  readonly instruments: BudgetInstruments;
  /** Reads an account from the ledger without anybody waiting for it. */
  readByTheWay(account: Account): void;
  /** Something was given back that others may wait for. */
  givenBack(): void;
  refused(attempt: RefusedAttempt): void;
}
