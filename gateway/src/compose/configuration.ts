import type { Logger } from 'pino';
import { KeyVaultSecrets } from '#adapters/key-vault/key-vault-secrets.ts';
import type { Config } from '#config-sections.ts';
import type { LoadedConfig, LoadResult } from '#config/load.ts';
import { keyVaultReferences } from '#config/secrets.ts';
import { watchConfig, type ConfigWatcher, type ReloadOutcome } from '#config/watch.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Metrics } from '#kernel/metrics.ts';
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
  const secrets = new KeyVaultSecrets({ tokens: ambientProvider(settings.environment, { clock, log }), clock, log });
  const rules = composeRules(settings, { tokenProviders, clock, secrets });
  measureSecrets(secrets, metrics);
  /** The first reading tells which secrets are wanted. */
  const load = async (): Promise<LoadResult<Config>> => {
    const first = rules.load();
    return (await secrets.fetchMissing()) ? rules.load() : first;
  };
  return {
    rules,
    start: load,
    follow(initial, apply) {
      const watcher = watchConfig({
        initial,
        load,
        files: filesOf(initial.config, rules, settings),
        apply,
        settled(inForce) {
          if (inForce) secrets.keepOnly(keyVaultReferences(watcher.current().config));
        },
        clock,
        log,
      });
      secrets.follow(
        () => watcher.current().config.keyVault.refreshEvery,
        () => void watcher.look(),
      );
      const reload = async (): Promise<ReloadOutcome> => {
        await secrets.refresh();
        return await watcher.reload();
      };
      return { ...watcher, reload };
    },
    close: () => secrets.close(),
  };
}

/** In the data folder nobody but the gateway writes a price file, and the ledger writes there all the time. */
function filesOf(config: Config, rules: Rules, settings: Settings): readonly string[] {
  return [settings.configFile, ...(config.priceFile === undefined ? [] : [rules.lists.pathFor(config)])];
}

function measureSecrets(secrets: KeyVaultSecrets, metrics: Metrics): void {
  metrics.gauge('tollgate_key_vault_secrets', {
    help: 'Secrets of Key Vault: read the last time, kept because they could not be read the last time, not there.',
    read: () => Object.entries(secrets.counts()).map(([state, value]) => ({ labels: { state }, value })),
  });
}
