import { registryOf } from '#kernel/registry.ts';
import type { Endpoint } from '#model/endpoint.ts';
import type { TokenProvider } from './ports.ts';

/** Signs in to resources: by API key at once, by a token provider when it has a token. */
export interface Credentials {
  /** The header of an attempt. A promise only where a token must be waited for. */
  headerFor(endpoint: Endpoint): readonly [string, string] | Promise<readonly [string, string]>;
}

export function createCredentials(providers: readonly TokenProvider[]): Credentials {
  const byName = registryOf('token providers', providers);
  return {
    headerFor({ credential, name }) {
      if (credential.kind === 'api-key') return ['api-key', credential.key];
      const provider = byName.get(credential.provider);
      // Configuration validation knows the same names; this is a mistake of composition.
      if (provider === undefined)
        throw new Error(`Endpoint '${name}' wants the token provider '${credential.provider}', which is not built in.`);
      return provider.token(credential.scope).then((token) => ['authorization', `Bearer ${token}`] as const);
    },
  };
}
