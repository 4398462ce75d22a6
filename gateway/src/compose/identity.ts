import { developerIdentity, managedIdentity, workloadIdentity } from '#adapters/azure-identity/sources.ts';
import { TokenCache } from '#adapters/azure-identity/token-cache.ts';
import { SigningKeys } from '#adapters/entra/signing-keys.ts';
import { EntraTokens } from '#adapters/entra/token-verifier.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import type { TokenVerifier } from '#proxy/consumers/ports.ts';
import { createCredentials, type Credentials } from '#proxy/upstream/credentials.ts';
import type { TokenProvider } from '#proxy/upstream/ports.ts';

type Environment = Readonly<Record<string, string | undefined>>;

interface Around {
  readonly clock: Clock;
  readonly log: Log;
}

/** What an endpoint or a service of Azure may name. None of them does anything until one does. */
const sources = {
  'managed-identity': managedIdentity,
  'workload-identity': workloadIdentity,
  default: developerIdentity,
} as const;
type ProviderName = keyof typeof sources;

/** Whose token is shown to a service. Plain data, because it crosses a thread. */
export interface IdentityChoice {
  readonly provider: ProviderName;
  /** Of a user-assigned identity. */
  readonly clientId: string | undefined;
  readonly scope: string;
}

/** `clientId`: of a user-assigned identity. */
export function tokenProvider(name: ProviderName, clientId: string | undefined, around: Around): TokenProvider {
  return new TokenCache({ source: sources[name]({ clientId }), ...around });
}

/** Where Azure's own tools look for it, too. */
export function clientIdIn({ AZURE_CLIENT_ID: clientId }: Environment): string | undefined {
  return clientId === '' ? undefined : clientId;
}

/**
 * Who the gateway is to services that it needs before it has a configuration, or for it: what the platform says. Where it
 * says nothing, whatever the library finds.
 */
export function ambientProvider(environment: Environment, around: Around): TokenProvider {
  const has = (name: string): boolean => (environment[name] ?? '') !== '';
  let name: ProviderName = 'default';
  if (has('AZURE_FEDERATED_TOKEN_FILE')) name = 'workload-identity';
  else if (has('IDENTITY_ENDPOINT') || has('AZURE_POD_IDENTITY_AUTHORITY_HOST')) name = 'managed-identity';
  return tokenProvider(name, clientIdIn(environment), around);
}

/** Their names, for the checks of a configuration. */
export const builtInProviders = ['managed-identity', 'workload-identity', 'default'] as const;

interface IdentitySources {
  readonly settings: { readonly environment: Environment };
  /** `tokenProviders`: beside the built-in ones. */
  readonly overrides: { readonly tokenProviders?: readonly TokenProvider[] };
}

/** Tokens in both directions: those that callers show, and those that the gateway shows to Azure OpenAI. */
export function openIdentity(
  { settings, overrides }: IdentitySources,
  around: Around,
): { readonly tokens: TokenVerifier; readonly credentials: Credentials } {
  const clientId = clientIdIn(settings.environment);
  const builtIn = builtInProviders.map((name) => tokenProvider(name, clientId, around));
  return {
    tokens: new EntraTokens(new SigningKeys(around), around.clock),
    credentials: createCredentials([...builtIn, ...(overrides.tokenProviders ?? [])]),
  };
}
