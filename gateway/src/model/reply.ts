/**
 * What `forward` returns to the pipeline: the head of an answer that has not been given to the client yet. Outbound steps
 * may change its headers. Exactly one of `deliver` and `discard` is called, once.
 */
export interface Reply {
  readonly status: number;
  /** Lower-case names, only those that a client may see. */
  readonly headers: Map<string, string>;
  /**
   * Sends it to the client and resolves when the attempt is settled and the last byte handed to the socket (or the
   * client is gone).
   */
  deliver(): Promise<void>;
  /** Not wanted after all (a step forwards again): read to its end for metering only, never shown to the client. */
  discard(): Promise<void>;
}
