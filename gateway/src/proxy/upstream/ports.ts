/** Makes bearer tokens for a resource (managed identity in Azure). Refusals reject with an Error that holds no secret. */
export interface TokenProvider {
  /** The name that `endpoints.<name>.auth.token.provider` refers to. */
  readonly name: string;
  /** A token that is still valid for a while; cached and renewed by the provider. */
  token(scope: string): Promise<string>;
}

/** What the relay needs of the tap that meters a reply; `usage` makes one. */
export interface RelayTap {
  push(chunk: Buffer): Buffer | undefined;
  end(): void;
  readonly terminal: boolean;
  held(): Buffer | undefined;
}
