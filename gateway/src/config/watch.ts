import type { Clock, Timer } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import { followFiles, type FileSigns, type FollowedFiles } from './follow-files.ts';
import type { LoadedConfig, LoadOutcome } from './load.ts';
import { formatProblem } from './problem.ts';

/** What the admin API shows of the configuration. Moments are RFC 3339, UTC. */
interface ConfigInForce {
  readonly source: string;
  readonly loadedAt: string;
  /** The last attempt to reload; a bad one keeps the old configuration. */
  readonly lastReload: { readonly at: string; readonly ok: boolean; readonly problems: string[] } | null;
  /** Resolved, as plain JSON; secrets are `***`. */
  readonly config: unknown;
}

export interface ReloadOutcome {
  readonly ok: boolean;
  /** False where what was loaded is what is in force already. */
  readonly changed: boolean;
  /** One line each, with file, line and column. */
  readonly problems: readonly string[];
}

/** The configuration in force, and the way to another one. */
export interface ConfigWatcher<Config> {
  current(): LoadedConfig<Config>;
  inForce(): ConfigInForce;
  /** Loads it now, also where nothing has changed the file: the environment's files may have. Never rejects. */
  reload(): Promise<ReloadOutcome>;
  /** Loads it now, and says something only where that comes out otherwise than before. Never rejects. */
  look(): Promise<void>;
  close(): void;
}

export interface WatchOptions<Config> {
  readonly initial: LoadedConfig<Config>;
  /** `current`: what is in force. Never rejects. */
  readonly load: (current: LoadedConfig<Config>) => LoadOutcome<Config> | Promise<LoadOutcome<Config>>;
  /** What was loaded is in force, or it was refused. */
  readonly settled?: (inForce: boolean) => void;
  /** What changes one of these is looked at. `config`: what is in force. */
  readonly files: (config: Config) => FollowedFiles;
  /** What files were like when `initial` was read. */
  readonly seen?: FileSigns;
  /**
   * Whether what was refused is loaded again by and by: it may have lacked a file that comes later, which nobody follows
   * yet. Where somebody else asks for that, no.
   */
  readonly again?: boolean;
  /** Puts a new configuration in force. Where it rejects, the old one stays and the message becomes the problem. */
  readonly apply: (loaded: LoadedConfig<Config>) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
  /** How long the file must be quiet before it is read: editors write in several steps. */
  readonly debounceMs?: number;
}

const closing = 'the gateway is going down: the next one loads what is written then';

/** A file that is never quiet is read all the same, after so long. */
const longestDebounceMs = 10_000;
/** What was refused is loaded again after so long, then after twice that; a thread each time, of which nobody notices. */
const firstAgainMs = 15_000;
const longestAgainMs = 600_000;

/**
 * Follows the files of a configuration. A reload that fails changes nothing and is reported. Reloads come one after the
 * other; those that are asked for while one is under way are one.
 */
export function watchConfig<Config>(options: WatchOptions<Config>): ConfigWatcher<Config> {
  const { clock, log, debounceMs = 200, files, seen } = options;
  const reloads = new Reloads({
    ...options,
    settled(inForce) {
      options.settled?.(inForce);
      if (inForce) void followed.meet();
    },
  });
  let timer: Timer | undefined;
  /** Of what was heard and not looked at yet; monotonic ms. */
  let heardAt: number | undefined;
  const followed = followFiles({
    files: () => files(reloads.current.config),
    ...(seen === undefined ? {} : { seen }),
    changed() {
      heardAt ??= clock.monotonic();
      timer?.cancel();
      const ms = Math.min(debounceMs, Math.max(0, heardAt + longestDebounceMs - clock.monotonic()));
      timer = clock.after(ms, () => {
        heardAt = undefined;
        void reloads.attempt(false);
      });
    },
    clock,
    log,
  });
  return {
    current: () => reloads.current,
    inForce: () => reloads.inForce(),
    reload: async () => await reloads.attempt(true),
    async look() {
      await reloads.attempt(false);
    },
    close() {
      timer?.cancel();
      followed.close();
      reloads.close();
    },
  };
}

class Reloads<Config> {
  readonly #options: WatchOptions<Config>;
  current: LoadedConfig<Config>;
  #loadedAt: number;
  #lastReload: ConfigInForce['lastReload'] = null;
  #closed = false;
  #againMs = firstAgainMs;
  #again: Timer | undefined;
  /** One after the other: what was fetched for one is not loaded by another. */
  #last: Promise<unknown> = Promise.resolve();
  /** Not begun yet: it sees whatever is written until it does. */
  #next: { readonly outcome: Promise<ReloadOutcome>; onDemand: boolean } | undefined;

  constructor(options: WatchOptions<Config>) {
    this.#options = options;
    this.current = options.initial;
    this.#loadedAt = options.clock.now();
  }

  /** `onDemand`: its outcome is told in any case. Never rejects. */
  attempt(onDemand: boolean): Promise<ReloadOutcome> {
    if (this.#next === undefined) {
      const outcome = this.#last.then(() => this.#begin());
      this.#next = { outcome, onDemand };
      this.#last = outcome;
    }
    this.#next.onDemand ||= onDemand;
    return this.#next.outcome;
  }

  inForce(): ConfigInForce {
    const { source, config } = this.current;
    return {
      source,
      loadedAt: new Date(this.#loadedAt).toISOString(),
      lastReload: this.#lastReload,
      config: maskedConfig(config),
    };
  }

  close(): void {
    this.#closed = true;
    this.#again?.cancel();
  }

  async #begin(): Promise<ReloadOutcome> {
    const onDemand = this.#next?.onDemand === true;
    this.#next = undefined;
    if (this.#closed) return { ok: false, changed: false, problems: [closing] };
    const outcome = await this.#take(await this.#options.load(this.current));
    this.#options.settled?.(outcome.ok);
    this.#comeBack(outcome);
    if (!this.#closed && (onDemand || this.#isNews(outcome))) this.#tell(outcome);
    return outcome;
  }

  /** Where it was refused, and goes on being so: later each time. */
  #comeBack({ ok }: ReloadOutcome): void {
    const { again = false, clock } = this.#options;
    this.#again?.cancel();
    if (ok) this.#againMs = firstAgainMs;
    if (ok || !again || this.#closed) return;
    this.#again = clock.after(this.#againMs, () => void this.attempt(false));
    this.#againMs = Math.min(2 * this.#againMs, longestAgainMs);
  }

  async #take(result: LoadOutcome<Config>): Promise<ReloadOutcome> {
    if (!result.ok) return { ok: false, changed: false, problems: result.problems.map(formatProblem) };
    const { loaded } = result;
    // What it would be put in force in is being closed.
    if (this.#closed) return { ok: false, changed: false, problems: [closing] };
    const problems = loaded.warnings.map(formatProblem);
    if (loaded.digest === this.current.digest) return { ok: true, changed: false, problems };
    try {
      await this.#options.apply(loaded);
    } catch (thrown) {
      const message = thrown instanceof Error ? thrown.message : 'it could not be put in force';
      return { ok: false, changed: false, problems: [`${loaded.source} ${message}`] };
    }
    this.current = loaded;
    this.#loadedAt = this.#options.clock.now();
    return { ok: true, changed: true, problems };
  }

  /** The folder changes for many reasons: what reads as it did the last time is no event. */
  #isNews({ ok, changed, problems }: ReloadOutcome): boolean {
    const before = this.#lastReload ?? { ok: true, problems: [] };
    const isSame = ok ? before.ok : !before.ok && before.problems.join('\n') === problems.join('\n');
    return changed || !isSame;
  }

  #tell({ ok, changed, problems }: ReloadOutcome): void {
    const { clock, log } = this.#options;
    this.#lastReload = { at: new Date(clock.now()).toISOString(), ok, problems: [...problems] };
    if (!ok) log.error({ problems }, 'the configuration was not reloaded; the old one stays in force');
    else if (changed) log.info({ warnings: problems }, 'the configuration was reloaded');
  }
}

/** A configuration as plain JSON: secrets show as `***`. */
export function maskedConfig(config: unknown): unknown {
  const plain: unknown = JSON.parse(JSON.stringify(config));
  return plain;
}
