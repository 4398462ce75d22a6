import { SigningKeys } from '#adapters/entra/signing-keys.ts';
import { EntraTokens } from '#adapters/entra/token-verifier.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import type { TokenVerifier } from '#proxy/consumers/ports.ts';
import { createCredentials, type Credentials } from '#proxy/upstream/credentials.ts';
import type { TokenProvider } from '#proxy/upstream/ports.ts';

export interface IdentityOptions {
  readonly providers: readonly TokenProvider[];
  readonly clock: Clock;
  readonly log: Log;
}

/** Tokens in both directions: those that callers show, and those that the gateway shows to Azure OpenAI. */
export function openIdentity({ providers, clock, log }: IdentityOptions): {
  readonly tokens: TokenVerifier;
  readonly credentials: Credentials;
} {
  return {
    tokens: new EntraTokens(new SigningKeys({ clock, log }), clock),
    credentials: createCredentials(providers),
  };
}
