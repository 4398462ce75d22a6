import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess, StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';

/** Which core a process is to have to itself: upstream and load share one, the program under test has the other. */
type Core = 'load' | 'under-test';

export interface StartOptions {
  readonly core: Core;
  readonly stdio: StdioOptions;
  /** Added to the benchmark's own environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** How long a process may take to end after SIGTERM before it is killed. */
const patienceMs = 15_000;

/** The processes that a run has started, and no others: each is ended by its id, whatever happens to the run. */
export class Children {
  readonly pinned: boolean;
  readonly #running = new Set<ChildProcess>();
  readonly #killAll = (): void => {
    for (const child of this.#running) child.kill('SIGKILL');
  };

  constructor(pinned: boolean) {
    this.pinned = pinned;
    process.on('exit', this.#killAll);
  }

  /** Starts this same Node with the arguments. taskset replaces itself with it, so the id is the program's own. */
  start(args: readonly string[], options: StartOptions): ChildProcess {
    const cpu = options.core === 'load' ? '0' : '1';
    const [command, rest] = this.pinned
      ? ['taskset', ['-c', cpu, process.execPath, ...args]]
      : [process.execPath, [...args]];
    const child = spawn(command, rest, { stdio: options.stdio, env: { ...process.env, ...options.env } });
    this.#running.add(child);
    child.on('exit', () => this.#running.delete(child));
    child.on('error', () => this.#running.delete(child));
    return child;
  }

  /** Asks a process to end and waits until it has; kills it when it does not. The exit code, null after a signal. */
  async stop(child: ChildProcess): Promise<number | null> {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs);
    await exited;
    clearTimeout(timer);
    return child.exitCode;
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#running].map((child) => this.stop(child)));
    process.off('exit', this.#killAll);
  }
}

/** Pinning needs Linux, two cores that this process may use, and taskset (util-linux). Why not, or undefined. */
export function reasonNotToPin(): string | undefined {
  if (process.platform !== 'linux') return `${process.platform} has no /proc and no taskset`;
  if (availableParallelism() < 2) return 'there is only one core';
  try {
    execFileSync('taskset', ['-c', '0,1', 'true'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'taskset cannot bind to cores 0 and 1 here';
  }
}

/** The next message of a child of this program that has an IPC channel. Rejects when the child ends without one. */
export async function nextMessage<Message>(child: ChildProcess): Promise<Message> {
  return await new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      child.off('message', onMessage).off('error', onError).off('exit', onExit);
      act();
    };
    const onMessage = (message: Message): void => settle(() => resolve(message));
    const onError = (error: Error): void => settle(() => reject(error));
    const onExit = (code: number | null, signal: string | null): void =>
      settle(() => reject(new Error(`a process of the benchmark ended (${String(code ?? signal)})`)));
    child.on('message', onMessage).on('error', onError).on('exit', onExit);
  });
}
