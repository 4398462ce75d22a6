import type { MessagePort } from 'node:worker_threads';
import { adjustmentServices, type AdjustmentServices } from './adjustments.ts';
import { keepAdopting, type Adoption, type ReplicaRules } from './adoption.ts';
import { keepArchiving, type Archiving, type ArchiveRules } from './archive.ts';
import { batchServices, type BatchServices } from './batches.ts';
import { budgetServices, type BudgetServices } from './budgets.ts';
import { shipToSinks, sinksOf, type SinkRules, type SinkShipping } from './sinks.ts';
import { openStores, orUnavailable, type StoreChoice } from './stores.ts';
import { createLedgerTasks, type LedgerTaskServices } from './tasks.ts';
import { keepDoneJournals, type DoneJournals } from './done-folders.ts';
import { PutBackWatch } from './put-back.ts';
import { exportServices, type ExportServices } from './exports.ts';
import type { AlertStore } from '#accounting/alerts/ports.ts';
import { Outbox } from '#accounting/ledger/outbox.ts';
import {
  isBefore,
  type Checkpoint,
  type LedgerStore,
  type RecordKey,
  type StoredRecord,
} from '#accounting/ledger/ports.ts';
import { SharedProgress } from '#accounting/ledger/progress.ts';
import { createReports, type Reports } from '#accounting/reports/reports.ts';
import { openJournalFiles } from '#adapters/journal-files/journal-files.ts';
import { logTo, serve } from '#adapters/worker-thread/serve.ts';
import type { DirectoryStore } from '#directory/ports.ts';
import { systemClock } from '#kernel/clock.ts';
import { OneAtATime } from '#kernel/one-at-a-time.ts';

/** What the ledger's worker is started with. */
export interface LedgerWorkerData {
  readonly dataFolder: string;
  readonly journalFolder: string;
  /** Undefined: this gateway is alone in its data folder. */
  readonly replicas: ReplicaRules | undefined;
  readonly store: StoreChoice;
  /** The memory of a `SharedProgress`. */
  readonly progress: SharedArrayBuffer;
  /** Undefined: nothing is archived. */
  readonly archive: ArchiveRules | undefined;
  /** Undefined: nobody is told beside the store. */
  readonly logAnalytics: SinkRules | undefined;
  /** See `SinkOptions.told`. */
  readonly told: SharedArrayBuffer;
}

/** What the worker does for the gateway; every method is called over `worker-thread`. */
export interface LedgerServices {
  readonly store: {
    checkpoint(instance: string): Promise<Checkpoint | null>;
    /** Stores where shipping begins instead, for a store that does not fit its journal. */
    rewind(checkpoint: Checkpoint): Promise<void>;
    find(keys: readonly RecordKey[]): Promise<readonly (StoredRecord | null)[]>;
  };
  readonly outbox: {
    /** Begins to ship the journal with this id. */
    start(instance: string): Promise<void>;
    /** There is more in the journal. */
    nudge(): void;
    /** Ships what is left, waiting so long at most, and closes everything; true if the store has all of it. */
    finish(timeoutMs: number): Promise<boolean>;
  };
  readonly reports: Reports;
  readonly exports: ExportServices;
  readonly ledger: LedgerTaskServices;
  readonly adjustments: AdjustmentServices;
  readonly budgets: BudgetServices;
  readonly directory: DirectoryStore;
  readonly alerts: AlertStore;
  readonly replicas: {
    /** The journals on this volume of gateways that have ended, and that the store has whole. */
    done(): Promise<readonly string[]>;
  };
  readonly batches: BatchServices;
}

export interface LedgerWorkerOptions {
  readonly port: MessagePort;
  readonly data: LedgerWorkerData;
  /** Stands between the outbox and the store: a test ends the worker here, between shipped and acknowledged. */
  wrapStore?(store: LedgerStore): LedgerStore;
}

/** Builds what stands behind the journal and serves it until the worker is ended. */
export async function runLedgerWorker(options: LedgerWorkerOptions): Promise<void> {
  const { port, data } = options;
  const log = logTo(port);
  // While a store is waited for nothing else keeps the thread alive; nobody has a question yet.
  port.ref();
  const stores = await openStores(data.store, log);
  const store = options.wrapStore?.(stores.ledger) ?? stores.ledger;
  const progress = new SharedProgress(data.progress);
  const folder = data.journalFolder;
  const files = openJournalFiles(folder);
  const around = { clock: systemClock, log };
  const outbox = new Outbox({ files, store, progress, ...around });
  const turns = new OneAtATime();
  const openSinks = sinksOf(data.logAnalytics, around);
  const sinks = shipToSinks(openSinks, { folder, progress, told: data.told, ...around });
  const told = toldEverywhere(outbox, sinks);
  const archiving = keepArchiving({ folder, rules: data.archive, outbox: told, progress, turns, ...around });
  const adopting = keepAdopting({ rules: data.replicas, store, openSinks, ...around });
  const done = keepDoneJournals({ replicas: data.replicas, rules: data.archive, ...around });
  let journalId = '';
  const putBack = new PutBackWatch({
    outbox,
    replicas: data.replicas,
    holder: () => journalId,
    around: { store, openSinks, ...around },
  });
  stores.onConnected(() => putBack.look());
  const tasks = createLedgerTasks({
    dataFolder: data.dataFolder,
    journalFolder: folder,
    alone: data.replicas === undefined,
    store,
    storeCopy: stores.copy,
    sharedBy: () => (stores.copy.kind === 'postgresql' ? journalId : undefined),
    progress,
    outbox,
    turns,
    clock: systemClock,
  });
  const reports = createReports({ store, progress, shipping: outbox });
  const exporting = exportServices({ store, progress, shipping: outbox }, systemClock);
  const services: LedgerServices = {
    store: {
      checkpoint: async (instance) => await store.checkpoint(instance),
      rewind: async (checkpoint) => void (await store.append([], checkpoint)),
      find: async (keys) => await store.find(keys),
    },
    outbox: shippingService({
      outbox,
      sinks,
      archiving,
      adopting,
      done,
      putBack,
      began: (journal) => (journalId = journal),
      async close() {
        files.close();
        await stores.close();
      },
    }),
    exports: {
      ...exporting,
      open: async (wanted) => await orUnavailable(exporting.open(wanted)),
      read: async (id) => await orUnavailable(exporting.read(id)),
    },
    reports: {
      query: async (asked, settings) => await orUnavailable(reports.query(asked, settings)),
      records: async (asked, settings) => await orUnavailable(reports.records(asked, settings)),
      request: async (requestId) => await orUnavailable(reports.request(requestId)),
    },
    ledger: { ...tasks, verify: async () => await orUnavailable(tasks.verify()) },
    adjustments: adjustmentServices({ store, shipping: outbox, holder: () => journalId }),
    directory: availableDirectory(stores.directory),
    budgets: budgetServices({ store, files, shipping: outbox }),
    alerts: availableAlerts(stores.alerts),
    replicas: { done: async () => await done.list() },
    batches: batchServices({ store, shipping: outbox, holder: () => journalId }),
  };
  serve(port, services);
}

/** How far the last of all has followed the journal. */
function toldEverywhere(outbox: Outbox, sinks: SinkShipping): Pick<Outbox, 'stored'> {
  return {
    get stored() {
      const told = sinks.stored;
      return told !== undefined && isBefore(told, outbox.stored) ? told : outbox.stored;
    },
  };
}

/** The order in which things begin and end behind the journal. */
function shippingService(parts: {
  readonly outbox: Outbox;
  readonly sinks: SinkShipping;
  readonly archiving: Archiving;
  readonly adopting: Adoption;
  readonly done: DoneJournals;
  readonly putBack: PutBackWatch;
  readonly began: (journal: string) => void;
  readonly close: () => Promise<void>;
}): LedgerServices['outbox'] {
  const { outbox, sinks, archiving, adopting, done, putBack } = parts;
  return {
    async start(journal) {
      parts.began(journal);
      await outbox.start(journal);
      await sinks.start(journal);
      archiving.start();
      adopting.start();
      done.start();
      putBack.start();
    },
    nudge() {
      outbox.nudge();
      sinks.nudge();
    },
    async finish(timeoutMs) {
      const caughtUp = await Promise.all([outbox.caughtUp(timeoutMs), sinks.finish(timeoutMs)]);
      await putBack.close();
      await adopting.close();
      await done.close();
      await archiving.close();
      await outbox.close();
      await parts.close();
      return caughtUp.every(Boolean);
    },
  };
}

function availableDirectory(directory: DirectoryStore): DirectoryStore {
  return {
    load: async () => await orUnavailable(directory.load()),
    commit: async (change, entries) => await orUnavailable(directory.commit(change, entries)),
    auditTrail: async (page) => await orUnavailable(directory.auditTrail(page)),
    nextChange: async (seen) => await orUnavailable(directory.nextChange(seen)),
  };
}

function availableAlerts(alerts: AlertStore): AlertStore {
  return {
    add: async (alert, to) => await orUnavailable(alerts.add(alert, to)),
    take: async (asked) => await orUnavailable(alerts.take(asked)),
    report: async (delivery, outcome) => await orUnavailable(alerts.report(delivery, outcome)),
    page: async (asked) => await orUnavailable(alerts.page(asked)),
    waiting: async () => await orUnavailable(alerts.waiting()),
    forget: async (endedBefore) => await orUnavailable(alerts.forget(endedBefore)),
  };
}
