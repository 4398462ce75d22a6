import { registryOf } from '#kernel/registry.ts';
import type { Endpoint, EndpointCredential } from '#model/endpoint.ts';
import type { TokenProvider } from './ports.ts';

type Header = readonly [string, string];

/** Signs in to resources: by API key at once, by a token provider when it has a token. */
export interface Credentials {
  /** The header of an attempt. A promise only where a token must be waited for. Throws or rejects with NoToken. */
  headerFor(endpoint: Endpoint): Header | Promise<Header>;
  /** After a 401: another token than the one that was refused; undefined where there is none. Never rejects. */
  insteadOf(endpoint: Endpoint, refused: string): Promise<string | undefined>;
}

const bearer = (token: string): Header => ['authorization', `Bearer ${token}`];

export function createCredentials(providers: readonly TokenProvider[]): Credentials {
  const byName = registryOf('token providers', providers);
  const providerOf = ({ provider }: Extract<EndpointCredential, { kind: 'token' }>, name: string): TokenProvider => {
    const found = byName.get(provider);
    // Configuration validation knows the same names; this is a mistake of composition.
    if (found === undefined)
      throw new Error(`Endpoint '${name}' wants the token provider '${provider}', which is not built in.`);
    return found;
  };
  return {
    headerFor({ credential, name }) {
      if (credential.kind === 'api-key') return ['api-key', credential.key];
      const token = providerOf(credential, name).token(credential.scope);
      return token instanceof Promise ? token.then(bearer) : bearer(token);
    },
    async insteadOf({ credential, name }, refused) {
      if (credential.kind === 'api-key') return undefined;
      return await providerOf(credential, name).insteadOf(credential.scope, refused);
    },
  };
}
