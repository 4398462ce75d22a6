import type { JsonObject } from '#kernel/json.ts';

/** Where the value of a top-level member stands in the body's bytes: [start, end). */
export interface MemberSpan {
  readonly start: number;
  readonly end: number;
}

export interface BodyContent {
  readonly bytes: Buffer;
  readonly json: JsonObject;
  /** Every top-level member, so that one of them can be replaced without writing the rest anew. */
  readonly spans: ReadonlyMap<string, MemberSpan>;
}

/** What is kept for counting when no attempt can be made any more, bytes: more is no prompt that anybody could count. */
const longestKept = 1024 * 1024;

/**
 * A JSON body, parsed once, with its bytes kept so that it can go on as it came. Kept as long as an attempt may still be
 * made: the values parsed from a large prompt take several times its size, and a reply may stream for minutes.
 */
export class RequestBody implements BodyContent {
  #content: BodyContent | undefined;
  #kept: Buffer | undefined;

  constructor(content: BodyContent) {
    this.#content = content;
    this.#kept = content.bytes;
  }

  get bytes(): Buffer {
    return this.#whole().bytes;
  }

  get json(): JsonObject {
    return this.#whole().json;
  }

  get spans(): BodyContent['spans'] {
    return this.#whole().spans;
  }

  /** The bytes for counting what the provider did not report; undefined where they are gone. */
  get countable(): Buffer | undefined {
    return this.#kept;
  }

  /** No attempt will be made any more: only what may have to be counted is kept, if it is not too long. */
  release(): void {
    this.#content = undefined;
    if (this.#kept !== undefined && this.#kept.length > longestKept) this.#kept = undefined;
  }

  #whole(): BodyContent {
    if (this.#content === undefined) throw new Error('The body of the request has been let go: its reply has begun.');
    return this.#content;
  }
}
