import { isJsonArray, type Json, type JsonObject } from '#kernel/json.ts';
import { deliverWhole } from './deliver.ts';
import type { Exchange } from './exchange.ts';
import { commonHeaders } from './headers.ts';
import type { StoredResponse } from './stored-response.ts';
import { invalid, Refusal, refusalAskedFor } from './refusal.ts';

/** The input of a request as the items that the service lists. */
export function inputItems(exchange: Exchange, body: JsonObject): readonly JsonObject[] {
  const { input } = body;
  const items: readonly Json[] = isJsonArray(input) ? input : [{ role: 'user', content: input ?? '' }];
  return items.map((item) => ({
    id: exchange.ids.named('msg_', 48),
    type: 'message',
    status: 'completed',
    ...(typeof item === 'object' && item !== null && !isJsonArray(item) ? item : {}),
  }));
}

/** Where a resource keeps a response. */
export const storedKey = (exchange: Exchange, id: string): string => `${exchange.resource?.name}/${id}`;

function notFound(id: string): Refusal {
  return new Refusal(404, {
    code: null,
    message: `Response with id '${id}' not found.`,
    type: 'invalid_request_error',
    param: null,
  });
}

/** Answers what is asked of a stored response. It uses no token, so nothing of it is in the record. */
export async function answerStored(exchange: Exchange): Promise<void> {
  const { route, world, faults } = exchange;
  const id = route.stored ?? '';
  const refusal = refusalAskedFor(faults);
  if (refusal !== undefined) throw refusal;
  const stored = world.responses.get(storedKey(exchange, id));
  if (stored === undefined) throw notFound(id);
  await deliverWhole(exchange, {
    headers: commonHeaders(exchange),
    promptTokens: 0,
    hash: 0,
    body: JSON.stringify(answerOf(exchange, { id, stored })),
    used: { output: 0, reasoning: 0 },
  });
}

function answerOf(
  exchange: Exchange,
  { id, stored }: { readonly id: string; readonly stored: StoredResponse },
): JsonObject {
  const { operation } = exchange.route;
  if (operation === 'responses.delete') {
    exchange.world.responses.delete(storedKey(exchange, id));
    return { id, object: 'response.deleted', deleted: true };
  }
  if (operation === 'responses.cancel') throw invalid('Cannot cancel a synchronous response.');
  if (operation !== 'responses.input_items') return stored.whole;
  return {
    object: 'list',
    data: stored.input,
    first_id: stored.input[0]?.['id'] ?? null,
    last_id: stored.input.at(-1)?.['id'] ?? null,
    has_more: false,
  };
}
