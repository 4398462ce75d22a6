import { Failure } from '#kernel/errors.ts';

/** Makes bearer tokens for a resource (managed identity in Azure). */
export interface TokenProvider {
  /** The name that `endpoints.<name>.auth.token.provider` refers to. */
  readonly name: string;
  /**
   * A token that is in force; cached and renewed by the provider, a promise only where it must be waited for. Throws or
   * rejects with NoToken, which holds no secret.
   */
  token(scope: string): string | Promise<string>;
  /** The resource did not take this token: another one, or undefined where there is none to be had. Never rejects. */
  insteadOf(scope: string, refused: string): Promise<string | undefined>;
}

/** There is no token at present; a client is told that the upstream is not available. */
export class NoToken extends Failure {
  constructor(cause: unknown) {
    super('upstream_unavailable', 'The gateway has no access token for the resource at present.', { cause });
  }
}

/** What the relay needs of the tap that meters a reply; `usage` makes one. */
export interface RelayTap {
  push(chunk: Buffer): Buffer | undefined;
  end(): void;
  readonly terminal: boolean;
  held(): Buffer | undefined;
}
