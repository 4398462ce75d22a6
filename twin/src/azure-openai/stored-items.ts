import { isJsonArray, isJsonObject, type Json, type JsonObject } from '#kernel/json.ts';
import type { Exchange } from './exchange.ts';

/** The input of a request as the items that the service lists. */
export function inputItems(exchange: Exchange, body: JsonObject): readonly JsonObject[] {
  const { input } = body;
  return itemsOf(exchange, isJsonArray(input) ? input : [{ role: 'user', content: input ?? '' }]);
}

/** What callers wrote, as items with ids of their own. */
export function itemsOf(exchange: Exchange, given: readonly Json[]): readonly JsonObject[] {
  return given.map((item) => ({
    id: exchange.ids.named('msg_', 48),
    type: 'message',
    status: 'completed',
    ...(isJsonObject(item) ? item : {}),
  }));
}

/** Where a resource keeps a response or a conversation. */
export const storedKey = (exchange: Exchange, id: string): string => `${exchange.resource?.name}/${id}`;

/** A page that holds everything. */
export function listOf(items: readonly JsonObject[]): JsonObject {
  return {
    object: 'list',
    data: items,
    first_id: items[0]?.['id'] ?? null,
    last_id: items.at(-1)?.['id'] ?? null,
    has_more: false,
  };
}

const defaultPage = 20;

/** A page of what is given, oldest first, as files and batches are listed: the newest first, `limit` after `after`. */
export function pageOf(oldestFirst: Iterable<JsonObject>, query: URLSearchParams): JsonObject {
  const all = [...oldestFirst].toReversed();
  const after = query.get('after');
  const from = after === null ? 0 : all.findIndex((one) => one['id'] === after) + 1;
  const limit = Number(query.get('limit') ?? defaultPage);
  const data = all.slice(from, from + limit);
  return { ...listOf(data), has_more: from + limit < all.length };
}
