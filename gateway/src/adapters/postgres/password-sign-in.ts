import type { SharedSecret } from '#kernel/shared-secret.ts';
import type { PostgresSignIn } from './connections.ts';

/** Signs in with the password of this moment: it may be rotated while the gateway runs. */
export class PasswordSignIn implements PostgresSignIn {
  readonly #password: SharedSecret;

  constructor(password: SharedSecret) {
    this.#password = password;
  }

  async password(): Promise<string> {
    return await Promise.resolve(this.#password.get());
  }

  refused(): void {
    this.#password.refuse();
  }

  /** The usual one. */
  advice(): undefined {
    return undefined;
  }
}
