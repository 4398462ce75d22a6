import type { OpenedAttempt, UsageRecord } from '#model/usage-record.ts';

/** The journal as the request path sees it. */
export interface Ledger {
  /**
   * Resolves when the entry counts (written, or synced to disk, as the durability mode says): only then may the attempt
   * go upstream. Rejects with `ledger_unavailable` where nothing can be recorded.
   */
  open(attempt: OpenedAttempt): Promise<void>;
  /** Exactly one per open. Resolves when the record counts: only then may the client be told that its reply is whole. */
  settle(record: UsageRecord): Promise<void>;
}

/** What is to be counted: the input, the output, or both. */
export interface CountRequest {
  readonly tokenizer: 'o200k_base' | 'cl100k_base';
  readonly operation: 'chat.completions' | 'completions' | 'embeddings' | 'responses';
  /** The request body as the client sent it, for the input; undefined where the input is known. */
  readonly requestBody: Buffer | undefined;
  /** Raw bytes of the reply that reached the client, for the output; undefined where the output is known. */
  readonly delivered: readonly Buffer[] | undefined;
  readonly stream: boolean;
}

/** Tokens; null where they were not asked for, or cannot be counted. */
export interface Counted {
  readonly input: number | null;
  /** Exact where the operation frames nothing around its text (`completions`, `embeddings`), else an estimate. */
  readonly measuredInput: 'tokenized' | 'estimated' | 'unknown';
  readonly output: number | null;
}

/** Counts with the model family's tokenizer, off the event loop. Only ever asked when the provider reported nothing. */
export interface TokenCounter {
  count(request: CountRequest): Promise<Counted>;
}
