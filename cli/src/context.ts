import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { exitCodes } from './failure.ts';
import { readSettings, type Environment, type Settings } from './settings.ts';

/** Standard output or standard error. */
export interface Terminal {
  write(text: string): void;
  /** Resolves when there is room for more: whoever writes without end waits for it. */
  drained(): Promise<void>;
  /** Whether somebody looks at it: progress is rewritten in place only then. */
  readonly interactive: boolean;
  readonly colour: boolean;
  /** Characters that fit a line; undefined where nobody looks, and lines may be as long as they are. */
  readonly columns?: number | undefined;
}

export interface Clock {
  /** UTC milliseconds since the epoch. */
  now(): number;
  /** Resolves after `ms`, or as soon as the signal is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** What a command has of the world; tests give it one of their own. */
export interface Context {
  readonly environment: Environment;
  /** Throws CommandFailure where the environment makes no sense; not read before it is needed. */
  readonly settings: Settings;
  readonly out: Terminal;
  readonly err: Terminal;
  readonly clock: Clock;
  /** The exit status of a command that did its work; one that threw says its own. */
  exitCode: number;
}

function terminal(stream: NodeJS.WriteStream, environment: Environment): Terminal {
  const refused = (environment['NO_COLOR'] ?? '') !== '' || environment['TERM'] === 'dumb';
  const forced = (environment['FORCE_COLOR'] ?? '0') !== '0';
  return {
    write: (text) => void stream.write(text),
    async drained() {
      if (stream.writableNeedDrain) await once(stream, 'drain');
    },
    interactive: stream.isTTY,
    get columns() {
      return stream.isTTY ? stream.columns : undefined;
    },
    colour: !refused && (forced || stream.isTTY),
  };
}

async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
  } catch (thrown) {
    if (signal?.aborted !== true) throw thrown;
  }
}

export function systemContext(): Context {
  const environment = process.env;
  return {
    environment,
    get settings() {
      return readSettings(environment);
    },
    out: terminal(process.stdout, environment),
    err: terminal(process.stderr, environment),
    clock: { now: () => Date.now(), sleep },
    exitCode: exitCodes.ok,
  };
}
