import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, Timer } from '#kernel/clock.ts';
import { ulidSource } from '#kernel/ids.ts';
import { FolderInUse } from './folder-lock.ts';

/** A folder on a volume that several machines share, where no lock of an operating system reaches. */
export interface FolderLease {
  /** False as soon as somebody else may have taken the folder: nothing new is begun in it. */
  readonly held: boolean;
  /** Ends it; others need not wait until it lapses. */
  release(): Promise<void>;
}

export interface LeaseOptions {
  readonly folder: string;
  /** Others may take the folder when it was not renewed for so long, ms. */
  readonly lapsesAfterMs: number;
  readonly clock: Clock;
  /** Called once, when somebody else has taken the folder. */
  readonly onLost: () => void;
}

const leaseName = 'lease';

/** The lease as it stands in a folder; empty where there is none. It says nothing but that it was written anew. */
export async function leaseIn(folder: string): Promise<string> {
  try {
    return await readFile(join(folder, leaseName), 'utf8');
  } catch (error) {
    if (isMissing(error)) return '';
    throw error;
  }
}

/** How often a lease is renewed: several times before it lapses, so that one that fails changes nothing. */
export const renewEveryMs = (lapsesAfterMs: number): number => Math.min(2_000, Math.ceil(lapsesAfterMs / 10));

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');

/**
 * Takes a folder that bears this process's own name; makes it where it is missing. One that a lease stands in is watched
 * for a while first: the container may have been started anew in its place, or somebody lives who has the same name.
 * Rejects with `FolderInUse`.
 */
export async function takeFolder(options: LeaseOptions): Promise<FolderLease> {
  const { folder, lapsesAfterMs, clock } = options;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const found = await leaseIn(folder);
  if (found !== '') {
    await pause(clock, renewEveryMs(lapsesAfterMs) * 2.5);
    const now = await leaseIn(folder);
    if (now !== '' && now !== found) throw new FolderInUse(folder, '');
    // Somebody may have adopted it meanwhile: then this one begins with nothing.
    await mkdir(folder, { recursive: true, mode: 0o700 });
  }
  return await holdFolder(options);
}

/** A clock's timers keep no process alive, and at the start of one nothing else does. */
async function pause(clock: Clock, ms: number): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  port1.ref();
  await new Promise<void>((resolve) => {
    clock.after(ms, resolve);
  });
  port1.close();
  port2.close();
}

/** Begins a lease in a folder that nobody else has, and renews it until it is released or lost. */
export async function holdFolder(options: LeaseOptions): Promise<FolderLease> {
  const lease = new Lease(options);
  await lease.begin();
  return lease;
}

class Lease implements FolderLease {
  readonly #options: LeaseOptions;
  readonly #holder: string;
  #beat = 0;
  #renewedAt = 0;
  #lost = false;
  #timer: Timer | undefined;
  #renewing: Promise<void> = Promise.resolve();
  #released = false;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#holder = ulidSource()(options.clock.now());
  }

  /** Time that passed unseen, in a frozen machine, counts: the clock is looked at, not a timer waited for. */
  get held(): boolean {
    const { clock, lapsesAfterMs } = this.#options;
    return !this.#lost && clock.monotonic() - this.#renewedAt < lapsesAfterMs / 2;
  }

  async begin(): Promise<void> {
    await this.#write();
    this.#schedule();
  }

  async release(): Promise<void> {
    this.#released = true;
    this.#timer?.cancel();
    await this.#renewing;
    if (!this.#lost) await rm(join(this.#options.folder, leaseName), { force: true });
  }

  #schedule(): void {
    if (this.#released || this.#lost) return;
    const { clock, lapsesAfterMs } = this.#options;
    this.#timer = clock.after(renewEveryMs(lapsesAfterMs), () => {
      this.#renewing = this.#renew().finally(() => this.#schedule());
    });
  }

  async #renew(): Promise<void> {
    try {
      const standing = await leaseIn(this.#options.folder);
      if (!standing.startsWith(this.#holder)) {
        this.#lose();
        return;
      }
      await this.#write();
    } catch (error) {
      // Anything else may pass; `held` ends by itself where it does not.
      if (isMissing(error)) this.#lose();
    }
  }

  async #write(): Promise<void> {
    const { folder, clock } = this.#options;
    const begun = clock.monotonic();
    const fresh = join(folder, `${leaseName}.${this.#holder}`);
    this.#beat += 1;
    await writeFile(fresh, `${this.#holder} ${this.#beat}\n`, { mode: 0o600 });
    await rename(fresh, join(folder, leaseName));
    this.#renewedAt = begun;
  }

  #lose(): void {
    if (this.#lost || this.#released) return;
    this.#lost = true;
    this.#options.onLost();
  }
}
