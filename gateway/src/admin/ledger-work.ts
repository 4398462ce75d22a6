import type { BackupReport, LedgerWorkRequest } from '@tollgate/contract/admin-api/ledger.ts';
import type { LedgerVerification, LedgerWork } from '@tollgate/contract/admin-api/operations.ts';
import type { Clock } from '#kernel/clock.ts';
import { Failure } from '#kernel/errors.ts';
import type { IdSource } from '#kernel/ids.ts';
import type { Log } from '#kernel/log.ts';

/** Pieces of work that take as long as the ledger is large. */
export interface LedgerTasks {
  verify(): Promise<LedgerVerification>;
  /** Rejects with a `Failure` where the folder cannot be used. */
  backup(folder: string): Promise<BackupReport>;
  /** Resolves when everything that the journal held at the call has been shipped once more. */
  reship(): Promise<void>;
  /** How far the work under way is; null where there is none. */
  workProgress(): Promise<{ readonly doneBytes: number; readonly totalBytes: number } | null>;
}

const mostRemembered = 10;

interface Remembered {
  work: LedgerWork;
  readonly ended: Promise<void>;
}

/** Runs one piece of work at a time, whoever asks for how far it is, and remembers what came of the last ones. */
export class LedgerWorks {
  readonly #tasks: LedgerTasks;
  readonly #surroundings: { readonly clock: Clock; readonly newId: IdSource; readonly log: Log };
  readonly #works = new Map<string, Remembered>();

  constructor(
    tasks: LedgerTasks,
    surroundings: { readonly clock: Clock; readonly newId: IdSource; readonly log: Log },
  ) {
    this.#tasks = tasks;
    this.#surroundings = surroundings;
  }

  /** Throws `admin_conflict` where another is under way. */
  begin(request: LedgerWorkRequest): LedgerWork {
    const { clock, newId } = this.#surroundings;
    const running = [...this.#works.values()].find((one) => one.work.state === 'running')?.work;
    if (running !== undefined)
      throw new Failure('admin_conflict', `Another piece of work is under way: ${running.kind}, ${running.id}.`);
    const now = clock.now();
    const work: LedgerWork = {
      id: newId(now),
      kind: request.kind,
      state: 'running',
      startedAt: new Date(now).toISOString(),
      doneBytes: 0,
      totalBytes: 0,
      error: null,
      verification: null,
      backup: null,
    };
    const ended = Promise.withResolvers<void>();
    this.#works.set(work.id, { work, ended: ended.promise });
    for (const id of [...this.#works.keys()].slice(0, -mostRemembered)) this.#works.delete(id);
    void this.#run(work.id, request).then(ended.resolve);
    return work;
  }

  /** Waits so long for its end, then tells how far it is; undefined where nothing is known of it. */
  async find(id: string, waitMs: number): Promise<LedgerWork | undefined> {
    const remembered = this.#works.get(id);
    if (remembered === undefined) return undefined;
    if (remembered.work.state === 'running' && waitMs > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = this.#surroundings.clock.after(waitMs, resolve);
      await Promise.race([remembered.ended, promise]);
      timer.cancel();
    }
    if (remembered.work.state !== 'running') return remembered.work;
    return { ...remembered.work, ...(await this.#tasks.workProgress()) };
  }

  async #run(id: string, request: LedgerWorkRequest): Promise<void> {
    try {
      this.#note(id, { ...(await this.#carryOut(request)), state: 'done' });
    } catch (thrown) {
      this.#note(id, { state: 'failed', error: this.#words(id, thrown) });
    }
  }

  async #carryOut(request: LedgerWorkRequest): Promise<Partial<LedgerWork>> {
    const { kind } = request;
    if (kind === 'verify') return { verification: await this.#tasks.verify() };
    if (kind === 'backup') return { backup: await this.#tasks.backup(request.folder) };
    await this.#tasks.reship();
    return {};
  }

  #note(id: string, changes: Partial<LedgerWork>): void {
    const remembered = this.#works.get(id);
    if (remembered !== undefined) remembered.work = { ...remembered.work, ...changes };
  }

  #words(id: string, thrown: unknown): string {
    if (thrown instanceof Failure) return thrown.message;
    this.#surroundings.log.error({ err: thrown, work: id }, 'a piece of work on the ledger failed');
    return `It failed inside the gateway; the log tells more under ${id}.`;
  }
}
