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

/** None of them does anything until an endpoint names it. */
function tokenProviders(environment: Environment, around: { readonly clock: Clock; readonly log: Log }) {
  const clientId = environment['AZURE_CLIENT_ID'];
  const settings = { clientId: clientId === '' ? undefined : clientId };
  return [managedIdentity, workloadIdentity, developerIdentity].map(
    (source): TokenProvider => new TokenCache({ source: source(settings), ...around }),
  );
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
  around: { readonly clock: Clock; readonly log: Log },
): { readonly tokens: TokenVerifier; readonly credentials: Credentials } {
  const builtIn = tokenProviders(settings.environment, around);
  return {
    tokens: new EntraTokens(new SigningKeys(around), around.clock),
    credentials: createCredentials([...builtIn, ...(overrides.tokenProviders ?? [])]),
  };
}
