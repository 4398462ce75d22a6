import { join } from 'node:path';
import type { ReplicaRules } from './adoption.ts';
import { takeFolder } from '#adapters/journal-files/folder-lease.ts';
import { lockFolder } from '#adapters/journal-files/folder-lock.ts';
import { folderDone, replicaRoot } from '#adapters/journal-files/replica-folders.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';

/** The journal's folder, taken for this process. */
export interface TakenJournal {
  readonly folder: string;
  /** Undefined where this gateway is alone in its data folder. */
  readonly replicas: ReplicaRules | undefined;
  /** False as soon as another gateway may have it. */
  readonly held: boolean;
  /** Resolves when another gateway has taken it, for good; of one that is alone, never. */
  readonly lost: Promise<void>;
  /** `instance`: the journal's id, where the store has all of it and nobody need look at it again. */
  release(instance: string | undefined): Promise<void>;
}

export interface JournalPlace {
  readonly dataFolder: string;
  readonly replica?: Pick<ReplicaRules, 'name' | 'adoptAfterMs'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Rejects with `FolderInUse` where another process has it. */
export async function takeJournal({ dataFolder, replica, clock, log }: JournalPlace): Promise<TakenJournal> {
  if (replica === undefined) {
    const folder = join(dataFolder, 'journal');
    const lock = lockFolder(folder);
    return {
      folder,
      replicas: undefined,
      held: true,
      lost: Promise.withResolvers<void>().promise,
      async release() {
        lock.release();
        await Promise.resolve();
      },
    };
  }
  const root = replicaRoot(dataFolder);
  const { name } = replica;
  const folder = join(root, name);
  const lost = Promise.withResolvers<void>();
  const lease = await takeFolder({
    folder,
    lapsesAfterMs: replica.adoptAfterMs,
    clock,
    onLost() {
      log.error({ journal: name }, 'another gateway has taken the journal over; nothing is admitted any more');
      lost.resolve();
    },
  });
  return {
    folder,
    replicas: { root, ...replica },
    get held() {
      return lease.held;
    },
    lost: lost.promise,
    async release(instance) {
      await lease.release();
      if (instance !== undefined && instance !== '') await folderDone(root, name, instance);
    },
  };
}
