import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Words } from '#generation/words.ts';
import type { Tokenizer } from '#generation/tokenizer.ts';
import type { Faults, FaultSet } from '#faults/faults.ts';
import type { Holds } from '#faults/holds.ts';
import type { Clock } from '#kernel/clock.ts';
import type { IdSource } from '#kernel/ids.ts';
import type { Recent } from '#kernel/recent.ts';
import type { Attempt } from '#record/attempt.ts';
import type { UsageBook } from '#record/book.ts';
import type { Recordings } from '#replay/recordings.ts';
import type { Caller } from '#wire/caller.ts';
import type { SlowReaders } from '#wire/slow-readers.ts';
import type { Latency } from '#wire/latency.ts';
import type { Batches } from './batch-book.ts';
import type { Embedder } from './embed.ts';
import type { Estate, Resource } from './estate.ts';
import type { Framing } from './framing.ts';
import type { StoredFile } from './stored-file.ts';
import type { Route } from './route.ts';
import type { StoredConversation, StoredResponse } from './stored-response.ts';

/** What all calls share. */
export interface World {
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly estate: Estate;
  readonly tokenizer: Tokenizer;
  readonly words: Words;
  readonly embedder: Embedder;
  readonly framing: Framing;
  readonly seed: number;
  /** Refuse what the real models refuse, such as `max_tokens` for those that reason. */
  readonly strict: boolean;
  readonly latency: Latency;
  /** Events of a stream that are written before sockets get their turn; where the latency makes no pauses. */
  readonly eventsPerTurn: number;
  /** Whether an access token opens the resources: one of the twin's own, for Azure OpenAI, in force. */
  readonly takesToken: (token: string) => boolean;
  readonly book: UsageBook;
  readonly faults: Faults;
  readonly holds: Holds;
  readonly slowReaders: SlowReaders;
  readonly recordings: Recordings | undefined;
  /** Stored responses, by resource and id. */
  readonly responses: Recent<string, StoredResponse>;
  /** Conversations, likewise. */
  readonly conversations: Recent<string, StoredConversation>;
  /** Files, likewise. */
  readonly files: Recent<string, StoredFile>;
  readonly batches: Batches;
}

/** One call while it is answered. */
export interface Exchange {
  readonly world: World;
  readonly ids: IdSource;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly caller: Caller;
  readonly route: Route;
  readonly attempt: Attempt;
  /** `x-ms-client-request-id`, which is echoed. */
  readonly callerId: string | undefined;
  resource: Resource | undefined;
  faults: FaultSet;
  /** The status that the provisioned deployment would have answered with; 0 where it was not spilled over. */
  spilledBecause: number;
}
