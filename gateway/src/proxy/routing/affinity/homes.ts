import type { Caller } from '#model/admission.ts';
import type { AffinityRules } from '#model/affinity.ts';
import type { Endpoint } from '#model/endpoint.ts';
import { resourceTag } from './signature.ts';
import type { OpenedId } from './signed-id.ts';

/** Whose the ids of a caller are. */
export function ownerOf(rules: AffinityRules, { subscription, chargedTo }: Caller): string {
  return rules.boundTo === 'consumer' ? `consumer ${chargedTo.consumer}` : `subscription ${subscription.name}`;
}

/** The endpoints that can reach a resource, by its tag. */
export function endpointsAt(endpoints: Iterable<Endpoint>, { tag }: Pick<OpenedId, 'tag'>): readonly Endpoint[] {
  return [...endpoints].filter(({ resource }) => resourceTag(resource) === tag);
}

/** The base URL of a resource; undefined where no endpoint reaches it any more. */
export function resourceAt(endpoints: Iterable<Endpoint>, opened: Pick<OpenedId, 'tag'>): string | undefined {
  return endpointsAt(endpoints, opened)[0]?.resource;
}
