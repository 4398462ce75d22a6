import { Failure } from '#kernel/errors.ts';
import { isJsonObject, type Json } from '#kernel/json.ts';
import type { Caller } from '#model/admission.ts';
import type { AffinityRules, Binding } from '#model/affinity.ts';
import type { Endpoint } from '#model/endpoint.ts';
import type { Exchange } from '#model/exchange.ts';
import { openId, resourceTag, sealId, type IdPrefix, type OpenedId } from './signed-id.ts';

/** Whose the ids of a caller are. */
export function ownerOf(rules: AffinityRules, { subscription, chargedTo }: Caller): string {
  return rules.boundTo === 'consumer' ? `consumer ${chargedTo.consumer}` : `subscription ${subscription.name}`;
}

/** The endpoints that can reach a resource, by its tag. */
export function endpointsAt(endpoints: Iterable<Endpoint>, { tag }: OpenedId): readonly Endpoint[] {
  return [...endpoints].filter(({ resource }) => resourceTag(resource) === tag);
}

/** What a call may refer to, by the member of the body that does. */
const references = {
  previous_response_id: {
    prefix: 'resp_',
    code: 'previous_response_not_found',
    message: 'There is no previous response with this id.',
  },
  conversation: {
    prefix: 'conv_',
    code: 'conversation_not_found',
    message: 'There is no conversation with this id.',
  },
} as const;
type Reference = keyof typeof references;

const wrong = (param: string, message: string): Failure => new Failure('invalid_request_body', message, { param });

/** The id as the client wrote it: text, or an object that has it. */
function idIn(given: Json, param: Reference): string {
  const id = param === 'conversation' && isJsonObject(given) ? given['id'] : given;
  if (typeof id !== 'string')
    throw wrong(param, `'${param}' must be text${param === 'conversation' ? ' or hold an id' : ''}.`);
  return id;
}

function boundBy(
  exchange: Exchange,
  caller: Caller,
  found: { readonly param: Reference; readonly given: Json },
): Binding {
  const { param, given } = found;
  const { prefix, code, message } = references[param];
  const id = idIn(given, param);
  const { affinity, endpoints } = exchange.snapshot;
  const opened = openId(affinity, id, { prefix, owner: ownerOf(affinity, caller) });
  const [home] = opened === undefined ? [] : endpointsAt(endpoints.values(), opened);
  if (opened === undefined || home === undefined) throw new Failure(code, message, { param });
  const { raw } = opened;
  const value = JSON.stringify(isJsonObject(given) ? { ...given, id: raw } : raw);
  return { resource: home.resource, param, value, known: new Map([[raw, id]]) };
}

/**
 * Where a call must go because of what it refers to, and what that is called there; null where it refers to nothing.
 * Throws `previous_response_not_found` or `conversation_not_found` for an id that is not this caller's.
 */
export function bindingOf(exchange: Exchange, caller: Caller): Binding | null {
  if (exchange.operation !== 'responses') return null;
  const { previous_response_id: previous = null, conversation = null } = exchange.body.json;
  if (previous === null) {
    return conversation === null ? null : boundBy(exchange, caller, { param: 'conversation', given: conversation });
  }
  if (conversation !== null)
    throw wrong('previous_response_id', "'previous_response_id' and 'conversation' exclude each other.");
  return boundBy(exchange, caller, { param: 'previous_response_id', given: previous });
}

const prefixes: readonly IdPrefix[] = ['resp_', 'conv_'];

/** Makes the ids that a caller gets for those of a resource; what is no such id stays as it is. */
export function sealer(
  exchange: Pick<Exchange, 'snapshot'>,
  caller: Caller,
  resource: string,
): (raw: string) => string {
  const { affinity } = exchange.snapshot;
  const owner = ownerOf(affinity, caller);
  return (raw) => {
    const prefix = prefixes.find((one) => raw.startsWith(one));
    return prefix === undefined ? raw : sealId(affinity, raw, { prefix, owner, resource });
  };
}
