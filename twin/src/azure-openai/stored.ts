import type { JsonObject } from '#kernel/json.ts';
import { answerBatch } from './batches.ts';
import { answerConversation } from './conversations.ts';
import { deliverWhole } from './deliver.ts';
import type { Exchange } from './exchange.ts';
import { answerFile } from './files.ts';
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
  const answer = answerOf(exchange, bodyText);
  await deliverWhole(exchange, {
    headers: commonHeaders(exchange),
    promptTokens: 0,
    hash: 0,
    body: typeof answer === 'string' ? answer : JSON.stringify(answer),
    // Azure answers 201 to what it has made. Source: REST reference, Files - Upload.
    status: route.operation === 'files.create' ? 201 : 200,
    used: { output: 0, reasoning: 0 },
  });
}

/** Text is the content of a file. */
function answerOf(exchange: Exchange, bodyText: string): JsonObject | string {
  const [collection] = exchange.route.operation.split('.');
  if (collection === 'conversations') return answerConversation(exchange, bodyText);
  if (collection === 'files') return answerFile(exchange, bodyText);
  return collection === 'batches' ? answerBatch(exchange, bodyText) : answerResponse(exchange);
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
