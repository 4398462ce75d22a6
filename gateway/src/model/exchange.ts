import type { JsonObject } from '#kernel/json.ts';
import type { Arrival } from './arrival.ts';
import type { MeteredOperation } from './operation.ts';

/** Where the value of a top-level member stands in the body's bytes: [start, end). */
export interface MemberSpan {
  readonly start: number;
  readonly end: number;
}

/** A JSON body, parsed once, with its bytes kept so that it can go on as it came. */
export interface RequestBody {
  readonly bytes: Buffer;
  readonly json: JsonObject;
  /** Every top-level member, so that one of them can be replaced without writing the rest anew. */
  readonly spans: ReadonlyMap<string, MemberSpan>;
}

/** A whole request to a metered operation. Made by `accept` from an arrival and its body. */
export interface Exchange extends Arrival {
  readonly operation: MeteredOperation;
  /** The model or deployment name that the client used. */
  readonly requestedModel: string;
  readonly stream: boolean;
  /** The client itself asked for usage in its stream. */
  readonly wantsStreamUsage: boolean;
  readonly body: RequestBody;
}
