import { existsSync, realpathSync, watch, type FSWatcher } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Clock, Timer } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import type { LoadedConfig, LoadResult } from './load.ts';
import { formatProblem } from './problem.ts';

/** What the admin API shows of the configuration. Moments are RFC 3339, UTC. */
export interface ConfigInForce {
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
  /** Never rejects. */
  readonly load: () => LoadResult<Config> | Promise<LoadResult<Config>>;
  /** What was loaded is in force, or it was refused. */
  readonly settled?: (inForce: boolean) => void;
  /** What changes one of these is looked at. */
  readonly files: readonly string[];
  /** Puts a new configuration in force. Where it throws, the old one stays and the message becomes the problem. */
  readonly apply: (loaded: LoadedConfig<Config>) => void;
  readonly clock: Clock;
  readonly log: Log;
  /** How long the file must be quiet before it is read: editors write in several steps. */
  readonly debounceMs?: number;
}

/**
 * Follows the configuration file. Watches its folder, not the file: editors and mounted volumes replace it, and a
 * watched file that was replaced is never heard of again. A reload that fails changes nothing and is reported.
 */
export function watchConfig<Config>(options: WatchOptions<Config>): ConfigWatcher<Config> {
  const { clock, log, debounceMs = 200 } = options;
  let current = options.initial;
  let loadedAt = clock.now();
  let lastReload: ConfigInForce['lastReload'] = null;
  let timer: Timer | undefined;

  function settle(outcome: ReloadOutcome): ReloadOutcome {
    lastReload = { at: new Date(clock.now()).toISOString(), ok: outcome.ok, problems: [...outcome.problems] };
    const { problems } = outcome;
    if (!outcome.ok) log.error({ problems }, 'the configuration was not reloaded; the old one stays in force');
    else if (outcome.changed) log.info({ warnings: problems }, 'the configuration was reloaded');
    return outcome;
  }

  /** One after the other: what was fetched for one is not loaded by another. */
  let last: Promise<unknown> = Promise.resolve();
  function attempt(): Promise<ReloadOutcome> {
    const next = last.then(async () => {
      const outcome = take(await options.load());
      options.settled?.(outcome.ok);
      return outcome;
    });
    last = next;
    return next;
  }

  function take(result: LoadResult<Config>): ReloadOutcome {
    if (!result.ok) return { ok: false, changed: false, problems: result.problems.map(formatProblem) };
    const problems = result.loaded.warnings.map(formatProblem);
    if (result.loaded.digest === current.digest) return { ok: true, changed: false, problems };
    try {
      options.apply(result.loaded);
    } catch (thrown) {
      const message = thrown instanceof Error ? thrown.message : 'it could not be put in force';
      return { ok: false, changed: false, problems: [`${result.loaded.source} ${message}`] };
    }
    current = result.loaded;
    loadedAt = clock.now();
    return { ok: true, changed: true, problems };
  }

  /** The folder changes for many reasons: what reads as it did the last time is no event. */
  async function look(): Promise<void> {
    const outcome = await attempt();
    const before = lastReload ?? { ok: true, problems: [] };
    const same = outcome.ok ? before.ok : !before.ok && before.problems.join('\n') === outcome.problems.join('\n');
    if (outcome.changed || !same) settle(outcome);
  }

  const watchers = options.files.flatMap((file) =>
    watchFolders(file, {
      changed() {
        timer?.cancel();
        timer = clock.after(debounceMs, () => void look());
      },
      failed(error) {
        log.warn({ reason: error.message, file }, 'the file is not watched; reload the configuration on demand');
      },
    }),
  );

  return {
    current: () => current,
    inForce: () => ({
      source: current.source,
      loadedAt: new Date(loadedAt).toISOString(),
      lastReload,
      config: maskedConfig(current.config),
    }),
    reload: async () => settle(await attempt()),
    look,
    close() {
      timer?.cancel();
      for (const watcher of watchers) watcher.close();
    },
  };
}

/** A configuration as plain JSON: secrets show as `***`. */
export function maskedConfig(config: unknown): unknown {
  const plain: unknown = JSON.parse(JSON.stringify(config));
  return plain;
}

/** The file's folder, and that of what it links to: a mounted volume swaps the target, not the link. */
function watchFolders(
  file: string,
  on: { readonly changed: () => void; readonly failed: (error: Error) => void },
): readonly FSWatcher[] {
  const watchers: FSWatcher[] = [];
  try {
    const files = existsSync(file) ? [file, realpathSync(file)] : [file];
    const names = new Set(files.map((one) => basename(one)));
    const heard = (_event: string, name: string | null): void => {
      // `..data` is what Kubernetes swaps when it updates a mounted file.
      if (name === null || names.has(name) || name.startsWith('..')) on.changed();
    };
    for (const folder of new Set(files.map((one) => dirname(one)))) {
      const watcher = watch(folder, { persistent: false }, heard);
      watcher.on('error', on.failed);
      watchers.push(watcher);
    }
  } catch (thrown) {
    on.failed(thrown instanceof Error ? thrown : new Error(String(thrown)));
  }
  return watchers;
}
