// ── What is told of budgets to the outside, at least once ──

/** An event as it is sent: the bytes are the same with every try, so that a signature can be checked again. */
export interface Alert {
  /** The same however often, and by whichever gateway, it is decided: 32 hex digits behind `evt_`. */
  readonly id: string;
  readonly type: AlertType;
  /** When it was decided, UTC ms. */
  readonly at: number;
  /** The budget's id. */
  readonly budget: string;
  /** UTC ms: the end of the window that it is about. Until then nobody may forget that it was told. */
  readonly windowEnd: number;
  /** The JSON text that receivers get. */
  readonly body: string;
}

/** What is debited reached a percentage that the configuration names; a hard budget refused its first call of the window. */
export const alertTypes = ['budget.threshold', 'budget.exhausted'] as const;
export type AlertType = (typeof alertTypes)[number];

/** One alert on its way to one receiver. */
export interface Delivery {
  readonly alert: Alert;
  readonly receiver: string;
  /** How often it was tried before. */
  readonly attempts: number;
}

/** What came of a try. `nextAt` (UTC ms): when to try again; null gives it up. */
export type DeliveryOutcome =
  | { readonly delivered: true }
  | { readonly delivered: false; readonly error: string; readonly nextAt: number | null };

/** What has become of an alert at one receiver. */
export interface ListedDelivery {
  readonly receiver: string;
  readonly state: 'waiting' | 'delivered' | 'given-up';
  readonly attempts: number;
  /** UTC ms; null where it has been delivered or given up. */
  readonly nextAt: number | null;
  readonly error: string | null;
}

/** An alert with all its deliveries, for whoever looks them up. */
export interface ListedAlert extends Alert {
  readonly deliveries: readonly ListedDelivery[];
}

interface AlertPage {
  /** Only what was decided before this one. */
  readonly before: string | null;
  readonly limit: number;
}

/** Alerts and what has become of them; survives a restart, and may be shared by several gateways. */
export interface AlertStore {
  /**
   * Keeps an alert, to be delivered to each of the receivers. `known`: it was kept before, by whomever. `full`: more
   * than `mostKept` are, and this one is not.
   */
  add(alert: Alert, to: { readonly receivers: readonly string[]; readonly mostKept: number }): Promise<AddResult>;
  /**
   * Deliveries to these receivers that are due at `now` (UTC ms), the longest due first. Nobody else is given them
   * before `until`; a gateway that dies meanwhile leaves them to whoever asks then.
   */
  take(asked: {
    readonly receivers: readonly string[];
    readonly now: number;
    readonly until: number;
    readonly limit: number;
  }): Promise<readonly Delivery[]>;
  report(delivery: { readonly id: string; readonly receiver: string }, outcome: DeliveryOutcome): Promise<void>;
  /** The newest first. */
  page(asked: AlertPage): Promise<readonly ListedAlert[]>;
  /** How many deliveries wait, by receiver. */
  waiting(): Promise<readonly { readonly receiver: string; readonly count: number }[]>;
  /** Forgets alerts of windows that ended before (UTC ms), whatever became of them; says how many. */
  forget(endedBefore: number): Promise<number>;
}

/** See `AlertStore.add`. */
export type AddResult = 'added' | 'known' | 'full';

/** One HTTP request: resolves with the status, whatever it is; rejects where there was no answer in time. */
export interface WebhookSender {
  post(request: {
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
    readonly timeoutMs: number;
  }): Promise<number>;
  close(): Promise<void>;
}
