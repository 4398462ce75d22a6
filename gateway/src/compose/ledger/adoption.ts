import { join } from 'node:path';
import { sinkProgress, type OpenSinks } from './sinks.ts';
import { journalInstruments } from '#accounting/ledger/instruments.ts';
import { Journal } from '#accounting/ledger/journal.ts';
import { Outbox, type OutboxOptions } from '#accounting/ledger/outbox.ts';
import type { JournalFiles, LedgerSink, LedgerStore } from '#accounting/ledger/ports.ts';
import { SharedProgress } from '#accounting/ledger/progress.ts';
import { instanceOf, recoverFrom, type Recovered } from '#accounting/ledger/recovery.ts';
import { SegmentAppender } from '#accounting/ledger/segment-appender.ts';
import { settleLost } from '#accounting/ledger/settle-lost.ts';
import { holdFolder, leaseIn, renewEveryMs } from '#adapters/journal-files/folder-lease.ts';
import { openJournalFiles } from '#adapters/journal-files/journal-files.ts';
import { adoptFolder, emptyJournal, folderDone, replicaFolders } from '#adapters/journal-files/replica-folders.ts';
import type { Clock, Timer } from '#kernel/clock.ts';
import { ulidSource } from '#kernel/ids.ts';
import type { Log } from '#kernel/log.ts';
import { Metrics } from '#kernel/metrics.ts';

/** Several gateways keep their journals on one volume, each in a folder of its own. */
export interface ReplicaRules {
  /** Where the folders are. */
  readonly root: string;
  /** This gateway's own. */
  readonly name: string;
  /** A folder whose lease was not renewed for so long is taken over, ms. */
  readonly adoptAfterMs: number;
}

/** What a journal is shipped with. */
export interface ShippingAround {
  readonly store: LedgerStore;
  /** Who is told beside the store. */
  readonly openSinks: OpenSinks;
  readonly clock: Clock;
  readonly log: Log;
}

export interface AdoptionOptions extends ShippingAround {
  /** Undefined: this gateway is alone in its data folder. */
  readonly rules: ReplicaRules | undefined;
}

export interface Adoption {
  /** The store can be written to. */
  start(): void;
  close(): Promise<void>;
}

/** What is known of a folder that another gateway has, or had. */
interface Seen {
  readonly lease: string;
  /** Monotonic ms: by the clock of the one who looks, since clocks of machines differ. */
  readonly since: number;
}

const shipLookMs = 1_000;
const longestTellingMs = 60_000;
/** Little is written to an adopted journal: the ends of attempts that have none. */
const segmentBytes = 64 * 1024 * 1024;

/** Looks for journals of gateways that are gone, and carries what they hold into the store, until it is closed. */
export function keepAdopting({ rules, ...around }: AdoptionOptions): Adoption {
  if (rules === undefined) return { start: () => undefined, close: async () => await Promise.resolve() };
  const adopter = new Adopter(rules, around);
  return {
    start: () => adopter.start(),
    close: async () => await adopter.close(),
  };
}

class Adopter {
  readonly #rules: ReplicaRules;
  readonly #around: ShippingAround;
  readonly #seen = new Map<string, Seen>();
  readonly #id: string;
  #timer: Timer | undefined;
  #looking: Promise<void> = Promise.resolve();
  #started = false;
  #closed = false;

  constructor(rules: ReplicaRules, around: ShippingAround) {
    this.#rules = rules;
    this.#around = around;
    this.#id = ulidSource()(around.clock.now());
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#lookAgain();
  }

  /** What is half done is left to others, whose turn comes when its lease has lapsed. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#looking;
  }

  #lookAgain(): void {
    this.#looking = this.#lookOnce();
  }

  async #lookOnce(): Promise<void> {
    const { clock, log } = this.#around;
    try {
      await this.#look();
    } catch (error) {
      log.error({ error: String(error) }, 'journals of other gateways cannot be looked at; trying again');
    }
    if (!this.#closed) this.#timer = clock.after(renewEveryMs(this.#rules.adoptAfterMs), () => this.#lookAgain());
  }

  async #look(): Promise<void> {
    const { root, name: own } = this.#rules;
    const names = new Set(await replicaFolders(root));
    for (const gone of this.#seen.keys()) if (!names.has(gone)) this.#seen.delete(gone);
    for (const name of names) {
      if (this.#closed) return;
      if (name !== own && (await this.#hasLapsed(name))) await this.#tryToAdopt(name);
    }
  }

  /** One that cannot be read, or stored, or put away waits for its next turn, and keeps no other waiting. */
  async #tryToAdopt(name: string): Promise<void> {
    try {
      await this.#adopt(name);
    } catch (error) {
      this.#around.log.error(
        { journal: name, error: String(error) },
        'the journal of a gateway that is gone cannot be adopted; trying again',
      );
    }
  }

  async #hasLapsed(name: string): Promise<boolean> {
    const now = this.#around.clock.monotonic();
    const lease = await leaseIn(join(this.#rules.root, name));
    const seen = this.#seen.get(name);
    if (seen?.lease === lease) return now - seen.since >= this.#rules.adoptAfterMs;
    this.#seen.set(name, { lease, since: now });
    return false;
  }

  async #adopt(name: string): Promise<void> {
    const { root, adoptAfterMs } = this.#rules;
    const { clock, log } = this.#around;
    const taken = await adoptFolder(root, name, this.#id);
    // Somebody else was faster.
    if (taken === undefined) return;
    const folder = join(root, taken);
    const lease = await holdFolder({ folder, lapsesAfterMs: adoptAfterMs, clock, onLost: () => undefined });
    try {
      const adopted = await shipJournal(folder, this.#around, () => !this.#closed && lease.held);
      if (adopted === undefined) return;
      log.info({ journal: name, ...adopted }, 'the journal of a gateway that is gone was adopted');
      await lease.release();
      await folderDone(root, taken, adopted.instance);
    } finally {
      await lease.release();
    }
  }
}

interface Adopted {
  readonly instance: string;
  /** Settles and adjustments that the store had not. */
  readonly records: number;
  /** Attempts that nobody will end any more. */
  readonly lost: number;
}

/** Carries everything in a journal into the store; undefined where it was broken off. */
export async function shipJournal(
  folder: string,
  around: ShippingAround,
  goOn: () => boolean,
): Promise<Adopted | undefined> {
  const { store, openSinks, clock, log } = around;
  const files = openJournalFiles(folder);
  try {
    const instance = instanceOf(files);
    // Its gateway ended before it had written anything.
    if (instance === null) return { instance: emptyJournal, records: 0, lost: 0 };
    const stored = await store.checkpoint(instance);
    const recovered = recoverFrom(stored, files, instance);
    if (stored !== null && recovered.checkpoint !== stored) await store.append([], recovered.checkpoint);
    const progress = new SharedProgress();
    await endJournal({ files, instance, recovered, progress }, around);
    const told = { files, instance, clock, log };
    if (!(await shipTo(store, { ...told, progress }, goOn))) return undefined;
    for (const sink of openSinks(folder)) {
      // One that is away keeps the folder waiting, and nobody else's.
      const until = clock.monotonic() + longestTellingMs;
      const inTime = (): boolean => goOn() && clock.monotonic() < until;
      if (!(await shipTo(sink, { ...told, progress: sinkProgress(progress, () => undefined) }, inTime)))
        return undefined;
    }
    return { instance, records: progress.settles() - recovered.checkpoint.settles, lost: recovered.lost.length };
  } finally {
    files.close();
  }
}

/** False where it was broken off before the sink had everything. */
async function shipTo(
  sink: LedgerSink,
  from: Omit<OutboxOptions, 'store'> & { readonly instance: string },
  goOn: () => boolean,
): Promise<boolean> {
  const outbox = new Outbox({ ...from, store: sink });
  await outbox.start(from.instance);
  try {
    while (!(await outbox.caughtUp(shipLookMs))) if (!goOn()) return false;
    return true;
  } finally {
    await outbox.close();
  }
}

/** Writes the ends of attempts that have none. */
async function endJournal(
  from: {
    readonly files: JournalFiles;
    readonly instance: string;
    readonly recovered: Recovered;
    readonly progress: SharedProgress;
  },
  { store, clock, log }: ShippingAround,
): Promise<void> {
  const { files, instance, recovered, progress } = from;
  cutTornTail(files, recovered);
  const journal = new Journal({
    appender: new SegmentAppender({ files: sealed(files), clock, instance, segmentBytes, end: recovered.end }),
    files: { setAside: () => undefined, giveBack: () => undefined },
    clock,
    log,
    durability: 'disk',
    progress,
    instruments: journalInstruments(new Metrics(), progress),
    settles: recovered.settles,
    openAttempts: recovered.lost,
    lowWater: recovered.checkpoint.lowWater,
    onWritten: () => undefined,
  });
  await settleLost({ journal, lost: recovered.lost, find: async (keys) => await store.find(keys) }, { clock, log });
  await journal.close();
}

function cutTornTail(files: JournalFiles, { end, tornTailBytes }: Recovered): void {
  if (end === null || tornTailBytes === 0) return;
  const file = files.append(end.segment);
  file.truncate(end.offset);
  file.close();
}

/**
 * The files as if they were archived: what is written goes into a new segment. A gateway that was only frozen, and wakes,
 * still has the old one open, and must not write over it.
 */
function sealed(files: JournalFiles): JournalFiles {
  return { ...files, list: () => files.list().map((one) => ({ ...one, archived: true })) };
}
