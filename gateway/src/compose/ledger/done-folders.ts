import type { ReplicaRules } from './adoption.ts';
import type { ArchiveRules } from './archive.ts';
import { doneFolders, lastWritten, removeFolder } from '#adapters/journal-files/replica-folders.ts';
import type { Clock, Timer } from '#kernel/clock.ts';
import { SteadyClock } from '#kernel/steady-clock.ts';
import type { Log } from '#kernel/log.ts';

export interface DoneOptions {
  /** Undefined: this gateway is alone in its data folder, and puts none away. */
  readonly replicas: Pick<ReplicaRules, 'root'> | undefined;
  readonly rules: ArchiveRules | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** Journals of gateways that have ended, or were adopted: everything in them is in the store. */
export interface DoneJournals {
  /** Their ids. */
  list(): Promise<readonly string[]>;
  start(): void;
  close(): Promise<void>;
}

const tidyEveryMs = 3_600_000;
/** Nothing is removed by a clock that was set so lately, ms: it may be wrong by a year, and be set right. */
const steadyMs = 3_600_000;
const lookAtClockEveryMs = 60_000;

/** Keeps them as long as archives are kept, and no longer. */
export function keepDoneJournals({ replicas, rules, clock, log }: DoneOptions): DoneJournals {
  const list = async (): Promise<readonly string[]> =>
    replicas === undefined ? [] : (await doneFolders(replicas.root)).map(({ instance }) => instance);
  if (replicas === undefined || rules === undefined || rules.keepFor === null)
    return { list, start: () => undefined, close: async () => await Promise.resolve() };
  const { root } = replicas;
  const keptMs = rules.after + rules.keepFor;
  let timer: Timer | undefined;
  let tidying: Promise<void> | undefined;
  let closed = false;
  const steady = new SteadyClock(clock);
  let nextAt = 0;
  const removeOld = async (now: number): Promise<void> => {
    for (const { path, instance } of await doneFolders(root)) {
      const at = await lastWritten(path);
      if (at === undefined || now - at < keptMs) continue;
      await removeFolder(path);
      log.info({ journal: instance, lastWritten: new Date(at).toISOString() }, 'a journal was kept for long enough');
    }
  };
  const tidy = async (): Promise<void> => {
    try {
      // The clock is looked at more often than the folders: a jump is dated to the look that finds it.
      if (steady.steadyForMs() >= steadyMs && clock.monotonic() >= nextAt) {
        nextAt = clock.monotonic() + tidyEveryMs;
        await removeOld(clock.now());
      }
    } catch (error) {
      log.error({ error: String(error) }, 'old journals cannot be removed; nothing is lost, but they take up space');
    }
    if (!closed)
      timer = clock.after(lookAtClockEveryMs, () => {
        tidying = tidy();
      });
  };
  return {
    list,
    start() {
      tidying ??= tidy();
    },
    async close() {
      closed = true;
      timer?.cancel();
      await tidying;
    },
  };
}
