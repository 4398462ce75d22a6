import path from 'node:path';
import type { Logger } from 'pino';
import { lastGoodFile, readKeyValuesFile } from '#adapters/app-configuration/last-good.ts';
import { AppConfigurationStore } from '#adapters/app-configuration/store.ts';
import { KeyVaultSecrets } from '#adapters/key-vault/key-vault-secrets.ts';
import type { Config } from '#config-sections.ts';
import { documentOf } from '#config/key-values.ts';
import type { ConfigLoader, LoadedConfig, LoadResult } from '#config/load.ts';
import { FromStore } from '#config/from-store.ts';
import { keyVaultReferences } from '#config/secrets.ts';
import { watchConfig, type ConfigWatcher, type ReloadOutcome } from '#config/watch.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Metrics } from '#kernel/metrics.ts';
import type { TokenProvider } from '#proxy/upstream/ports.ts';
import type { Settings } from '#settings.ts';
import { ambientProvider } from './identity.ts';
import { composeRules, type Rules } from './rules.ts';

export interface ConfigurationOptions {
  readonly settings: Settings;
  /** Names of those that endpoints may ask. */
  readonly tokenProviders: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** Where the configuration comes from: a file, and what that refers to elsewhere. */
export interface Configuration {
  readonly rules: Rules;
  /** Reads everything for the first time; waits for what stands elsewhere. Never rejects. */
  start(): Promise<LoadResult<Config>>;
  /** Follows it from now on. `apply`: throws where a configuration cannot be put in force. */
  follow(initial: LoadedConfig<Config>, apply: (next: LoadedConfig<Config>) => void): ConfigWatcher<Config>;
  close(): void;
}

/** Nothing is asked of Azure unless the configuration refers to it. */
export function openConfiguration(options: ConfigurationOptions): Configuration {
  const { settings, tokenProviders, clock, log, metrics } = options;
  const tokens = ambientProvider(settings.environment, { clock, log });
  const secrets = new KeyVaultSecrets({ tokens, clock, log });
  const store = openStore(options, tokens);
  const rules = composeRules(settings, {
    tokenProviders,
    clock,
    secrets,
    ...(store === undefined ? {} : { read: (loader) => store.load(loader) }),
  });
  measureSecrets(secrets, metrics);
  measureSource(store, metrics);
  /** The first reading tells which secrets are wanted. */
  const load = async (): Promise<LoadResult<Config>> => {
    const first = rules.load();
    return (await secrets.fetchMissing()) ? rules.load() : first;
  };
  return {
    rules,
    start: () => store?.start(load) ?? load(),
    follow(initial, apply) {
      const watcher = watchConfig({
        initial,
        load,
        files: filesOf(initial.config, rules, settings),
        apply,
        settled(inForce) {
          store?.settled(inForce);
          if (inForce) secrets.keepOnly(keyVaultReferences(watcher.current().config));
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
      const reload = async (): Promise<ReloadOutcome> => {
        await Promise.all([secrets.refresh(), store?.poll()]);
        return await watcher.reload();
      };
      return { ...watcher, reload };
    },
    close() {
      secrets.close();
      store?.close();
    },
  };
}

/** Reads key values as a store would give them, from a file. Throws where that is none of ours: the command line writes it. */
export function keyValuesReader(
  file: string,
  { configFile, environment }: Settings,
): (loader: ConfigLoader<Config>) => LoadResult<Config> {
  const { name, keyValues } = readKeyValuesFile(file);
  return (loader) => loader.loadTree(documentOf(keyValues, name), { name, path: configFile, text: '' }, environment);
}

/** What the store held is kept in the data folder. */
function openStore({ settings, clock, log }: ConfigurationOptions, tokens: TokenProvider): FromStore | undefined {
  const { appConfiguration, configFile, dataFolder, environment } = settings;
  if (appConfiguration === undefined) return undefined;
  const { label, hasFile } = appConfiguration;
  return new FromStore({
    store: new AppConfigurationStore(appConfiguration, { tokens, clock }),
    label,
    copy: lastGoodFile(path.join(dataFolder, 'app-configuration.json'), appConfiguration),
    file: { path: configFile, isThere: hasFile },
    environment,
    clock,
    log,
  });
}

/** In the data folder nobody but the gateway writes a price file, and the ledger writes there all the time. */
function filesOf(config: Config, rules: Rules, settings: Settings): readonly string[] {
  // The file beside a store is what the gateway may start with, and nothing that it follows.
  const file = settings.appConfiguration === undefined ? [settings.configFile] : [];
  return [...file, ...(config.priceFile === undefined ? [] : [rules.lists.pathFor(config)])];
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
