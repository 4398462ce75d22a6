import type { Measured, Units } from '#model/usage-record.ts';

/** What a reply has told about itself so far. */
export interface Reading {
  readonly units: Units;
  readonly measuredInput: Measured;
  readonly measuredOutput: Measured;
  readonly reportedModel: string | null;
  readonly serviceTier: string | null;
  /** The reply's own word for its end; null until it is known. `failed`: the provider says it failed. */
  readonly ending: 'completed' | 'filtered-completion' | 'failed' | null;
}

/**
 * Stands in the stream between upstream and client: forwards what may go on at once, learns the usage on the way, and
 * holds back what tells the client that its reply is whole until the ledger has it.
 */
export interface Tap {
  /**
   * Takes a chunk as it arrived and returns what goes to the client now, in the same turn (usually the chunk itself,
   * uncopied; undefined: nothing). Never splits an event.
   */
  push(chunk: Buffer): Buffer | undefined;
  /** The upstream's reply is over: what is left (an event without its blank line, the last body chunk) joins what is held. */
  end(): void;
  /**
   * True once the terminal event has been seen (`[DONE]`, `response.completed|incomplete|failed`, an error that ends a chat):
   * the attempt can be settled without waiting for the connection's end. An unstreamed reply, and a response that ends with
   * an `error` event, are terminal after `end()`; a stream that stops without its terminal event never is.
   */
  readonly terminal: boolean;
  /** What must reach the client only after the settle; undefined when there is nothing. Asking does not take it away. */
  held(): Buffer | undefined;
  reading(): Reading;
  /** The provider says that the reply failed by its own doing, rather than by the client's. */
  readonly ownFault: boolean;
  /**
   * What reached the client, or will with `held`, for counting: references to what `push` handed out, up to the limit; of a
   * stream beyond it, first its text in a few events. Empty once usage is known (it is freed then).
   */
  delivered(): readonly Buffer[];
}

export interface TapOptions {
  readonly operation: 'chat.completions' | 'completions' | 'embeddings' | 'responses';
  /** The reply is `text/event-stream`. */
  readonly stream: boolean;
  /** The client itself asked for usage in the stream; if not, what was asked on its behalf is taken out again. */
  readonly clientWantsUsage: boolean;
  /** How many delivered bytes are kept for counting if usage never arrives. */
  readonly keepBytes: number;
}
