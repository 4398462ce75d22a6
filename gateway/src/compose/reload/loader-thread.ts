import { startWorker, type Remote } from '#adapters/worker-thread/worker-link.ts';
import type { LoadedList } from '#compose/prices/lists.ts';
import type { Rules } from '#compose/rules.ts';
import type { Config } from '#config-sections.ts';
import type { LoadedConfig, LoadOutcome } from '#config/load.ts';
import { Unpacking } from '#config/parcels.ts';
import { secretPlaces, type SecretPlaces } from '#config/secrets.ts';
import { refusedWith, type ConfigSource } from '#config/source.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import type { Loading, LoadingData, LoadRequest } from './messages.ts';

/** What the configuration needs of secrets that stand elsewhere. */
interface OutsideSecrets {
  /** All that is known of them, by reference. */
  all(): LoadRequest['held'];
  want(references: readonly string[]): void;
  /** Reads what is wanted and not held; false where nothing was. Never rejects. */
  fetchMissing(): Promise<boolean>;
}

export interface LoaderThreadOptions {
  readonly data: LoadingData;
  /** Another root for the thread. */
  readonly worker: URL | undefined;
  readonly rules: Rules;
  readonly secrets: OutsideSecrets;
  readonly clock: Clock;
  readonly log: Log;
}

const usualWorker = new URL('../../config-worker.ts', import.meta.url);
/** Whoever has not read a configuration by then never will: a volume that hangs, for one. */
const longestMs = 120_000;

/**
 * Loads configurations while calls are answered: each in a thread that is started for it, and taken over from there in
 * pieces. One at a time.
 */
export class LoaderThread {
  readonly #options: LoaderThreadOptions;
  readonly #places = new WeakMap<Config, SecretPlaces>();
  #under: AbortController | undefined;
  #closed = false;

  constructor(options: LoaderThreadOptions) {
    this.#options = options;
  }

  /** Never rejects. `current`: what is in force; where nothing has changed, it is what comes out. */
  async load(source: () => ConfigSource, current: LoadedConfig<Config>): Promise<LoadOutcome<Config>> {
    const { clock, data } = this.#options;
    const under = new AbortController();
    this.#under = under;
    if (this.#closed) under.abort();
    const late = Promise.withResolvers<never>();
    const timer = clock.after(longestMs, () => late.reject(new Error(`it took longer than ${longestMs / 1000} s`)));
    try {
      return await Promise.race([late.promise, this.#load(source, current, under.signal)]);
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      return refusedWith(data.settings.configFile, {
        problem: `it could not be loaded: ${reason}`,
        fix: 'Reload it again.',
      });
    } finally {
      timer.cancel();
      under.abort();
    }
  }

  /** Where the secrets of a configuration stand. */
  placesOf(config: Config): SecretPlaces {
    const places = this.#places.get(config) ?? secretPlaces(config);
    this.#places.set(config, places);
    return places;
  }

  /** Ends a load that is under way. */
  close(): void {
    this.#closed = true;
    this.#under?.abort();
  }

  async #load(
    source: () => ConfigSource,
    current: LoadedConfig<Config>,
    ended: AbortSignal,
  ): Promise<LoadOutcome<Config>> {
    const { secrets } = this.#options;
    const loading = await this.#start(ended);
    const first = await this.#loadOnce(loading, source(), current);
    if (!(await secrets.fetchMissing())) return await this.#taken(loading, first, current);
    return await this.#taken(loading, await this.#loadOnce(loading, source(), current), current);
  }

  async #start(ended: AbortSignal): Promise<Remote<Loading>> {
    const { data, worker = usualWorker, clock, log } = this.#options;
    const link = await startWorker<{ readonly loading: Loading }>({
      name: 'configuration',
      url: worker,
      workerData: data,
      clock,
      log,
      serviceNames: ['loading'],
      ended,
    });
    return link.services.loading;
  }

  async #loadOnce(loading: Remote<Loading>, source: ConfigSource, current: LoadedConfig<Config>) {
    const { rules, secrets, clock } = this.#options;
    const answer = await loading.load({
      source,
      held: secrets.all(),
      digest: current.digest,
      listDigest: rules.listOf(current.config).digest,
      now: clock.now(),
    });
    secrets.want(answer.wanted);
    return answer;
  }

  async #taken(
    loading: Remote<Loading>,
    answer: Awaited<ReturnType<Remote<Loading>['load']>>,
    current: LoadedConfig<Config>,
  ): Promise<LoadOutcome<Config>> {
    if (!answer.ok) return answer;
    const { source, digest, warnings, priceBook, sends } = answer;
    if (sends === 'nothing') return { ok: true, loaded: { ...current, warnings } };
    const { rules } = this.#options;
    const unpacking = new Unpacking();
    // Each of them arrives in a turn of its own.
    for (let parcel = await loading.next(); parcel !== null; parcel = await loading.next()) unpacking.add(parcel);
    const { value, places } = unpacking.done();
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the other thread has packed it: see `Loading.next`
    const { config, list } = value as { readonly config: Config; readonly list?: LoadedList };
    rules.adopt(config, { list: list ?? rules.listOf(current.config), priceBook });
    this.#places.set(config, places);
    return { ok: true, loaded: { source, config, digest, warnings } };
  }
}
