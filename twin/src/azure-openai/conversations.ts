import { arrayAt, isJsonObject, objectAt, parseJsonObject, textAt, type JsonObject } from '#kernel/json.ts';
import { countPrompt } from './prompt.ts';
import type { Exchange } from './exchange.ts';
import { contentSegments } from './read-parts.ts';
import { invalid, Refusal } from './refusal.ts';
import { itemsOf, listOf, storedKey } from './stored-items.ts';
import type { StoredConversation } from './stored-response.ts';

function notFound(what: string, id: string): Refusal {
  return new Refusal(404, {
    code: null,
    message: `${what} with id '${id}' not found.`,
    type: 'invalid_request_error',
    param: null,
  });
}

const shown = (id: string, { createdAt, metadata }: StoredConversation): JsonObject => ({
  id,
  object: 'conversation',
  created_at: createdAt,
  metadata,
});

/** How many items one call may add. Source: OpenAI API reference, conversations. */
const mostItems = 20;

/** Adds what a caller wrote; answers the new items. */
function add(exchange: Exchange, conversation: StoredConversation, body: JsonObject): readonly JsonObject[] {
  const given = arrayAt(body, 'items') ?? [];
  if (given.length > mostItems) throw invalid(`At most ${mostItems} items at a time.`, { param: 'items' });
  const items = itemsOf(exchange, given);
  const { framing, tokenizer } = exchange.world;
  const prompt = items.flatMap((item) => [{ hidden: framing.perMessage }, ...contentSegments(item['content'])]);
  conversation.items = [...conversation.items, ...items];
  conversation.tokens += countPrompt(prompt, tokenizer).tokens;
  return items;
}

function create(exchange: Exchange, body: JsonObject): JsonObject {
  const { world, ids } = exchange;
  const id = ids.named('conv_', 48);
  const createdAt = Math.floor(world.clock.now() / 1000);
  const conversation = { metadata: objectAt(body, 'metadata') ?? {}, createdAt, items: [], tokens: 0 };
  add(exchange, conversation, body);
  world.conversations.set(storedKey(exchange, id), conversation);
  return shown(id, conversation);
}

/** Answers what is asked of conversations and of their items. */
export function answerConversation(exchange: Exchange, bodyText: string): JsonObject {
  const { operation, stored, method } = exchange.route;
  const body = method === 'POST' ? parseJsonObject(bodyText === '' ? '{}' : bodyText) : {};
  if (body === undefined) throw invalid('The body of the request is not a JSON object.');
  if (operation === 'conversations.create') return create(exchange, body);
  const id = stored?.id ?? '';
  const conversation = conversationOf(exchange, id);
  if (operation.startsWith('conversations.items.')) return answerItems(exchange, { id, conversation, body });
  if (operation === 'conversations.delete') {
    exchange.world.conversations.delete(storedKey(exchange, id));
    return { id, object: 'conversation.deleted', deleted: true };
  }
  if (operation === 'conversations.update') conversation.metadata = objectAt(body, 'metadata') ?? conversation.metadata;
  return shown(id, conversation);
}

function answerItems(
  exchange: Exchange,
  given: { readonly id: string; readonly conversation: StoredConversation; readonly body: JsonObject },
): JsonObject {
  const { operation, stored } = exchange.route;
  const { id, conversation, body } = given;
  if (operation === 'conversations.items.create') return listOf(add(exchange, conversation, body));
  if (operation === 'conversations.items.list') return listOf(conversation.items);
  const item = itemOf(conversation, stored?.item ?? '');
  if (operation === 'conversations.items.retrieve') return item;
  conversation.items = conversation.items.filter((one) => one !== item);
  return shown(id, conversation);
}

function itemOf({ items }: StoredConversation, id: string): JsonObject {
  const item = items.find((one) => one['id'] === id);
  if (item === undefined) throw notFound('Item', id);
  return item;
}

function conversationOf(exchange: Exchange, id: string): StoredConversation {
  const found = exchange.world.conversations.get(storedKey(exchange, id));
  if (found === undefined) throw notFound('Conversation', id);
  return found;
}

/** The id of the conversation that a response belongs to; undefined where it belongs to none. */
export function conversationIdIn(body: JsonObject): string | undefined {
  const { conversation } = body;
  return isJsonObject(conversation) ? textAt(conversation, 'id') : textAt(body, 'conversation');
}

/** Tokens that the conversation of a request brings along. */
export function tokensBefore(exchange: Exchange, body: JsonObject): number {
  const id = conversationIdIn(body);
  if (id === undefined) return 0;
  if (textAt(body, 'previous_response_id') !== undefined)
    throw invalid("Mutually exclusive parameters: 'previous_response_id' and 'conversation'.", {
      code: 'mutually_exclusive_parameters',
    });
  return conversationOf(exchange, id).tokens;
}

/** What was asked and answered becomes part of the conversation. */
export function continueConversation(
  exchange: Exchange,
  body: JsonObject,
  said: { readonly items: readonly JsonObject[]; readonly tokens: number },
): void {
  const id = conversationIdIn(body);
  const conversation = id === undefined ? undefined : exchange.world.conversations.get(storedKey(exchange, id));
  if (conversation === undefined) return;
  conversation.items = [...conversation.items, ...said.items];
  conversation.tokens = said.tokens;
}
