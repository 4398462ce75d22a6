import { Archiver } from '#accounting/ledger/archive/archiver.ts';
import { auditArchives } from '#accounting/ledger/archive/audit.ts';
import { readManifest, removedArchives, type RemovedArchives } from '#accounting/ledger/archive/manifest.ts';
import type { Outbox } from '#accounting/ledger/outbox.ts';
import type { AuditedArchive } from '#accounting/ledger/archive/ports.ts';
import { isBefore, type JournalProgress } from '#accounting/ledger/ports.ts';
import { openArchiveFolder } from '#adapters/journal-files/archive-folder.ts';
import { openJournalFiles } from '#adapters/journal-files/journal-files.ts';
import type { Clock, Timer } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import type { OneAtATime } from '#kernel/one-at-a-time.ts';

/** When segments that are done with are archived, and how long archives are kept (null: for ever), ms. */
export interface ArchiveRules {
  readonly after: number;
  readonly keepFor: number | null;
}

export interface ArchivingOptions {
  /** The journal's. */
  readonly folder: string;
  /** Undefined: nothing is archived. */
  readonly rules: ArchiveRules | undefined;
  readonly outbox: Pick<Outbox, 'stored'>;
  readonly progress: JournalProgress;
  readonly turns: OneAtATime;
  readonly clock: Clock;
  readonly log: Log;
}

/** What is known of the archives when a store is made anew from them. */
export interface ArchivesAtRebuild {
  /** What retention has removed, which the store can never be told again; null where there is nothing. */
  readonly removed: RemovedArchives | null;
  /** Archives that are missing, or not what was made. */
  readonly doubtful: readonly AuditedArchive[];
}

/** Reads every archive whole, so that a store is not made anew from less than there was without a word. */
export async function archivesAtRebuild(journalFolder: string, log: Log): Promise<ArchivesAtRebuild> {
  const folder = openArchiveFolder(journalFolder);
  const audited = await auditArchives(folder);
  if (audited === null) {
    log.error({}, 'the manifest of the archives cannot be read: what was archived and removed is not known');
    return { removed: null, doubtful: [] };
  }
  return {
    removed: removedArchives(readManifest(folder.readManifest())),
    doubtful: audited.filter((one) => one.state !== 'sound' && one.state !== 'removed'),
  };
}

/** How often is looked for segments that are done with, ms. */
const tidyEveryMs = 60_000;

export interface Archiving {
  /** The store's side has begun. */
  start(): void;
  close(): Promise<void>;
}

/** Archives what is done with, from the start on again and again, until it is closed. */
export function keepArchiving(options: ArchivingOptions): Archiving {
  const { folder, rules, outbox, progress, turns, clock, log } = options;
  if (rules === undefined) return { start: () => undefined, close: async () => await Promise.resolve() };
  const files = openJournalFiles(folder);
  const archiver = new Archiver({
    folder: openArchiveFolder(folder),
    files,
    clock,
    log,
    turns,
    done() {
      const [stored, low] = [outbox.stored, progress.lowWater()];
      return isBefore(stored, low) ? stored : low;
    },
    afterMs: rules.after,
    keepForMs: rules.keepFor,
  });
  let timer: Timer | undefined;
  let started = false;
  let closed = false;
  const tidy = async (): Promise<void> => {
    try {
      await archiver.tidy();
    } catch (error) {
      log.error({ error: String(error) }, 'the journal cannot be archived; nothing is lost, but it grows');
    }
    if (!closed) timer = clock.after(tidyEveryMs, () => void tidy());
  };
  return {
    start() {
      if (!started) void tidy();
      started = true;
    },
    async close() {
      closed = true;
      timer?.cancel();
      await archiver.close();
      files.close();
    },
  };
}
