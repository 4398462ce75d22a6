import { alertsConfig } from '#accounting/alerts/config.ts';
import { budgetingConfig } from '#accounting/budgets/config.ts';
import { countersConfig } from '#accounting/budgets/counters-config.ts';
import { costConfig } from '#accounting/cost/config.ts';
import type { DataZones } from '#accounting/cost/price-entry.ts';
import { exportsConfig } from '#accounting/exports/config.ts';
import { ledgerConfig } from '#accounting/ledger/config.ts';
import { reportsConfig } from '#accounting/reports/config.ts';
import { generalConfig } from '#config/general.ts';
import { telemetryConfig } from '#config/telemetry.ts';
import { createConfigLoader, type ConfigLoader } from '#config/load.ts';
import type { SecretValues } from '#config/ports.ts';
import { remoteConfig } from '#config/remote.ts';
import type { ConfigSection, ValuesOf } from '#kernel/config-section.ts';
import type { ModelCatalogue } from '#model/model-catalogue.ts';
import { acceptConfig } from '#proxy/accept/config.ts';
import { batchesConfig } from '#proxy/batches/config.ts';
import { consumersConfig } from '#proxy/consumers/config.ts';
import { policiesConfig } from '#proxy/policies/config.ts';
import { routingConfig } from '#proxy/routing/config.ts';

/** What the sections must know to judge a file. */
export interface ConfigFacts {
  readonly catalogue: ModelCatalogue;
  readonly zones: DataZones;
  /** The token providers that are built in, by name. */
  readonly tokenProviders: readonly string[];
}

/** Every section of the configuration, in the order of the reference page. Budgets, limits and policies join here. */
export function configSections(facts: ConfigFacts): readonly ConfigSection[] {
  return [
    generalConfig,
    acceptConfig,
    consumersConfig,
    policiesConfig,
    batchesConfig,
    routingConfig(facts),
    ledgerConfig,
    countersConfig,
    costConfig(facts),
    reportsConfig,
    exportsConfig,
    budgetingConfig,
    alertsConfig,
    telemetryConfig,
    remoteConfig,
  ];
}

/** The whole configuration, loaded, checked and frozen. Milliseconds, bytes and UTC milliseconds throughout. */
export type Config = ValuesOf<typeof generalConfig> &
  ValuesOf<typeof acceptConfig> &
  ValuesOf<typeof consumersConfig> &
  ValuesOf<typeof policiesConfig> &
  ValuesOf<typeof batchesConfig> &
  ValuesOf<ReturnType<typeof routingConfig>> &
  ValuesOf<typeof ledgerConfig> &
  ValuesOf<typeof countersConfig> &
  ValuesOf<ReturnType<typeof costConfig>> &
  ValuesOf<typeof reportsConfig> &
  ValuesOf<typeof exportsConfig> &
  ValuesOf<typeof budgetingConfig> &
  ValuesOf<typeof alertsConfig> &
  ValuesOf<typeof telemetryConfig> &
  ValuesOf<typeof remoteConfig>;

/** `secrets`: those that stand in Key Vault; without them, nobody asks there. */
export function createLoader(facts: ConfigFacts, secrets?: SecretValues): ConfigLoader<Config> {
  return createConfigLoader<Config>(configSections(facts), secrets);
}
