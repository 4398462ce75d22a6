import type { JsonObject } from '#kernel/json.ts';

/** A response that its resource keeps, so that another one can go on from it. */
export interface StoredResponse {
  /** Tokens that it brings along as a previous response. */
  readonly tokens: number;
  /** As it was answered whole. */
  readonly whole: JsonObject;
  readonly input: readonly JsonObject[];
}
