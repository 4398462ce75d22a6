/** What the twin itself says of the tokens it generated: `GET /_twin/usage`. The ledger is compared with it. */
export interface TwinAttempt {
  /** The `x-ms-client-request-id` that the attempt carried; a fresh id where it carried none. */
  readonly id: string;
  readonly deployment: string;
  readonly operation: string;
  readonly stream: boolean;
  /** The HTTP status that was sent, 0 where the connection was broken before one was. */
  readonly status: number;
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  /** Tokens generated until the end, or until the caller went away. */
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  /** False where the reply was not sent to its end. */
  readonly complete: boolean;
}

export interface TwinUsage {
  readonly attempts: readonly TwinAttempt[];
  /** The four sums over all attempts; `requests` is the number of attempts answered with 2xx. */
  readonly total: {
    readonly requests: number;
    readonly inputTokens: number;
    readonly cachedInputTokens: number;
    readonly outputTokens: number;
    readonly reasoningTokens: number;
  };
}
