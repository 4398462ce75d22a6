import { Failure } from '#kernel/errors.ts';
import { isJsonObject, type Json } from '#kernel/json.ts';
import type { Caller } from '#model/admission.ts';
import type { Binding } from '#model/affinity.ts';
import type { Exchange } from '#model/exchange.ts';
import { boundByContents, joinBindings } from './brought-contents.ts';
import { ownerOf, resourceAt } from './homes.ts';
import { openId, sealId, type IdPrefix } from './signed-id.ts';

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
  const home = opened === undefined ? undefined : resourceAt(endpoints.values(), opened);
  if (opened === undefined || home === undefined) throw new Failure(code, message, { param });
  const { raw } = opened;
  const value = JSON.stringify(isJsonObject(given) ? { ...given, id: raw } : raw);
  return { resource: home, param, edits: new Map([[param, value]]), cuts: [], known: new Map([[raw, id]]) };
}

/** By the one thing that it refers to. */
function boundByReference(exchange: Exchange, caller: Caller): Binding | null {
  const { previous_response_id: previous = null, conversation = null } = exchange.body.json;
  if (previous === null) {
    return conversation === null ? null : boundBy(exchange, caller, { param: 'conversation', given: conversation });
  }
  if (conversation !== null)
    throw wrong('previous_response_id', "'previous_response_id' and 'conversation' exclude each other.");
  return boundBy(exchange, caller, { param: 'previous_response_id', given: previous });
}

/**
 * Where a call must go because of what it refers to or brings along, and what that is called there; null where that may be
 * anywhere. Throws `previous_response_not_found` or `conversation_not_found` for an id that is not this caller's,
 * `invalid_encrypted_content` for encrypted reasoning that is not, or that no one resource can read.
 */
export function bindingOf(exchange: Exchange, caller: Caller): Binding | null {
  if (exchange.operation !== 'responses') return null;
  const { snapshot, body } = exchange;
  return joinBindings(boundByReference(exchange, caller), boundByContents({ snapshot, caller, body, param: 'input' }));
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
