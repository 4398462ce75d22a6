import type { JsonObject } from '#kernel/json.ts';
import type { ServerSentEvent } from '#kernel/sse.ts';
import type { MeteredOperation } from '#model/operation.ts';
import type { Finding } from '#proxy/usage/findings.ts';
import type { Wanted } from '#proxy/usage/pruned-json.ts';

/** How the replies of one operation tell what they used. */
export interface UsageReader {
  readonly name: MeteredOperation;
  readonly reply: ReplyReader;
  readonly stream: StreamReader;
}

/** Reads an unstreamed reply. Never throws: what has not the expected shape is unknown. */
export interface ReplyReader {
  /** The members that `read` looks at: what is kept of a reply too large to be held. */
  readonly wanted: Wanted;
  read(reply: JsonObject): Finding;
}

/** Reads a streamed reply, event by event. Never throws. */
export interface StreamReader {
  /**
   * Searched in whole events, taken as Latin-1 text: matches whatever `read` must see. A match too many costs one
   * JSON.parse of that event; a match too few loses money. Not global, not sticky: it keeps no state between searches.
   */
  readonly interesting: RegExp;
  read(event: ServerSentEvent): EventFinding;
  /** Judges by the first bytes (as Latin-1) of an event that is still arriving: true where `read` need not see it. */
  readonly passable: (beginning: string) => boolean;
}

export interface EventFinding extends Finding {
  /**
   * `terminal`: tells the client that its reply is over, so the ledger must have it first. `error`: the reply has failed;
   * held back too, as clients hang up at it, while the usage may still follow. Everything else is undefined.
   */
  readonly role?: 'terminal' | 'error' | undefined;
  /** The event was not JSON; what was whole in it was read all the same. */
  readonly malformed?: boolean | undefined;
  /** Set on an event with usage: makes what a client gets that has not asked for it; undefined: nothing. */
  readonly withoutUsage?: (() => ServerSentEvent | undefined) | undefined;
}
