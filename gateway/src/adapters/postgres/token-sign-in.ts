import type { PostgresSignIn } from './connections.ts';
import { NoToken, type TokenProvider } from '#proxy/upstream/ports.ts';

/**
 * Signs in to Azure Database for PostgreSQL with an Entra token in the place of a password. The server looks at it when a
 * connection is made, and never again.
 */
export class TokenSignIn implements PostgresSignIn {
  readonly #tokens: TokenProvider;
  readonly #scope: string;
  #shown = '';

  constructor(tokens: TokenProvider, scope: string) {
    this.#tokens = tokens;
    this.#scope = scope;
  }

  /** Rejects with words for the operator, and without a secret, where no token is to be had. */
  async password(): Promise<string> {
    try {
      this.#shown = await this.#tokens.token(this.#scope);
      return this.#shown;
    } catch (error) {
      const cause = error instanceof NoToken ? error.cause : error;
      const why = cause instanceof Error ? `: ${cause.message}` : '.';
      throw new Error(`No access token can be had by ${this.#tokens.name} for ${this.#scope}${why}`, { cause: error });
    }
  }

  /** The server took it for no password of its user. The next connection shows another one, where there is one. */
  refused(): void {
    void this.#tokens.insteadOf(this.#scope, this.#shown);
  }

  /** What to do where the server says no to the user. */
  advice(user: string): string {
    return (
      `The token of the identity (${this.#tokens.name}) is not taken for the role '${user}': as an administrator of the ` +
      `server by Entra, make a role with exactly the name of the identity (select * from pgaadauth_create_principal('NAME', ` +
      'false, false)), name it in `ledger.store.postgres.url`, and see that the server has Microsoft Entra authentication on.'
    );
  }
}
