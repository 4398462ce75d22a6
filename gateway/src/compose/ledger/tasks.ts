import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BackupReport } from '@tollgate/contract/admin-api/ledger.ts';
import type { LedgerVerification } from '@tollgate/contract/admin-api/operations.ts';
import { auditArchives } from '#accounting/ledger/archive/audit.ts';
import { journalAudit } from '#accounting/ledger/journal-audit.ts';
import type { Outbox } from '#accounting/ledger/outbox.ts';
import { isBefore, type JournalProgress, type LedgerStore } from '#accounting/ledger/ports.ts';
import { backupLedger } from '#accounting/reports/backup-ledger.ts';
import type { StoreCopy } from '#accounting/reports/ports.ts';
import { verifyLedger } from '#accounting/reports/verify-ledger.ts';
import { openArchiveFolder } from '#adapters/journal-files/archive-folder.ts';
import { openBackupFolder } from '#adapters/journal-files/backup-folder.ts';
import { openJournalFiles } from '#adapters/journal-files/journal-files.ts';
import { openVerificationScratch } from '#adapters/sqlite/verification-scratch.ts';
import type { Clock } from '#kernel/clock.ts';
import { Failure } from '#kernel/errors.ts';
import type { OneAtATime } from '#kernel/one-at-a-time.ts';

export interface TaskSurroundings {
  readonly dataFolder: string;
  readonly journalFolder: string;
  /** No other gateway keeps its journal in the data folder. */
  readonly alone: boolean;
  readonly store: LedgerStore;
  readonly storeCopy: StoreCopy;
  /** The journal's id where other journals may fill the store, too; undefined where none can. */
  readonly sharedBy: () => string | undefined;
  readonly progress: JournalProgress;
  readonly outbox: Outbox;
  /** Shared with whoever archives and removes: what is being read stays where it is. */
  readonly turns: OneAtATime;
  readonly clock: Clock;
}

export interface LedgerTaskServices {
  verify(): Promise<LedgerVerification>;
  backup(folder: string): Promise<BackupReport>;
  reship(): Promise<void>;
  progress(): WorkProgress | null;
}

export interface WorkProgress {
  readonly doneBytes: number;
  readonly totalBytes: number;
}

/** How long is waited for what is shipped once more before looking how far it is, ms. */
const reshipLookMs = 1000;

/** What the disk says is told to whoever wants the backup; anything else is a defect of ours. */
function unwritable(path: string, error: unknown): unknown {
  if (!(error instanceof Error && 'syscall' in error && 'code' in error)) return error;
  const why = `${String(error.code)} at ${String(error.syscall)}`;
  return new Failure('admin_invalid', `The backup could not be finished (${why}): what is in ${path} is none.`, {
    cause: error,
  });
}

type Tell = (doneBytes: number, totalBytes: number) => void;

/** Holds the journal against the store. */
async function verifyJournal(surroundings: TaskSurroundings, tell: Tell): Promise<LedgerVerification> {
  const { dataFolder, journalFolder, alone, store, progress, outbox } = surroundings;
  // Handles of its own: verification begins at the first byte while the outbox reads at the end.
  const files = openJournalFiles(journalFolder);
  // SQLite does not work on a volume that several machines share.
  const scratchFile = alone ? join(dataFolder, 'verify.scratch') : join(tmpdir(), `tollgate-${process.pid}.scratch`);
  const scratch = openVerificationScratch(scratchFile);
  const journal = journalAudit(files, async () => await auditArchives(openArchiveFolder(journalFolder)));
  const instance = surroundings.sharedBy();
  try {
    return await verifyLedger({
      journal,
      store,
      progress,
      shipping: outbox,
      scratch,
      onProgress: tell,
      ...(instance === undefined ? {} : { instance }),
    });
  } finally {
    scratch.close();
    files.close();
  }
}

/** `path`: the folder that is to hold the backup; it is empty or does not exist. */
async function backUpTo(path: string, surroundings: TaskSurroundings, tell: Tell): Promise<BackupReport> {
  const { dataFolder, alone, storeCopy, progress, clock } = surroundings;
  if (!alone)
    throw new Failure(
      'admin_invalid',
      'Several gateways keep their journals on this volume: back up the database and the volume.',
    );
  try {
    return await backupLedger({
      target: { path, folder: openBackupFolder(path, dataFolder) },
      store: storeCopy,
      progress,
      now: () => clock.now(),
      onProgress: tell,
    });
  } catch (error) {
    throw unwritable(path, error);
  }
}

/** Resolves when everything that was journalled before the call has been shipped once more. */
async function reshipJournal({ journalFolder, progress, outbox }: TaskSurroundings, tell: Tell): Promise<void> {
  const files = openJournalFiles(journalFolder);
  const segments = files.list();
  files.close();
  const before = (segment: number): number =>
    segments.reduce((sum, one) => (one.segment < segment ? sum + one.bytes : sum), 0);
  const end = progress.written();
  await outbox.reship();
  while (isBefore(outbox.shipped, end)) {
    tell(before(outbox.shipped.segment) + outbox.shipped.offset, before(end.segment) + end.offset);
    if (outbox.closed) throw new Error('The ledger was closed before all of it was shipped again.');
    await outbox.caughtUp(reshipLookMs);
  }
}

/** What takes the longer the larger the ledger is; one at a time. */
export function createLedgerTasks(surroundings: TaskSurroundings): LedgerTaskServices {
  let current: WorkProgress | null = null;
  const tell: Tell = (doneBytes, totalBytes) => {
    current = { doneBytes, totalBytes };
  };
  const inTurn = async <Result>(work: () => Promise<Result>): Promise<Result> =>
    await surroundings.turns.run(async () => {
      try {
        return await work();
      } finally {
        current = null;
      }
    });
  return {
    verify: async () => await inTurn(async () => await verifyJournal(surroundings, tell)),
    backup: async (path) => await inTurn(async () => await backUpTo(path, surroundings, tell)),
    reship: async () => await inTurn(async () => await reshipJournal(surroundings, tell)),
    progress: () => current,
  };
}
