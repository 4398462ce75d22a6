import type { LimitNode } from '#model/limits.ts';
import type { ChargedTo } from '#model/usage-record.ts';

// ── Counters that several gateways share ──
//
// What a gateway has spent is its own to say: for every account it states its own sums, whole, and whoever states a thing
// twice changes nothing. What it may still spend is granted: the store keeps Σ grants ≤ limit, so a gateway that stays
// within its grant needs to ask nobody, and no number of gateways together passes the limit.

/** Sums of one budget in one window, in the budget's unit. */
export interface Sums {
  /** Known for certain, or a lower bound whose rest stands in `unknown`. */
  readonly spent: bigint;
  /** Of attempts that are over, what they may have used beyond `spent`: nothing of it is given back. */
  readonly unknown: bigint;
  /** Reserved by attempts under way. */
  readonly inFlight: bigint;
}

/** What a gateway says of an account, and what it wants of it. Amounts are whole, and below 2^63. */
export interface AccountClaim {
  readonly key: string;
  /** UTC ms: the end of the window. The store keeps the account at least a week longer, for late settles. */
  readonly endsAt: number;
  /** Everything that this gateway's journal has in the account. Takes the place of what it said before. */
  readonly own: Sums;
  /**
   * Of an account whose `unknown` the ledger does not have, because it counts tokens: what earlier processes of this journal
   * left unknown, as far as this gateway has been told. Null where the ledger has it.
   */
  readonly kept: bigint | null;
  /**
   * Up to where this gateway may spend, as it knows it: never less than its own sums together. The store does not
   * lower it; a gateway gives back by saying less.
   */
  readonly granted: bigint;
  /** What all gateways together may spend; null: the account is counted, and nothing is granted or refused. */
  readonly limit: bigint | null;
  /** How much more than it needs a gateway is granted at most, so that it need not ask for every call. */
  readonly lease: bigint;
  /**
   * True where the gateway has counted this budget since before the window began: then an account that is not there has
   * nothing in the ledger either, and need not be built from it.
   */
  readonly fresh: boolean;
}

/** What the store knows of an account, after the exchange. */
export interface AccountState {
  /** This gateway's grant. */
  readonly granted: bigint;
  /**
   * What earlier processes of this journal have left unknown: of a process that is gone, everything that it said to be
   * unknown or under way. Counts as unknown beside what is claimed, for as long as the account is kept; 0 where `kept` is null.
   */
  readonly kept: bigint;
  /** Of all gateways, this one included. */
  readonly total: Sums;
  readonly totalGranted: bigint;
  /** False until the account has been built from the ledger: until then nothing is granted. */
  readonly built: boolean;
}

/** The terms of a rate; two gateways with different terms for a key each judge by their own. */
export interface RateClaim {
  readonly key: string;
  readonly shape: 'bucket' | 'sliding';
  readonly amount: number;
  readonly perMs: number;
  readonly burst: number;
  /** How long what is taken may lie unused; so much is kept free that no period sees more than the limit all the same. */
  readonly heldMs: number;
  /** Not used after all, with the store's time at which it was taken; below 0 where more was used. */
  readonly returned: readonly { readonly amount: number; readonly takenAt: number }[];
}

/** How much can be taken at once at most: a bucket that gateways hold leases of is smaller by what they may hold. */
export function capacityOf({ shape, amount, burst, perMs, heldMs }: Omit<RateClaim, 'key' | 'returned'>): number {
  return shape === 'sliding' ? amount : burst - Math.ceil((amount * heldMs) / perMs);
}

/** A sliding window is counted in so many slots; the one that it cuts counts whole. */
export const slotsPerWindow = 60;

/** A rate as it stands after the exchange. */
export interface RateState {
  /** What could be taken now. */
  readonly available: number;
  /** Until as much as the whole limit is there again, ms. */
  readonly resetMs: number;
}

/** Calls that may be under way at once: how many there are in all, and what this gateway holds of them. */
export interface PermitClaim {
  readonly key: string;
  readonly permits: number;
  /** How many this gateway holds. Takes the place of what it said before; lapses where it is not said again in time. */
  readonly held: number;
}

/** Permits as they stand after the exchange. */
export interface PermitState {
  /** Held by all gateways together. */
  readonly held: number;
}

/** All of it or nothing; the numbers are places in the lists of the exchange. */
export interface Ask {
  readonly needs: readonly { readonly account: number; readonly amount: bigint }[];
  /** At least `amount`, `atMost` where there is plenty. */
  readonly takes: readonly { readonly rate: number; readonly amount: number; readonly atMost: number }[];
  /** One permit each. */
  readonly permits: readonly number[];
}

/** One message to the store: what this gateway states of its own use, and what it asks for. */
export interface Exchange {
  readonly accounts: readonly AccountClaim[];
  readonly rates: readonly RateClaim[];
  readonly permits: readonly PermitClaim[];
  /** Judged one after the other. */
  readonly asks: readonly Ask[];
  /** How many accounts to name that an earlier process of this journal has left. */
  readonly left: number;
}

/** What an ask was refused for; the numbers are places in the lists of the exchange. */
export type Lacking =
  | { readonly kind: 'account'; readonly account: number }
  /** `waitMs`: until it can be had, if nobody else takes it. */
  | { readonly kind: 'rate'; readonly rate: number; readonly waitMs: number }
  | { readonly kind: 'permit'; readonly permit: number };

/** All of an ask was given, or none of it. */
export type AskAnswer =
  /** `taken`: in the order of the takes. */
  | { readonly granted: true; readonly taken: readonly number[] }
  /** Everything that was lacking; nothing was given. */
  | { readonly granted: false; readonly lacking: readonly Lacking[] };

/** The answer of the store to an exchange; lists are in the order of the exchange. */
export interface Answer {
  /** The set of counters that answered: another one means that counters were lost, and every gateway says its sums anew. */
  readonly epoch: string;
  /**
   * Above 0 while gateways may still hold grants that this set does not know: nothing more is granted for so long, ms.
   */
  readonly closedMs: number;
  /** The store's time, ms since its own epoch; what `takenAt` refers to. */
  readonly time: number;
  /** Gateways heard of lately, this one included. */
  readonly gateways: number;
  readonly accounts: readonly AccountState[];
  readonly rates: readonly RateState[];
  readonly permits: readonly PermitState[];
  readonly asks: readonly AskAnswer[];
  /** Keys of accounts that an earlier process of this journal has spoken of, and this one has not. */
  readonly left: readonly string[];
}

/** The store cannot be reached, is too slow, or answers what is no answer. Whatever was asked may have been done or not. */
export class CountersUnavailable extends Error {
  override readonly name = 'CountersUnavailable';
}

/** Another process uses this gateway's journal id: this one may count nothing any more. */
export class CountersFenced extends Error {
  override readonly name = 'CountersFenced';
}

/** A gateway that counts, or has counted, with the store. */
export interface KnownGateway {
  readonly journal: string;
  /** Since it was last heard, ms. */
  readonly silentMs: number;
  /** Lately enough to be counted among those that are there. */
  readonly isHeard: boolean;
}

/** What the store has of one journal in one account. */
export interface JournalAccount {
  readonly key: string;
  readonly granted: bigint;
  readonly sums: Sums;
}

/** Counters behind limits and budgets. One connection per gateway process; exchanges are made one after the other. */
export interface CounterStore {
  /** False where this process is the only one: its grants never lapse, and need not be small. */
  readonly shared: boolean;
  /**
   * States, asks and answers in one step that nobody else's falls into. Not a promise where the counters are in this
   * process. Throws or rejects with CountersUnavailable and CountersFenced.
   */
  exchange(exchange: Exchange): Answer | Promise<Answer>;
  /**
   * Completes an account from the ledger: what each journal has in it by its id. Of those that have stated their sums
   * themselves since the epoch began, their own word counts. Does nothing where it has been built.
   */
  build(key: string, journals: ReadonlyMap<string, Omit<Sums, 'inFlight'>>): Promise<void>;
  /** Asks the other gateways to give back what they do not need of these accounts; resolves when some may have. */
  recall(keys: readonly string[]): Promise<void>;
  /** Whom to call when another gateway recalls; a promise resolves when what can be given back has been told. */
  onRecall(run: (keys: readonly string[]) => void | Promise<void>): void;
  /** Gateways of the last 400 days, this one included, as far as the store has not lost them. */
  gateways(): Promise<readonly KnownGateway[]>;
  /** Everything that the store has of one journal. */
  accountsOf(journal: string): Promise<readonly JournalAccount[]>;
  /**
   * What was granted to a journal in an account is for others, but for what it has said that it spent or left unknown, or
   * the ledger has of it where that is more. Its own word counts again if it comes back. Does nothing, and resolves with
   * false, where its gateway is heard.
   */
  writeOff(journal: string, key: string, known: Omit<Sums, 'inFlight'>): Promise<boolean>;
  /** Says that this gateway is gone; its grants stay as it stated them last. */
  close(): Promise<void>;
}

// ── The ledger, as budgets see it ──

/** What budgets count of the records of a node in a period; amounts in 10^-9 USD. */
export interface LedgerSums {
  readonly cost: bigint;
  readonly listCost: bigint;
  readonly internalCost: bigint;
  /** Reservations of attempts whose usage is not known, less what is known of it. */
  readonly held: bigint;
  readonly tokens: bigint;
  readonly requests: bigint;
}

/** The same for each journal. */
export interface LedgerSpending {
  /** Of this gateway's journal: everything that it had settled at the time of the call. */
  readonly own: LedgerSums;
  /** Of the other journals that filled the store, by their id, as far as they have been shipped. */
  readonly others: ReadonlyMap<string, LedgerSums>;
}

/** Where budgets read what has been spent. */
export interface SpendingLedger {
  /** The id of this gateway's journal. */
  readonly journal: string;
  /**
   * What stands in the ledger for a node in [from, to), UTC ms of admission. Rejects where the store cannot be read.
   * `own` holds exactly the settles that counted before the call was made.
   */
  spending(asked: {
    readonly node: LimitNode;
    readonly from: number;
    readonly to: number;
    /** `own`: the other journals are not asked for, which takes as many looks as there are; they are left out. */
    readonly whose: 'own' | 'all';
  }): Promise<LedgerSpending>;
  /**
   * Everybody whose calls stand in this gateway's journal since a day ago. What others have built from the store before
   * that was shipped lacks it.
   */
  callersLately(): Promise<readonly ChargedTo[]>;
}
