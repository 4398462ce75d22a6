import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { BackupReport } from '@tollgate/contract/admin-api/ledger.ts';
import type { LedgerVerification } from '@tollgate/contract/admin-api/operations.ts';
import type { LedgerLag } from '@tollgate/contract/usage.ts';
import type { ReplayAsked } from './budgets.ts';
import type { ReplicaRules } from './adoption.ts';
import { archivesAtRebuild, type ArchiveRules } from './archive.ts';
import { takeJournal, type TakenJournal } from './folder.ts';
import type { SinkRules } from './sinks.ts';
import { storeFile, type StoreChoice } from './stores.ts';
import type { WorkProgress } from './tasks.ts';
import type { LedgerServices, LedgerWorkerData } from './worker.ts';
import { Backlog, type BacklogBudget } from '#accounting/ledger/backlog.ts';
import type { AlertStore } from '#accounting/alerts/ports.ts';
import type { SpendingLedger } from '#accounting/budgets/ports.ts';
import { journalInstruments } from '#accounting/ledger/instruments.ts';
import { Journal } from '#accounting/ledger/journal.ts';
import { segmentName, type Adjustment, type JournalFiles } from '#accounting/ledger/ports.ts';
import { SharedProgress } from '#accounting/ledger/progress.ts';
import { instanceOf, recoverFrom, type Recovered } from '#accounting/ledger/recovery.ts';
import { SegmentAppender } from '#accounting/ledger/segment-appender.ts';
import type { ReplayResult } from '#accounting/replay/ports.ts';
import { settleLost } from '#accounting/ledger/settle-lost.ts';
import { lagOf } from '#accounting/reports/lag.ts';
import type { Reports } from '#accounting/reports/reports.ts';
import { openJournalFiles } from '#adapters/journal-files/journal-files.ts';
import { startWorker, type RemoteServices, type WorkerLink } from '#adapters/worker-thread/worker-link.ts';
import type { DirectoryStore } from '#directory/ports.ts';
import type { Clock } from '#kernel/clock.ts';
import { Failure } from '#kernel/errors.ts';
import { ulidSource } from '#kernel/ids.ts';
import type { Log } from '#kernel/log.ts';
import type { Metrics } from '#kernel/metrics.ts';
import type { Ledger } from '#proxy/usage/ports.ts';

export interface LedgerOptions {
  /** Holds `journal/` and, unless the store is elsewhere, `tollgate.sqlite`; made where it is missing. */
  readonly dataFolder: string;
  /** Default: in the data folder. */
  readonly store?: StoreChoice;
  readonly durability: 'process' | 'disk';
  /** The size at which the journal begins a new file. */
  readonly segmentBytes: number;
  /** The budget of disk for what the store has not taken, and what happens when it is spent. Default: none. */
  readonly backlog?: BacklogBudget;
  /** Default: nothing is archived. */
  readonly archive?: ArchiveRules;
  /** Default: nobody is told beside the store. */
  readonly logAnalytics?: SinkRules;
  /** Default: this gateway is alone in its data folder. */
  readonly replica?: Pick<ReplicaRules, 'name' | 'adoptAfterMs'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** The worker's root; a test gives one that ends itself. */
  readonly worker?: URL;
  /** Puts faults between the journal and the disk. */
  wrapFiles?(files: JournalFiles): JournalFiles;
}

/** The ledger: the journal in this thread, everything behind it in the worker. */
export interface OpenLedger {
  readonly ledger: Ledger;
  readonly reports: Reports;
  /** What budgets begin with: the ledger, read to the entry. `alone`: nobody else counts with this gateway. */
  spending(alone: boolean): SpendingLedger;
  /** What other limits would have refused; see `BudgetServices.replay`. */
  replay(asked: ReplayAsked): Promise<ReplayResult & { readonly caughtUp: boolean }>;
  /** Where the directory lives: where the records do. */
  readonly directoryStore: DirectoryStore;
  readonly alertStore: AlertStore;
  /** The journals on this volume of gateways that have ended, and that the store has whole. */
  doneJournals(): Promise<readonly string[]>;
  readonly batches: RemoteServices<LedgerServices>['batches'];
  readonly exports: RemoteServices<LedgerServices>['exports'];
  /** Works adjustments out; they count once they are booked. */
  readonly adjustments: RemoteServices<LedgerServices>['adjustments'];
  /** Books adjustments: see `Journal.book`. */
  book(adjustments: readonly Adjustment[]): Promise<void>;
  /** When the oldest attempt that is open was admitted, UTC ms; null where none is. */
  openSince(): number | null;
  /** What the journal said when it was opened. */
  readonly recovered: Recovered;
  lag(): Promise<LedgerLag>;
  verify(): Promise<LedgerVerification>;
  /** Copies store and journal to an empty folder while they are used. */
  backup(folder: string): Promise<BackupReport>;
  /** Ships the whole journal again: what the store lacks is added, what it has stays as it is. */
  reship(): Promise<void>;
  /** How far verification, backup or shipping again has got; null where none of them runs. */
  workProgress(): Promise<WorkProgress | null>;
  /** Resolves where nothing will ever be admitted again, because another gateway has the journal. */
  readonly lost: Promise<void>;
  /** Why nothing can be admitted, in a word; undefined while it can. */
  unready(): string | undefined;
  /** Writes what is waiting, lets the store catch up (10 s at most; the next start goes on), closes everything. */
  close(): Promise<void>;
}

const longestFinishMs = 10_000;
const graceMs = 5_000;
const restartMs = 1000;
const serviceNames = [
  'store',
  'outbox',
  'reports',
  'exports',
  'ledger',
  'adjustments',
  'budgets',
  'directory',
  'alerts',
  'replicas',
  'batches',
] as const;

const noBudget: BacklogBudget = { bytes: Number.POSITIVE_INFINITY, whenSpent: 'admit' };

interface Foundation {
  /** The journal's. */
  readonly folder: string;
  readonly files: JournalFiles;
  readonly link: WorkerLink<LedgerServices>;
  readonly progress: SharedProgress;
}

const instant = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

/** The whole journal is read again, for a store that is new or does not fit; what of it is there no longer is told. */
async function tellArchives(log: Log, folder: string): Promise<number> {
  const { removed, doubtful } = await archivesAtRebuild(folder, log);
  for (const { segment, state } of doubtful)
    log.error({ segment: segmentName(segment), state }, 'an archive is not whole; what cannot be read of it is lost');
  if (removed === null) return 0;
  const { records, adjustments, segments } = removed;
  log.error(
    { records, adjustments, segments, from: instant(removed.from), to: instant(removed.to) },
    'the store is made from the journal without the records of archives that retention has removed; ' +
      'restore a backup of the store to have them',
  );
  return removed.last;
}

function tellRecovery(log: Log, recovered: Recovered, removedTo: number): void {
  const { tornTailBytes, damage, checkpoint, settles } = recovered;
  const missing = recovered.missing.filter((segment) => segment > removedTo);
  const toShip = settles - checkpoint.settles;
  if (tornTailBytes > 0) log.warn({ tornTailBytes }, 'the journal ended in the middle of a record; it was cut off');
  for (const one of damage.slice(0, 20)) log.error({ at: one.at, bytes: one.bytes }, 'damage in the journal');
  if (damage.length > 0)
    log.error({ places: damage.length }, 'the journal is damaged; what stands behind was recovered');
  for (const segment of missing)
    log.error({ segment: segmentName(segment) }, 'a segment of the journal is missing; what stood in it is lost');
  log.info({ toShip }, 'the journal was read');
}

interface Begun {
  readonly journal: Journal;
  readonly backlog: Backlog;
  readonly recovered: Recovered;
  readonly instance: string;
}

/** True if the store has everything. One that does not answer must not hold up the end: the journal has what it lacks. */
async function finish({ outbox }: RemoteServices<LedgerServices>, { clock, log }: LedgerOptions): Promise<boolean> {
  const late = new Promise<false>((resolve) => {
    clock.after(longestFinishMs + graceMs, () => resolve(false));
  });
  try {
    return await Promise.race([outbox.finish(longestFinishMs), late]);
  } catch (error) {
    log.error({ err: error }, 'the store could not be closed');
    return false;
  }
}

function tooFarBehind(): Failure {
  return new Failure('ledger_unavailable', 'The records of earlier calls are not stored yet, so no call is made now.', {
    retryAfterSeconds: 30,
  });
}

/** Reads the journal, mends its end and settles what nobody settled. Nothing listens yet. */
async function recover(options: LedgerOptions, foundation: Foundation): Promise<Begun> {
  const { clock, log, durability, segmentBytes, metrics } = options;
  const { files, link, progress } = foundation;
  const instance = instanceOf(files) ?? ulidSource()(clock.now());
  const stored = await link.services.store.checkpoint(instance);
  const recovered = recoverFrom(stored, files, instance);
  const { checkpoint } = recovered;
  if (stored !== null && checkpoint !== stored) {
    log.error({ stored }, 'the store does not fit the journal: the whole journal is shipped again');
    await link.services.store.rewind(checkpoint);
  }
  const removedTo = checkpoint === stored ? 0 : await tellArchives(log, foundation.folder);
  tellRecovery(log, recovered, removedTo);
  const appender = new SegmentAppender({ files, clock, instance, segmentBytes, end: recovered.end });
  const budget = options.backlog ?? noBudget;
  const backlog = new Backlog({ sink: 'store', budget, progress, segments: files.list(), clock, log, metrics });
  const journal = new Journal({
    appender,
    files,
    clock,
    log,
    durability,
    progress: {
      publish(state) {
        progress.publish(state);
        backlog.written(state.written);
      },
      nudge: () => progress.nudge(),
    },
    instruments: journalInstruments(metrics, progress),
    settles: recovered.settles,
    openAttempts: recovered.lost,
    lowWater: checkpoint.lowWater,
    onWritten: () => link.notify('outbox', 'nudge'),
  });
  const { store } = link.services;
  await settleLost({ journal, lost: recovered.lost, find: async (keys) => await store.find(keys) }, options);
  return { journal, backlog, recovered, instance };
}

/** `tollgate ledger restore` leaves it in a data folder until everything is in its place. */
const unfinishedRestore = '.restoring';

function refuseHalfRestored(dataFolder: string): void {
  if (existsSync(join(dataFolder, unfinishedRestore)))
    throw new Error(`A restore into ${dataFolder} was broken off: empty the folder and restore again.`);
}

/** `until` is taken in the turn of the call: what counts by then is in the answer. */
function budgetsOf(
  services: RemoteServices<LedgerServices>,
  instance: string,
  progress: SharedProgress,
): Pick<OpenLedger, 'spending' | 'replay'> {
  const spending: OpenLedger['spending'] = (alone) => ({
    journal: instance,
    spending: async (asked) =>
      await services.budgets.spending({ ...asked, instance, until: progress.written(), alone }),
    callersLately: async () => await services.budgets.callersLately({ instance, until: progress.written() }),
  });
  const replay: OpenLedger['replay'] = async (asked) =>
    await services.budgets.replay({ ...asked, instance, until: progress.written() });
  return { spending, replay };
}

function takenOver(): Failure {
  return new Failure('ledger_unavailable', 'This gateway has stood still too long; another one goes on in its place.', {
    retryAfterSeconds: 1,
  });
}

/** The journal as long as it is this gateway's; nobody is told that a call counts which another gateway may write off. */
function heldLedger(
  taken: Pick<TakenJournal, 'held' | 'replicas'>,
  { journal, backlog }: { readonly journal: Journal; readonly backlog: Backlog },
): Ledger {
  const open: Ledger['open'] = (attempt) => (backlog.refuses ? Promise.reject(tooFarBehind()) : journal.open(attempt));
  if (taken.replicas === undefined) return { open, settle: (record) => journal.settle(record) };
  return {
    open: (attempt) => (taken.held ? open(attempt) : Promise.reject(takenOver())),
    async settle(record) {
      await journal.settle(record);
      if (!taken.held) throw takenOver();
    },
  };
}

function workerDataOf(
  { dataFolder, durability, store, archive, logAnalytics, metrics }: LedgerOptions,
  { folder, replicas }: TakenJournal,
  progress: SharedProgress,
): LedgerWorkerData {
  const told = new SharedArrayBuffer(8);
  const cell = new BigInt64Array(told);
  if (logAnalytics !== undefined)
    metrics.gauge('tollgate_log_analytics_lag_records', {
      help: 'Settled attempts and adjustments that stand in the journal, and that Log Analytics has not been told of.',
      read: () => Math.max(0, progress.settles() - Number(Atomics.load(cell, 0))),
    });
  return {
    dataFolder,
    journalFolder: folder,
    replicas,
    store: store ?? { kind: 'sqlite', file: storeFile(dataFolder), durability },
    progress: progress.buffer,
    archive,
    logAnalytics,
    told,
  };
}

/**
 * Opens the ledger in its folder. Rejects with `FolderInUse` where another process has it, and where journal or store
 * cannot be read by this version.
 */
export async function openLedger(options: LedgerOptions): Promise<OpenLedger> {
  const { clock, log } = options;
  refuseHalfRestored(options.dataFolder);
  const taken = await takeJournal(options);
  const { folder } = taken;
  const opened = openJournalFiles(folder);
  const files = options.wrapFiles?.(opened) ?? opened;
  const progress = new SharedProgress();
  const data = workerDataOf(options, taken, progress);
  let link: WorkerLink<LedgerServices> | undefined;
  let instance = '';
  let closed = false;
  const release = async (complete: boolean): Promise<void> => {
    await link?.close();
    files.close();
    await taken.release(complete ? instance : undefined);
  };
  const startOutbox = async (): Promise<void> => {
    // Before the journal is known, the start itself does it.
    if (instance === '') return;
    try {
      await link?.services.outbox.start(instance);
    } catch (error) {
      log.error({ err: error }, 'the outbox cannot be started; trying again');
      if (!closed) clock.after(restartMs, () => void startOutbox());
    }
  };
  try {
    link = await startWorker<LedgerServices>({
      name: 'ledger',
      url: options.worker ?? new URL('../../ledger-worker.ts', import.meta.url),
      workerData: data,
      serviceNames,
      clock,
      log,
      onRestarted() {
        // Before the journal has been read there is nothing to ship; the first start comes below.
        if (instance !== '') void startOutbox();
      },
    });
    const { services } = link;
    const begun = await recover(options, { folder, files, link, progress });
    const { journal, backlog, recovered } = begun;
    instance = begun.instance;
    await services.outbox.start(instance);
    return {
      ledger: heldLedger(taken, { journal, backlog }),
      adjustments: services.adjustments,
      book: (adjustments) => journal.book(adjustments),
      openSince: () => journal.openSince,
      reports: services.reports,
      ...budgetsOf(services, instance, progress),
      exports: services.exports,
      directoryStore: services.directory,
      alertStore: services.alerts,
      doneJournals: async () => await services.replicas.done(),
      batches: services.batches,
      recovered,
      lag: async () => await Promise.resolve(lagOf(progress)),
      verify: async () => await services.ledger.verify(),
      backup: async (target) => await services.ledger.backup(target),
      reship: async () => await services.ledger.reship(),
      workProgress: async () => await services.ledger.progress(),
      lost: taken.lost,
      unready() {
        if (!taken.held) return 'another gateway may have taken the journal over';
        if (!journal.admitting) return 'the journal cannot be written';
        return backlog.refuses ? 'the store is too far behind the journal (ledger.backlog)' : undefined;
      },
      async close() {
        closed = true;
        await journal.close();
        const complete = await finish(services, options);
        if (!complete) log.warn({ lag: lagOf(progress) }, 'the store has not caught up; the next start goes on');
        await release(complete);
      },
    };
  } catch (error) {
    await release(false);
    throw error;
  }
}
