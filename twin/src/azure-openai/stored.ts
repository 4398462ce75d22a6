import type { JsonObject } from '#kernel/json.ts';
import { answerConversation } from './conversations.ts';
import { deliverWhole } from './deliver.ts';
import type { Exchange } from './exchange.ts';
import { commonHeaders } from './headers.ts';
import { listOf, storedKey } from './stored-items.ts';
import { invalid, Refusal, refusalAskedFor } from './refusal.ts';

function notFound(id: string): Refusal {
  return new Refusal(404, {
    code: null,
    message: `Response with id '${id}' not found.`,
    type: 'invalid_request_error',
    param: null,
  });
}

/** Answers what is asked of something stored. It uses no token, so nothing of it is in the record. */
export async function answerStored(exchange: Exchange, bodyText: string): Promise<void> {
  const { route, faults } = exchange;
  const refusal = refusalAskedFor(faults);
  if (refusal !== undefined) throw refusal;
  const answer = route.operation.startsWith('conversations.')
    ? answerConversation(exchange, bodyText)
    : answerResponse(exchange);
  await deliverWhole(exchange, {
    headers: commonHeaders(exchange),
    promptTokens: 0,
    hash: 0,
    body: JSON.stringify(answer),
    used: { output: 0, reasoning: 0 },
  });
}

function answerResponse(exchange: Exchange): JsonObject {
  const id = exchange.route.stored?.id ?? '';
  const { responses } = exchange.world;
  const stored = responses.get(storedKey(exchange, id));
  if (stored === undefined) throw notFound(id);
  const { operation } = exchange.route;
  if (operation === 'responses.delete') {
    responses.delete(storedKey(exchange, id));
    return { id, object: 'response.deleted', deleted: true };
  }
  if (operation === 'responses.cancel') throw invalid('Cannot cancel a synchronous response.');
  return operation === 'responses.input_items' ? listOf(stored.input) : stored.whole;
}
