import path from 'node:path';
import type { Logger } from 'pino';
import { lastGoodFile, readKeyValuesFile } from '#adapters/app-configuration/last-good.ts';
import { AppConfigurationStore } from '#adapters/app-configuration/store.ts';
import { KeyVaultSecrets } from '#adapters/key-vault/key-vault-secrets.ts';
import type { Config } from '#config-sections.ts';
import { signsOf, type FileSigns, type FollowedFiles } from '#config/follow-files.ts';
import type { LoadedConfig, LoadResult } from '#config/load.ts';
import { FromStore } from '#config/from-store.ts';
import type { ConfigSource } from '#config/source.ts';
import { watchConfig, type ConfigWatcher, type ReloadOutcome } from '#config/watch.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Metrics } from '#kernel/metrics.ts';
import { systemRandom, type RandomSource } from '#kernel/random.ts';
import type { TokenProvider } from '#proxy/upstream/ports.ts';
import type { Settings } from '#settings.ts';
import { ambientProvider } from './identity.ts';
import { LoaderThread } from './reload/loader-thread.ts';
import { composeRules, type Rules } from './rules.ts';

export interface ConfigurationOptions {
  readonly settings: Settings;
  /** Names of those that endpoints may ask. */
  readonly tokenProviders: readonly string[];
  /** Another root for the thread that loads it. */
  readonly worker?: URL;
  readonly clock: Clock;
  /** Default: the system's. */
  readonly random?: RandomSource;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** Where the configuration comes from: a file, and what that refers to elsewhere. */
export interface Configuration {
  readonly rules: Rules;
  /** Reads everything for the first time; waits for what stands elsewhere. Never rejects. */
  start(): Promise<LoadResult<Config>>;
  /** Follows it from now on. `apply`: rejects where a configuration cannot be put in force. */
  follow(initial: LoadedConfig<Config>, apply: (next: LoadedConfig<Config>) => Promise<void>): ConfigWatcher<Config>;
  /** Looks for the secrets of the configuration anew: one of them was refused. Never rejects; nothing before `follow`. */
  lookAgain(): Promise<void>;
  close(): void;
}

/** Nothing is asked of Azure unless the configuration refers to it. */
export function openConfiguration(options: ConfigurationOptions): Configuration {
  const { settings, tokenProviders, worker, clock, log, metrics } = options;
  const tokens = ambientProvider(settings.environment, { clock, log });
  const secrets = new KeyVaultSecrets({ tokens, clock, random: options.random ?? systemRandom, log });
  const store = openStore(options, tokens);
  const rules = composeRules(settings, { tokenProviders, clock, secrets });
  const source = (): ConfigSource => store?.source() ?? { kind: 'file', path: settings.configFile };
  const thread = new LoaderThread({ data: { settings, tokenProviders }, worker, rules, secrets, clock, log });
  measureSecrets(secrets, metrics);
  measureSource(store, metrics);
  /** The first reading tells which secrets are wanted. Nobody is answered yet: no thread is needed. */
  const load = async (): Promise<LoadResult<Config>> => {
    const first = rules.load(source());
    return (await secrets.fetchMissing()) ? rules.load(source()) : first;
  };
  const files = (config: Config): FollowedFiles =>
    filesOf(config, { rules, settings, secrets: thread.placesOf(config).files });
  /** What changes while the rest of the gateway starts is not missed. */
  let seen: FileSigns = new Map();
  let followed: ConfigWatcher<Config> | undefined;
  return {
    rules,
    async start() {
      const before = await signsOf([settings.configFile]);
      const result = await (store?.start(load) ?? load());
      // Which others there are is known by now: those are as they were some moments ago.
      if (result.ok) {
        const { heard, lookedAt } = files(result.loaded.config);
        seen = new Map([...(await signsOf([...heard, ...lookedAt])), ...before]);
      }
      return result;
    },
    follow(initial, apply) {
      const watcher = watchConfig({
        initial,
        load: async (current) => await thread.load(source, current),
        files,
        seen,
        again: store === undefined,
        apply,
        settled(inForce) {
          store?.settled(inForce);
          if (inForce) secrets.keepOnly(thread.placesOf(watcher.current().config).keyVault);
        },
        clock,
        log,
      });
      secrets.follow(
        () => watcher.current().config.keyVault.refreshEvery,
        () => void watcher.look(),
      );
      store?.follow(
        () => watcher.current().config.appConfiguration.pollEvery,
        () => watcher.look(),
      );
      followed = watcher;
      const reload = async (): Promise<ReloadOutcome> => {
        await Promise.all([secrets.refresh(), store?.poll()]);
        return await watcher.reload();
      };
      return { ...watcher, reload };
    },
    async lookAgain() {
      await secrets.refresh();
      await followed?.look();
    },
    close() {
      thread.close();
      secrets.close();
      store?.close();
    },
  };
}

/** Key values as a store would give them, from a file. Throws where that is none of ours: the command line writes it. */
export function keyValuesIn(file: string, { configFile }: Settings): ConfigSource {
  const { name, keyValues } = readKeyValuesFile(file);
  return { kind: 'key-values', keyValues, store: name, name, path: configFile };
}

/** What the store held is kept in the data folder. */
function openStore(
  { settings, clock, random = systemRandom, log }: ConfigurationOptions,
  tokens: TokenProvider,
): FromStore | undefined {
  const { appConfiguration, configFile, dataFolder } = settings;
  if (appConfiguration === undefined) return undefined;
  const { label, hasFile } = appConfiguration;
  return new FromStore({
    store: new AppConfigurationStore(appConfiguration, { tokens, clock }),
    label,
    copy: lastGoodFile(path.join(dataFolder, 'app-configuration.json'), appConfiguration),
    file: { path: configFile, isThere: hasFile },
    clock,
    random,
    log,
  });
}

/** In the data folder nobody but the gateway writes a price file, and the ledger writes there all the time. */
function filesOf(
  config: Config,
  from: { readonly rules: Rules; readonly settings: Settings; readonly secrets: ReadonlySet<string> },
): FollowedFiles {
  const { rules, settings, secrets } = from;
  // The file beside a store is what the gateway may start with, and nothing that it follows.
  const file = settings.appConfiguration === undefined ? [settings.configFile] : [];
  return {
    heard: [...file, ...(config.priceFile === undefined ? [] : [rules.lists.pathFor(config)])],
    lookedAt: [...secrets].map((one) => path.resolve(path.dirname(settings.configFile), one)),
  };
}

function measureSource(store: FromStore | undefined, metrics: Metrics): void {
  metrics.gauge('tollgate_configuration_source', {
    help: 'Where the configuration in force comes from: file, app-configuration, or last-good-copy of what that held.',
    read: () => [{ labels: { source: store?.kind ?? 'file' }, value: 1 }],
  });
  if (store === undefined) return;
  metrics.gauge('tollgate_app_configuration_failing', {
    help: '1 while the store of the configuration cannot be asked.',
    read: () => Number(store.isFailing),
  });
  metrics.gauge('tollgate_app_configuration_refused', {
    help: '1 while the store holds a configuration that cannot be used; the one in force is older.',
    read: () => Number(store.isRefused),
  });
}

function measureSecrets(secrets: KeyVaultSecrets, metrics: Metrics): void {
  metrics.gauge('tollgate_key_vault_secrets', {
    help: 'Secrets of Key Vault: read the last time, kept because they could not be read the last time, not there.',
    read: () => Object.entries(secrets.counts()).map(([state, value]) => ({ labels: { state }, value })),
  });
}
