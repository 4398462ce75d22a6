import type { ConfigSection } from '#kernel/config-section.ts';
import { duration } from '#kernel/config-values.ts';
import { z } from 'zod';

const keys = {
  appConfiguration: z
    .strictObject({
      pollEvery: duration({ atLeastMs: 1_000, atMostMs: 3_600_000 })
        .prefault('30s')
        .describe('How often the store is asked whether it holds something else. It costs two requests.'),
    })
    .prefault({})
    .describe(
      'How a configuration that comes from Azure App Configuration (`TOLLGATE_APP_CONFIGURATION`) is followed; see ' +
        '[services.md](../azure/services.md#app-configuration).',
    ),
  keyVault: z
    .strictObject({
      refreshEvery: duration({ atLeastMs: 5_000, atMostMs: 86_400_000 })
        .prefault('5m')
        .describe(
          'How often secrets of `{ keyVault: … }` are read again; another value is taken over without a restart. Passwords of ' +
            '`ledger.store` and `counters` are shown by new connections; one that is refused is looked for at once.',
        ),
    })
    .prefault({})
    .describe('Secrets that stand in Azure Key Vault; see [services.md](../azure/services.md#key-vault).'),
};

export const remoteConfig: ConfigSection<typeof keys> = {
  name: 'remote',
  summary: 'What of the configuration stands in services of Azure, and how often it is looked at.',
  keys,
  references: [],
  check: () => [],
};
