import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Children, reasonNotToPin } from '#processes/children.ts';
import { DriverProcess } from '#processes/driver-process.ts';
import type { BenchOptions } from './options.ts';

/** What every phase needs: the keeper of processes, the process on the other core, a folder, a place for progress. */
export class Stage {
  readonly options: BenchOptions;
  readonly children: Children;
  readonly driver: DriverProcess;
  /** null when programs are pinned; else why not. */
  readonly notPinned: string | null;
  readonly root: string;
  #folders = 0;

  private constructor(options: BenchOptions, parts: Pick<Stage, 'children' | 'driver' | 'notPinned' | 'root'>) {
    this.options = options;
    this.children = parts.children;
    this.driver = parts.driver;
    this.notPinned = parts.notPinned;
    this.root = parts.root;
  }

  /** Sets up, runs, and takes everything down again, whatever happens and also when the user interrupts. */
  static async with<Result>(options: BenchOptions, run: (stage: Stage) => Promise<Result>): Promise<Result> {
    const notPinned = reasonNotToPin() ?? null;
    const children = new Children(notPinned === null);
    const root = mkdtempSync(join(tmpdir(), 'tollgate-bench-'));
    const remove = (): void => {
      if (!options.keep) rmSync(root, { recursive: true, force: true });
    };
    const interrupt = (signal: NodeJS.Signals): void => {
      const exit = (): never => {
        remove();
        process.exit(signal === 'SIGINT' ? 130 : 143);
      };
      children.stopAll().then(exit, exit);
    };
    process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
    try {
      const driver = await DriverProcess.start(children);
      return await run(new Stage(options, { children, driver, notPinned, root }));
    } finally {
      await children.stopAll();
      process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
      remove();
      if (options.keep) process.stderr.write(`kept: ${root}\n`);
    }
  }

  /** The core of the program under test, whose idle time is read; null when nothing is pinned. */
  get coreUnderTest(): number | null {
    return this.children.pinned ? 1 : null;
  }

  newFolder(name: string): string {
    this.#folders += 1;
    const folder = join(this.root, `${String(this.#folders).padStart(3, '0')}-${name}`);
    mkdirSync(folder);
    return folder;
  }

  progress(line: string): void {
    process.stderr.write(`${line}\n`);
  }
}
