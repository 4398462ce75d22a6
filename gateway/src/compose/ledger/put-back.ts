import type { Outbox } from '#accounting/ledger/outbox.ts';
import { isBefore } from '#accounting/ledger/ports.ts';
import { fileEnd } from '#accounting/ledger/recovery.ts';
import { openJournalFiles } from '#adapters/journal-files/journal-files.ts';
import { doneFolders, emptyJournal, type DoneFolder } from '#adapters/journal-files/replica-folders.ts';
import type { Timer } from '#kernel/clock.ts';
import { shipJournal, type ReplicaRules, type ShippingAround } from './adoption.ts';

export interface PutBackOptions {
  readonly outbox: Pick<Outbox, 'lookAgain'>;
  /** Undefined: this gateway is alone in its data folder, and nobody else's journals lie there. */
  readonly replicas: Pick<ReplicaRules, 'root'> | undefined;
  /** This gateway's journal. */
  readonly holder: () => string;
  readonly around: ShippingAround;
}

const lookEveryMs = 60_000;
/** Looks at this gateway's journal for one at all of the others, which may be many. */
const looksForOthers = 60;
/** Longer than the longest pause between two steps; whoever is gone keeps others waiting for so long. */
const leaseMs = 60_000;

/** One gateway at a time ships again what others have left. */
class PutBackLease {
  readonly #options: PutBackOptions;
  #held = false;
  /** Monotonic ms. */
  #renewAt = 0;

  constructor(options: PutBackOptions) {
    this.#options = options;
  }

  async take(): Promise<boolean> {
    const { around, holder } = this.#options;
    this.#renewAt = around.clock.monotonic() + leaseMs / 4;
    this.#held = await around.store.lease('put-back', holder(), leaseMs);
    return this.#held;
  }

  /** To be asked every second or so: a large journal takes longer than a lease, which is renewed by the way. */
  isHeld(): boolean {
    const { clock, log } = this.#options.around;
    if (clock.monotonic() >= this.#renewAt)
      this.take().catch((error: unknown) => log.debug({ error: String(error) }, 'a lease could not be renewed'));
    return this.#held;
  }
}

/**
 * Looks whether the store still has what it was told. A standby that takes over may lack the latest, a database may be
 * put back to a backup: then the journals say what is missing. Who goes on writing finds out with the next batch; this is
 * for gateways that have no calls, and for the journals of those that are gone.
 */
export class PutBackWatch {
  readonly #options: PutBackOptions;
  #timer: Timer | undefined;
  /** One look after the other. */
  #looking: Promise<void> = Promise.resolve();
  /** Looks that have not begun yet; one more would see nothing else. */
  #waiting = 0;
  /** Looks from now on until the journals of others are looked at as well. */
  #othersIn = 0;
  #started = false;
  #closed = false;
  readonly #lease: PutBackLease;

  constructor(options: PutBackOptions) {
    this.#options = options;
    this.#lease = new PutBackLease(options);
  }

  /** The store can be asked. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#lookEveryMinute();
  }

  /** Another server may answer now. Before `start` nothing is looked at. */
  look(): void {
    this.#othersIn = 0;
    this.#enqueue();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#looking;
  }

  #lookEveryMinute(): void {
    this.#enqueue();
    this.#timer = this.#options.around.clock.after(lookEveryMs, () => this.#lookEveryMinute());
  }

  #enqueue(): void {
    if (!this.#started || this.#closed || this.#waiting > 0) return;
    this.#waiting += 1;
    this.#looking = this.#looking.then(() => this.#look());
  }

  async #look(): Promise<void> {
    this.#waiting -= 1;
    const { outbox, replicas, around } = this.#options;
    try {
      await outbox.lookAgain();
      this.#othersIn -= 1;
      if (replicas === undefined || this.#closed || this.#othersIn > 0) return;
      if (await this.#lookAtOthers(replicas.root)) this.#othersIn = looksForOthers;
    } catch (error) {
      // It is asked again in a minute, and with the next batch.
      around.log.debug({ error: String(error) }, 'the store does not say how far it has got');
    }
  }

  /** False where another gateway is at it. */
  async #lookAtOthers(root: string): Promise<boolean> {
    for (const done of await doneFolders(root)) {
      if (this.#closed || !(await lacks(this.#options.around, done))) continue;
      if (!(await this.#lease.take())) return false;
      await this.#shipAgain(done);
    }
    return true;
  }

  /** One that cannot be read, or stored, keeps no other waiting. */
  async #shipAgain({ path, instance }: DoneFolder): Promise<void> {
    const { around } = this.#options;
    const { log } = around;
    log.error({ journal: instance }, 'the store was put back: what it has lost of an ended journal is shipped again');
    const goOn = (): boolean => !this.#closed && this.#lease.isHeld();
    try {
      await shipJournal(path, { ...around, openSinks: () => [] }, goOn);
    } catch (error) {
      log.error(
        { journal: instance, error: String(error) },
        'an ended journal cannot be shipped again; trying again in an hour',
      );
    }
  }
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
