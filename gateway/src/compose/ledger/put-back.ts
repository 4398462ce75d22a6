import { shipJournal, type ReplicaRules, type ShippingAround } from './adoption.ts';
import type { Outbox } from '#accounting/ledger/outbox.ts';
import { isBefore } from '#accounting/ledger/ports.ts';
import { fileEnd } from '#accounting/ledger/recovery.ts';
import { openJournalFiles } from '#adapters/journal-files/journal-files.ts';
import { doneFolders, emptyJournal, type DoneFolder } from '#adapters/journal-files/replica-folders.ts';
import type { Timer } from '#kernel/clock.ts';

export interface PutBackOptions {
  readonly outbox: Pick<Outbox, 'lookAgain'>;
  /** Undefined: this gateway is alone in its data folder, and nobody else's journals lie there. */
  readonly replicas: Pick<ReplicaRules, 'root'> | undefined;
  /** This gateway's journal. */
  readonly holder: () => string;
  readonly around: ShippingAround;
}

export interface PutBackWatch {
  /** The store can be asked. */
  start(): void;
  /** Another server may answer now. Before `start` nothing is looked at. */
  look(): void;
  close(): Promise<void>;
}

const lookEveryMs = 60_000;
/** Looks at this gateway's journal for one at all of the others, which may be many. */
const looksForOthers = 60;
/** Longer than the longest pause between two steps; whoever is gone keeps others waiting for so long. */
const leaseMs = 60_000;

/**
 * Looks whether the store still has what it was told. A standby that takes over may lack the latest, a database may be
 * put back to a backup: then the journals say what is missing. Who goes on writing finds out with the next batch; this is
 * for gateways that have no calls, and for the journals of those that are gone.
 */
export function watchForPutBack(options: PutBackOptions): PutBackWatch {
  const { outbox, replicas, holder, around } = options;
  const { store, clock, log } = around;
  let timer: Timer | undefined;
  let looking: Promise<void> = Promise.resolve();
  /** Looks that have not begun yet; one more would see nothing else. */
  let waiting = 0;
  /** Looks from now on until those of others are looked at as well. */
  let othersIn = 0;
  let started = false;
  let closed = false;
  let alone = false;
  /** Monotonic ms. */
  let renewAt = 0;
  const beAlone = async (): Promise<boolean> => {
    renewAt = clock.monotonic() + leaseMs / 4;
    alone = await store.lease('put-back', holder(), leaseMs);
    return alone;
  };
  /** Asked every second or so. A large journal takes longer than a lease, which is renewed by the way. */
  const goOn = (): boolean => {
    if (!closed && clock.monotonic() >= renewAt)
      beAlone().catch((error: unknown) => log.debug({ error: String(error) }, 'a lease could not be renewed'));
    return !closed && alone;
  };

  /** One that cannot be read, or stored, keeps no other waiting. */
  const shipAgain = async ({ path, instance }: DoneFolder): Promise<void> => {
    log.error({ journal: instance }, 'the store was put back: what it has lost of an ended journal is shipped again');
    try {
      await shipJournal(path, { ...around, openSinks: () => [] }, goOn);
    } catch (error) {
      log.error(
        { journal: instance, error: String(error) },
        'an ended journal cannot be shipped again; trying again in an hour',
      );
    }
  };
  /** False where another gateway is at it. */
  const journalsOfOthers = async (root: string): Promise<boolean> => {
    for (const done of await doneFolders(root)) {
      if (closed || !(await lacks(around, done))) continue;
      if (!(await beAlone())) return false;
      await shipAgain(done);
    }
    return true;
  };
  const lookOnce = async (): Promise<void> => {
    waiting -= 1;
    try {
      await outbox.lookAgain();
      othersIn -= 1;
      if (replicas === undefined || closed || othersIn > 0) return;
      if (await journalsOfOthers(replicas.root)) othersIn = looksForOthers;
    } catch (error) {
      // It is asked again in a minute, and with the next batch.
      log.debug({ error: String(error) }, 'the store does not say how far it has got');
    }
  };
  const look = (): void => {
    if (!started || closed || waiting > 0) return;
    waiting += 1;
    looking = looking.then(lookOnce);
  };
  const lookAgain = (): void => {
    look();
    timer = clock.after(lookEveryMs, lookAgain);
  };
  return {
    start() {
      if (started) return;
      started = true;
      lookAgain();
    },
    look() {
      othersIn = 0;
      look();
    },
    async close() {
      closed = true;
      timer?.cancel();
      await looking;
    },
  };
}

/** Whether the store stands before the end of a journal that it once had whole. */
async function lacks({ store }: ShippingAround, { path, instance }: DoneFolder): Promise<boolean> {
  if (instance === emptyJournal) return false;
  const files = openJournalFiles(path);
  try {
    const end = fileEnd(files);
    if (end === null) return false;
    const stored = await store.checkpoint(instance);
    return stored === null || isBefore(stored.shipped, end);
  } finally {
    files.close();
  }
}
