/** Parameter sets that together reach every branch of the templates: environment variables, as azd has them. */
export const base: Readonly<Record<string, string>> = {
  AZURE_ENV_NAME: 'test',
  AZURE_LOCATION: 'swedencentral',
  AZURE_PRINCIPAL_ID: '11111111-1111-4111-8111-111111111111',
};

const isolated = { NETWORK_ISOLATION: 'true', ALLOWED_IP_RANGES: '203.0.113.0/24', DEPLOYER_IP: '198.51.100.7' };
const scaledOut = { ...isolated, USE_POSTGRES: 'true', USE_REDIS: 'true', MIN_REPLICAS: '2', MAX_REPLICAS: '10' };
const existing = '/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/shared/providers';

const extra: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  /** The quick start: nothing set. */
  quick: {},
  /** From a pipeline, without a person: roles for nobody, everything else as it is. */
  nobody: { AZURE_PRINCIPAL_ID: '' },
  /** Provisioned again: the app exists. */
  again: { SERVICE_GATEWAY_RESOURCE_EXISTS: 'true', AZURE_PRINCIPAL_TYPE: 'ServicePrincipal' },
  /** API Management with a token as proof of origin, in the open. */
  'api-management': { USE_APIM: 'true', TOLLGATE_APP_ID: '33333333-3333-4333-8333-333333333333', USE_WAF: 'true' },
  /** Private, one replica. */
  isolated: { ...isolated, USE_WAF: 'true' },
  /** Private, nothing let in for the deployer. */
  sealed: { NETWORK_ISOLATION: 'true', AMPLS_QUERY_ACCESS_MODE: 'PrivateOnly', OPENAI_KIND: 'OpenAI' },
  /** The architecture of the original, and all that can be added. */
  full: {
    ...scaledOut,
    USE_APIM: 'true',
    USE_REDIS_CACHE_APIM: 'true',
    USE_WAF: 'true',
    USE_LOCKS: 'true',
    TOLLGATE_APP_ID: '33333333-3333-4333-8333-333333333333',
    SECONDARY_OPENAI_LOCATION: 'westeurope',
    ADDITIONAL_OPENAI_LOCATIONS: 'francecentral, polandcentral',
    OPENAI_PROVISIONED_CAPACITY: '50',
    OPENAI_PROVISIONED_HOURLY_PRICE: '1.00 USD',
    OPENAI_PROVISIONED_FROM: '2026-12-01',
    MONTHLY_BUDGET: '5000',
    BUDGET_START_DATE: '2026-12-01',
    ALERT_EMAILS: 'platform@contoso.com,finance@contoso.com',
    ZONE_REDUNDANT: 'true',
    POSTGRES_HIGH_AVAILABILITY: 'true',
    POSTGRES_GEO_REDUNDANT_BACKUP: 'true',
  },
  /** Premium API Management inside the network, a client certificate as proof of origin. */
  injected: {
    ...scaledOut,
    USE_APIM: 'true',
    APIM_SKU: 'PremiumV2',
    APIM_NETWORK: 'injection',
    APIM_CERTIFICATE_SECRET_ID: 'https://kv-test.vault.azure.net/secrets/tollgate-client',
    AZURE_KEY_VAULT_NAME: 'kv-test',
    APIM_CERTIFICATE_SHA256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    POSTGRES_TIER: 'Burstable',
    POSTGRES_SKU: 'Standard_B2s',
    USE_POLICIES: 'false',
  },
  /** Private, several replicas, API Management in front. */
  'scaled-out': { ...scaledOut, USE_APIM: 'true', TOLLGATE_APP_ID: '33333333-3333-4333-8333-333333333333' },
  /** Private, nobody in front, for calls that are long silent. */
  patient: { ...isolated, FOLLOW_APP_CONFIGURATION: 'true', REQUEST_IDLE_MINUTES: '20', REQUEST_SECONDS: '900' },
  /** What can be brought along is. */
  brought: {
    ...isolated,
    USE_AMPLS: 'false',
    EXISTING_VIRTUAL_NETWORK_ID: `${existing}/Microsoft.Network/virtualNetworks/vnet-shared`,
    EXISTING_PRIVATE_DNS_ZONES: [
      'privatelink.openai.azure.com',
      'privatelink.cognitiveservices.azure.com',
      'privatelink.services.ai.azure.com',
      'privatelink.vaultcore.azure.net',
    ]
      .map((zone) => `${existing}/Microsoft.Network/privateDnsZones/${zone}`)
      .join(','),
    EXISTING_LOG_ANALYTICS_WORKSPACE_ID:
      '/subscriptions/00000000-0000-4000-8000-000000000000/resourceGroups/rg-test/providers/Microsoft.OperationalInsights/workspaces/log-shared',
    EXISTING_OPENAI_ACCOUNTS: `${existing}/Microsoft.CognitiveServices/accounts/oai-contoso@westeurope`,
    POLICY_EFFECT: 'Audit',
  },
};

export const profiles: ReadonlyMap<string, Readonly<Record<string, string>>> = new Map(
  Object.entries(extra).map(([name, environment]) => [name, { ...base, ...environment }]),
);
