import { spawn, type ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { pathToFileURL } from 'node:url';
import { project } from '#project.ts';
import type { Environment } from '#settings.ts';

export interface ChildPlan {
  /** As people call it: `gateway`, `twin`. */
  readonly name: string;
  readonly script: string;
  readonly args: readonly string[];
  readonly environment: Environment;
}

/** How a process ended, as a shell would say it: its exit status, or 128 + the signal that killed it. */
export interface Ended {
  readonly status: number;
  /** In words: `with status 1`, `by SIGKILL`. */
  readonly how: string;
}

/** Where the two streams of a child go. */
export interface Sink {
  output(text: string): void;
  error(text: string): void;
}

const keptBytes = 16 * 1024;
const shownLines = 20;

/** A program that runs as our child, in a process group of its own. */
export class Child {
  readonly name: string;
  readonly ended: Promise<Ended>;
  private readonly process: ChildProcess;
  private errors = '';
  private held = '';
  private sink: Sink | undefined;
  private readonly watchers = new Set<(text: string) => void>();

  constructor(plan: ChildPlan) {
    this.name = plan.name;
    this.process = spawn(
      process.execPath,
      ['--import', pathToFileURL(project.leaveWithParent).href, plan.script, ...plan.args],
      { env: { ...plan.environment }, stdio: ['pipe', 'pipe', 'pipe'], detached: true },
    );
    this.process.stdin?.on('error', () => {}); // it has gone; `ended` tells
    this.process.stdout?.setEncoding('utf8').on('data', (text: string) => this.heard(text));
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      if (this.sink === undefined) this.errors = (this.errors + text).slice(-keptBytes);
      else this.sink.error(text);
    });
    this.ended = new Promise((resolve) => {
      this.process.on('error', (error) => {
        this.errors += `${error.message}\n`;
        resolve({ status: 1, how: 'before it had begun' });
      });
      // 'close' and not 'exit': its last words have then been read.
      this.process.on('close', (code, signal) => resolve(ending(code, signal)));
    });
  }

  /** What it writes goes there from now on, and what it wrote before goes there first. */
  forward(sink: Sink): void {
    this.sink = sink;
    if (this.held !== '') sink.output(this.held);
    if (this.errors !== '') sink.error(this.errors);
    this.held = '';
    this.errors = '';
  }

  /** Calls `see` with all that it has written so far, and with each piece that comes. */
  watch(see: (text: string) => void): { stop(): void } {
    if (this.held !== '') see(this.held);
    this.watchers.add(see);
    return { stop: () => void this.watchers.delete(see) };
  }

  private heard(text: string): void {
    for (const see of this.watchers) see(text);
    if (this.sink === undefined) this.held += text;
    else this.sink.output(text);
  }

  /** The end of what it wrote to its standard error and nobody has seen yet. */
  lastWords(): string {
    return this.errors.trimEnd().split('\n').slice(-shownLines).join('\n');
  }

  /** False where it has ended already. */
  signal(signal: NodeJS.Signals): boolean {
    return this.process.kill(signal);
  }
}

function ending(code: number | null, signal: NodeJS.Signals | null): Ended {
  if (signal !== null) return { status: 128 + constants.signals[signal], how: `by ${signal}` };
  return { status: code ?? 1, how: `with status ${code ?? 'unknown'}` };
}
