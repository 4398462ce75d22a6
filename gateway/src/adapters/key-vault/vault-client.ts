import type { SecretClient } from '@azure/keyvault-secrets';
import { statusOf } from '#adapters/azure-identity/rest-error.ts';
import type { KeyVaultReference } from '#kernel/key-vault-reference.ts';
import type { TokenProvider } from '#proxy/upstream/ports.ts';

/** What a vault says of a secret. */
export interface ReadSecret {
  readonly text: string;
  /** UTC ms; null where it never ends. A vault gives out what has ended all the same. */
  readonly expiresAt: number | null;
}

const longestMs = 10_000;

/** One vault, by Microsoft's library; loaded when the first secret is read. */
export class VaultClient {
  readonly #reference: KeyVaultReference;
  readonly #tokens: TokenProvider;
  /** The token that was shown last. */
  #shown = '';
  #client: Promise<SecretClient> | undefined;

  /** `reference`: of any secret of the vault. */
  constructor(reference: KeyVaultReference, tokens: TokenProvider) {
    this.#reference = reference;
    this.#tokens = tokens;
  }

  /** Asks once. Rejects with what the library says. */
  async read({ name, version, scope }: KeyVaultReference): Promise<ReadSecret> {
    this.#client ??= this.#open();
    const client = await this.#client;
    try {
      return await read(client, name, version);
    } catch (error) {
      // As for Azure OpenAI: a role that was given since needs a new token.
      if (statusOf(error) !== 401 || (await this.#tokens.insteadOf(scope, this.#shown)) === undefined) throw error;
      return await read(client, name, version);
    }
  }

  async #open(): Promise<SecretClient> {
    const { SecretClient: Client } = await import('@azure/keyvault-secrets');
    const { vault, scope, isLocal } = this.#reference;
    const credential = {
      // Whom a token is for is not left to whoever answers under the name of a vault.
      getToken: async (asked: string | string[]) => {
        if (![asked].flat().every((one) => one === scope))
          throw new Error(`The vault ${vault} asks for a token that is not for it: ${[asked].flat().join(', ')}.`);
        this.#shown = await this.#tokens.token(scope);
        // Held by us until shortly before its end; the library is told to ask every time.
        return { token: this.#shown, expiresOnTimestamp: 0 };
      },
    };
    return new Client(vault, credential, {
      // How often is tried is decided in one place, by the clock of the gateway.
      retryOptions: { maxRetries: 0 },
      // The name of this machine can be checked against nothing.
      disableChallengeResourceVerification: isLocal,
    });
  }
}

async function read(client: SecretClient, name: string, version: string | undefined): Promise<ReadSecret> {
  const { value = '', properties } = await client.getSecret(name, {
    ...(version === undefined ? {} : { version }),
    requestOptions: { timeout: longestMs },
  });
  return { text: value, expiresAt: properties.expiresOn?.getTime() ?? null };
}
