import type { Clock, Timer } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import { spread, type RandomSource } from '#kernel/random.ts';
import { effective, isOurs, unfinishedPush } from './key-values.ts';
import type { LoadResult } from './load.ts';
import {
  type ConfigStore,
  type KeyValue,
  type LastGoodCopy,
  type StoreFailure,
  type StoreReading,
  type StoreVersion,
} from './ports.ts';
import { formatProblem, type ConfigProblem } from './problem.ts';
import { refusedWith, type ConfigSource } from './source.ts';

export interface FromStoreOptions {
  readonly store: ConfigStore;
  readonly label: string | null;
  readonly copy: LastGoodCopy;
  /** What it falls back to, where there is one; and the file that paths are relative to. */
  readonly file: { readonly path: string; readonly isThere: boolean };
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly log: Log;
}

type Kind = 'app-configuration' | 'last-good-copy' | 'file';
interface Origin {
  readonly kind: Kind;
  readonly keyValues: readonly KeyValue[];
  /** Of a copy: when it was made. */
  readonly savedAt?: number;
}

const startTries = 3;
const shortestPauseMs = 1_000;
const longestPauseMs = 10_000;
const longestWaitMs = 600_000;

/**
 * A configuration that comes from a store of key values. At the start: what the store holds; where that cannot be used, the
 * copy of what was in force last; where there is none, the file. Then the store is asked from time to time; what it holds is
 * taken over as a changed file is, and what cannot be used changes nothing.
 */
export class FromStore {
  readonly #options: FromStoreOptions;
  #origin: Origin = { kind: 'app-configuration', keyValues: [] };
  /** Read, and not in force yet. */
  #candidate: { readonly origin: Origin; readonly version: StoreVersion } | undefined;
  /** Of what is in force; undefined: it has to be read whole. */
  #version: StoreVersion | undefined;
  /** Of the candidate that was loaded last: what is read while it is judged must not be taken for it. */
  #loaded: { readonly origin: Origin; readonly version: StoreVersion } | undefined;
  #polling: Promise<boolean> | undefined;
  #failure: StoreFailure | undefined;
  #refused = false;
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: FromStoreOptions) {
    this.#options = options;
  }

  /** Where what is in force comes from. */
  get kind(): Kind {
    return this.#origin.kind;
  }

  /** Whether the store could not be asked the last time. */
  get isFailing(): boolean {
    return this.#failure !== undefined;
  }

  /** Whether what the store holds cannot be used. */
  get isRefused(): boolean {
    return this.#refused;
  }

  /** What was read, else what is in force. */
  source(): ConfigSource {
    const { file, label, store } = this.#options;
    this.#loaded = this.#candidate;
    const origin = this.#candidate?.origin ?? this.#origin;
    if (origin.kind === 'file') return { kind: 'file', path: file.path };
    const name = `${store.name}${label === null ? '' : ` (label ${label})`}${copyWords(origin)}`;
    return { kind: 'key-values', keyValues: origin.keyValues, store: store.name, name, path: file.path };
  }

  /** Reads for the first time; `load`: loads what `this.source` gives. Never rejects. */
  async start<Config>(load: () => Promise<LoadResult<Config>>): Promise<LoadResult<Config>> {
    const { copy, file, log } = this.#options;
    const first = await this.#fromStore(load);
    if (first.ok) return first;
    const problems = first.problems.filter(({ severity }) => severity === 'error').map(formatProblem);
    const kept = await copy.read().catch(() => undefined);
    const others: readonly Origin[] = [
      ...(kept === undefined ? [] : [{ kind: 'last-good-copy' as const, ...kept }]),
      ...(file.isThere ? [{ kind: 'file' as const, keyValues: [] }] : []),
    ];
    const told: ConfigProblem[] = [...first.problems];
    for (const origin of others) {
      this.#origin = origin;
      const result = await load();
      if (result.ok) {
        log.error(
          { problems, inItsPlace: result.loaded.source },
          'the configuration of the store cannot be used; the gateway starts with an older one, and goes on asking',
        );
        return result;
      }
      told.push(...result.problems);
    }
    return { ok: false, problems: told };
  }

  /** Asks the store; true where it holds something else, which `load` then gives. Never rejects; two at a time are one. */
  poll(): Promise<boolean> {
    this.#polling ??= this.#pollNow().finally(() => {
      this.#polling = undefined;
    });
    return this.#polling;
  }

  async #pollNow(): Promise<boolean> {
    const { store } = this.#options;
    try {
      if (this.#version !== undefined && !(await store.hasChanged(this.#version))) {
        this.#well();
        return false;
      }
      const reading = await store.read();
      const unfinished = unfinishedPush(reading.keyValues);
      // What is known of the store stays as it was, so that it is looked at again the next time.
      if (unfinished !== undefined) this.#unwell(unfinished);
      else this.#take(reading);
      return unfinished === undefined;
    } catch (error) {
      this.#unwell(store.failureOf(error));
      return false;
    }
  }

  /** Polls from time to time from now on; `changed` is called where that brought something. */
  follow(everyMs: () => number, changed: () => Promise<void>): void {
    const again = (): void => {
      if (this.#closed) return;
      const { clock, random } = this.#options;
      const asked = this.#failure?.waitMs ?? 0;
      // Never earlier than the store has asked for.
      const ms = Math.min(longestWaitMs, Math.max(spread(everyMs(), random), asked));
      this.#timer = clock.after(ms, () => void polled());
    };
    const polled = async (): Promise<void> => {
      if ((await this.poll()) && !this.#closed) await changed();
      again();
    };
    again();
  }

  /** What was loaded is in force, or was refused. */
  settled(inForce: boolean): void {
    const candidate = this.#loaded;
    this.#loaded = undefined;
    if (candidate === undefined) return;
    if (this.#candidate === candidate) this.#candidate = undefined;
    this.#refused = !inForce;
    // What was refused is read again the next time: what it lacked may be there by then.
    this.#version = inForce ? candidate.version : undefined;
    if (inForce) this.#accept(candidate.origin);
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  async #fromStore<Config>(load: () => Promise<LoadResult<Config>>): Promise<LoadResult<Config>> {
    const reading = await this.#readAtStart();
    if ('problem' in reading) {
      this.#failure = reading;
      return refusedWith(this.#options.store.name, reading);
    }
    this.#take(reading);
    const result = await load();
    this.settled(result.ok);
    return result;
  }

  async #readAtStart(): Promise<StoreReading | StoreFailure> {
    const { clock, store } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      let failure: StoreFailure;
      try {
        const reading = await store.read();
        const unfinished = unfinishedPush(reading.keyValues);
        if (unfinished === undefined) return reading;
        failure = unfinished;
      } catch (error) {
        failure = store.failureOf(error);
      }
      if (!failure.mayPass || attempt === startTries) return failure;
      const ms = Math.min(longestPauseMs, Math.max(failure.waitMs, shortestPauseMs * attempt));
      await new Promise<void>((resolve) => {
        clock.after(ms, resolve);
      });
    }
  }

  #take({ keyValues, version }: StoreReading): void {
    this.#well();
    this.#candidate = { origin: { kind: 'app-configuration', keyValues }, version };
  }

  #accept(origin: Origin): void {
    const { clock, copy, log } = this.#options;
    this.#origin = origin;
    // What a label overrides was never looked at: it is not kept.
    copy.write(effective(origin.keyValues.filter(isOurs)), clock.now()).catch((error: unknown) => {
      log.warn({ err: error }, 'what the store holds could not be kept for a start without the network');
    });
  }

  /** Said once, however long it lasts. */
  #unwell(failure: StoreFailure): void {
    if (this.#failure === undefined)
      this.#options.log.warn(
        { store: this.#options.store.name, problem: failure.problem, fix: failure.fix },
        'the configuration cannot be taken from its store; what is in force stays',
      );
    this.#failure = failure;
  }

  #well(): void {
    if (this.#failure !== undefined)
      this.#options.log.info({ store: this.#options.store.name }, 'the store of the configuration can be asked again');
    this.#failure = undefined;
  }
}

const copyWords = ({ savedAt }: Origin): string =>
  savedAt === undefined ? '' : `, the copy of ${new Date(savedAt).toISOString()}`;
