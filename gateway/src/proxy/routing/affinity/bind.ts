import { Failure } from '#kernel/errors.ts';
import type { Caller } from '#model/admission.ts';
import type { AffinityRules, Binding } from '#model/affinity.ts';
import type { Endpoint } from '#model/endpoint.ts';
import type { Exchange } from '#model/exchange.ts';
import { openId, resourceTag, sealId, type OpenedId } from './signed-id.ts';

/** Whose the ids of a caller are. */
export function ownerOf(rules: AffinityRules, { subscription, chargedTo }: Caller): string {
  return rules.boundTo === 'consumer' ? `consumer ${chargedTo.consumer}` : `subscription ${subscription.name}`;
}

/** The endpoints that can reach a resource, by its tag. */
export function endpointsAt(endpoints: Iterable<Endpoint>, { tag }: OpenedId): readonly Endpoint[] {
  return [...endpoints].filter(({ resource }) => resourceTag(resource) === tag);
}

/**
 * Where a call must go because of what it refers to, and what that is called there; null where it refers to nothing.
 * Throws `previous_response_not_found` for an id that is not this caller's.
 */
export function bindingOf(exchange: Exchange, caller: Caller): Binding | null {
  const given = exchange.operation === 'responses' ? exchange.body.json['previous_response_id'] : undefined;
  if (given === undefined || given === null) return null;
  const param = 'previous_response_id';
  if (typeof given !== 'string') throw new Failure('invalid_request_body', `'${param}' must be text.`, { param });
  const { affinity, endpoints } = exchange.snapshot;
  const opened = openId(affinity, given, { prefix: 'resp_', owner: ownerOf(affinity, caller) });
  const [home] = opened === undefined ? [] : endpointsAt(endpoints.values(), opened);
  if (opened === undefined || home === undefined)
    throw new Failure('previous_response_not_found', 'There is no previous response with this id.', { param });
  return { resource: home.resource, param, known: new Map([[opened.raw, given]]) };
}

/** Makes the ids that a caller gets for those of a resource. */
export function sealer(
  exchange: Pick<Exchange, 'snapshot'>,
  caller: Caller,
  resource: string,
): (raw: string) => string {
  const { affinity } = exchange.snapshot;
  const sealing = { prefix: 'resp_', owner: ownerOf(affinity, caller), resource } as const;
  return (raw) => sealId(affinity, raw, sealing);
}
