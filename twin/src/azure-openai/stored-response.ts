import type { JsonObject } from '#kernel/json.ts';

/** A response that its resource keeps, so that another one can go on from it. */
export interface StoredResponse {
  /** Tokens that it brings along as a previous response. */
  readonly tokens: number;
  /** As it was answered whole. */
  readonly whole: JsonObject;
  readonly input: readonly JsonObject[];
}

/** A conversation: what was said in it stands in its items, what it costs to go on in `tokens`. */
export interface StoredConversation {
  metadata: JsonObject;
  readonly createdAt: number;
  items: readonly JsonObject[];
  /** Tokens that it brings along into the next response. */
  tokens: number;
}
