import type {
  HeldPage,
  HeldQuery,
  RerateReply,
  RerateRequest,
  WriteOffReply,
  WriteOffRequest,
} from '@tollgate/contract/admin-api/adjustments.ts';
import type { OpenBatches, WriteOffBatch, WrittenOffBatch } from '@tollgate/contract/admin-api/batches.ts';
import type {
  BudgetEventPage,
  BudgetEventQuery,
  BudgetList,
  BudgetQuery,
  BudgetRefusals,
  BudgetSimulation,
  ChangeLimits,
  CreateTopUp,
  LimitList,
  SimulateBudgets,
  TopUp,
  TopUpList,
  TopUpQuery,
} from '@tollgate/contract/admin-api/budgets.ts';
import type { CounterList, WriteOffGateway, WrittenOffGateway } from '@tollgate/contract/admin-api/counters.ts';
import type { ExportKey, ExportSignature } from '@tollgate/contract/export-signature.ts';
import type { ConfigInForce, ConfigReload, PriceList, Version } from '@tollgate/contract/admin-api/operations.ts';
import type {
  BreakEven,
  BreakEvenQuery,
  PtuAllocateReply,
  PtuAllocateRequest,
} from '@tollgate/contract/admin-api/ptu.ts';
import type { PriceSync, PriceSyncRequest, RetailQuery } from '@tollgate/contract/admin-api/prices.ts';
import type {
  EndpointHealth,
  ExplainRouteQuery,
  OverrideEndpoint,
  RouteExplanation,
  RouteTrace,
} from '@tollgate/contract/admin-api/routing.ts';
import type { UsageRecords, UsageRequest } from '@tollgate/contract/admin-api/usage.ts';
import type { LedgerLag, UsageReport } from '@tollgate/contract/usage.ts';
import type { MadeExport } from '#accounting/exports/made-exports.ts';
import type { AskedExport } from '#accounting/exports/read-query.ts';
import type { Asked } from '#accounting/reports/asked.ts';
import type { Directory } from '#directory/directory.ts';
import type { Clock } from '#kernel/clock.ts';
import type { IdSource } from '#kernel/ids.ts';
import type { Log } from '#kernel/log.ts';
import type { LedgerTasks } from './ledger-work.ts';

/** How the endpoints are doing, and an operator's say in it. */
export interface DeploymentControl {
  list(): readonly EndpointHealth[];
  /** Undefined where no endpoint has this name. */
  override(name: string, order: OverrideEndpoint): EndpointHealth | undefined;
  /** Forgets what stands against it. Undefined where no endpoint has this name. */
  reset(name: string): EndpointHealth | undefined;
}

/** Corrections of the ledger, each on the audit trail. They count as soon as their promise resolves. */
export interface AdminAdjustments {
  /** Attempts of unknown usage, which stay debited at their reservation. */
  held(query: HeldQuery): Promise<HeldPage>;
  writeOff(request: WriteOffRequest): Promise<WriteOffReply>;
  /** Prices the next attempts of a period anew, by the price book in force. */
  rerate(request: RerateRequest): Promise<RerateReply>;
  /** What provisioned deployments cost by the hour, and would have cost by the token. */
  breakEven(query: BreakEvenQuery): Promise<BreakEven>;
  /** Allocates booked hours of provisioned deployments by what the configuration says now. */
  allocateAnew(request: PtuAllocateRequest): Promise<PtuAllocateReply>;
}

/** Batches that run, or are not metered yet. */
export interface AdminBatches {
  /** Rejects with `admin_unready` where the store does not hold everything yet that was journalled. */
  list(): Promise<OpenBatches>;
  /**
   * Ends one that can never be read. Rejects with `admin_not_found` where nothing of the name was begun, with
   * `admin_conflict` where it has ended, or may still be read.
   */
  writeOff(request: WriteOffBatch): Promise<WrittenOffBatch>;
}

/** How calls are routed. */
export interface RouteControl {
  /** Undefined where nothing is known of it, or no more. */
  trace(requestId: string): RouteTrace | undefined;
  /** Throws `admin_not_found` where there is no such model, subscription or consumer. */
  explain(query: ExplainRouteQuery): RouteExplanation;
}

/** Limits and budgets. */
export interface AdminBudgets {
  /** Budgets and quotas in the window that is current. Rejects with `admin_not_found` where one is asked for by name. */
  list(query: BudgetQuery): Promise<BudgetList>;
  /** What limits and budgets refused of a request; empty where nothing is known of it, or no more. */
  refusals(requestId: string): BudgetRefusals;
  events(query: BudgetEventQuery): Promise<BudgetEventPage>;
  topUps(query: TopUpQuery): TopUpList;
  /** Takes as long as there is to replay: some ten thousand calls a second. */
  simulate(asked: SimulateBudgets): Promise<BudgetSimulation>;
  /** Counts as soon as the promise resolves. */
  topUp(asked: CreateTopUp): Promise<TopUp>;
  revokeTopUp(id: string, reason: string): Promise<void>;
  limits(): LimitList;
  /** All of it counts as soon as the promise resolves, or nothing. */
  changeLimits(asked: ChangeLimits): Promise<LimitList>;
}

/** Gateways that count together. Both reject with `admin_unready` where the counters cannot be asked. */
export interface AdminCounters {
  list(): Promise<CounterList>;
  /** Rejects with `admin_not_found`, and with `admin_conflict` where the gateway is there. */
  writeOff(asked: WriteOffGateway): Promise<WrittenOffGateway>;
}

/** Files for finance. */
export interface Exports {
  /** Rejects with `admin_invalid`, and everything that is wrong with the question, before anything is made. */
  make(kind: AskedExport['kind'], asked: Asked): Promise<MadeExport>;
  /** What signatures are verified with. */
  key(): ExportKey;
  /** The signature of an export that was made lately and read to its end; undefined of any other. */
  signature(sha256: string): ExportSignature | undefined;
}

/**
 * What the admin API shows and does. What rejects with a `Failure` is told as it is; anything else becomes
 * `admin_internal` with an id that stands in the log.
 */
export interface AdminDependencies {
  /** The admin token in clear; only its hash is kept. */
  readonly token: string;
  readonly directory: Omit<
    Directory,
    'close' | 'current' | 'onChange' | 'redeclare' | 'preparing' | 'limits' | 'changeLimits'
  >;
  /** They take what was asked as it came, and tell everything that is wrong with it in one `Failure`. */
  readonly reports: {
    query(asked: Asked): Promise<UsageReport>;
    records(asked: Asked): Promise<UsageRecords>;
    request(requestId: string): Promise<UsageRequest>;
  };
  readonly exports: Exports;
  readonly ledger: LedgerTasks & {
    lag(): Promise<LedgerLag>;
  };
  readonly deployments: DeploymentControl;
  readonly routes: RouteControl;
  readonly adjustments: AdminAdjustments;
  readonly batches: AdminBatches;
  readonly budgets: AdminBudgets;
  readonly counters: AdminCounters;
  prices(): PriceList;
  readonly priceSync: {
    /** What to ask Azure's price list for. */
    readonly query: RetailQuery;
    /** Rejects where the list cannot be used; then nothing has changed. */
    sync(request: PriceSyncRequest): Promise<PriceSync>;
  };
  /** Secrets are masked by whoever gives it. */
  configInForce(): ConfigInForce;
  /** Reads the configuration anew; a bad one changes nothing and is no rejection. */
  reloadConfig(): Promise<ConfigReload>;
  /** The Prometheus text exposition format 0.0.4. */
  metricsText(): string;
  /** Whether the data plane serves requests. */
  readiness(): boolean;
  readonly version: Version;
  readonly clock: Clock;
  /** Makes the ids of requests, which errors carry. */
  readonly newId: IdSource;
  readonly log: Log;
}
