import type { Caller } from '#model/admission.ts';
import type { Arrival } from '#model/arrival.ts';
import type { Endpoint } from '#model/endpoint.ts';
import { Failure } from '#kernel/errors.ts';
import { isJsonArray, isJsonObject, type JsonObject } from '#kernel/json.ts';
import { usableModels } from '#proxy/policies/find-route.ts';
import type { Services } from '#proxy/services.ts';
import { reachable } from '#proxy/standing.ts';
import { findBy, inputFileId, isOwnersTag, sealingFor, untaggedName, type Sealing } from './ids.ts';
import { ask, failureFor, notJson, refusalIn } from './resource.ts';
import { clientBatch, clientFile, marksOf } from './views.ts';

export interface ListCall {
  readonly operation: 'files.list' | 'batches.list';
  readonly arrival: Arrival;
  readonly caller: Caller;
}

const mostListed = 100;
const asked = 100;
/** So many pages of a resource are looked through for one answer. */
const mostPages = 100;

/** The resources that run batches of what the caller may use, in an order that is always the same. */
function resourcesOf(services: Services, { arrival, caller }: ListCall): readonly Endpoint[] {
  const byResource = Map.groupBy(
    usableModels(arrival.snapshot, caller.subscription.product).flatMap((route) => route.batch),
    ({ resource }) => resource,
  );
  return [...byResource]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .flatMap(([, endpoints]) => reachable(services, endpoints));
}

interface Begin {
  readonly resource: string | null;
  readonly after: string | null;
}

function beginOf({ operation, arrival, caller }: ListCall, after: string | null): Begin {
  if (after === null) return { resource: null, after: null };
  const prefix = operation === 'files.list' ? 'file-' : 'batch_';
  const found = findBy(arrival.snapshot, caller, { id: after, prefix });
  const [endpoint] = found?.endpoints ?? [];
  if (found === undefined || endpoint === undefined)
    throw new Failure(
      prefix === 'file-' ? 'file_not_found' : 'batch_not_found',
      "There is nothing with the id 'after'.",
      {
        param: 'after',
      },
    );
  return { resource: endpoint.resource, after: found.raw };
}

function limitIn(given: string | null): number {
  const limit = given === null ? 20 : Number(given);
  if (!Number.isInteger(limit) || limit < 1)
    throw new Failure('invalid_request_body', "'limit' must be a whole number from 1 on.", { param: 'limit' });
  return Math.min(limit, mostListed);
}

/** As the caller sees it; undefined where it is not the caller's. */
type View = (one: JsonObject, sealing: Sealing) => JsonObject | undefined;

const viewFile: View = (file, sealing) => {
  const { id, filename } = file;
  if (typeof id !== 'string' || typeof filename !== 'string') return undefined;
  const { tag } = untaggedName(filename);
  if (tag === null || !isOwnersTag(sealing.affinity, sealing.owner, tag)) return undefined;
  return clientFile(file, inputFileId(sealing, id));
};

const viewBatch: View = (batch, sealing) => {
  const marks = marksOf(batch);
  if (marks === undefined || !isOwnersTag(sealing.affinity, sealing.owner, marks.tag)) return undefined;
  return clientBatch(batch, sealing);
};

interface Page {
  readonly items: readonly JsonObject[];
  /** The resource's own id to go on after; null at the end. */
  readonly next: string | null;
}

async function pageOf(
  services: Services,
  call: ListCall,
  at: { endpoint: Endpoint; after: string | null },
): Promise<Page> {
  const query = new URLSearchParams({ limit: String(asked) });
  if (at.after !== null) query.set('after', at.after);
  // Azure lists every kind of file; only these are a caller's.
  if (call.operation === 'files.list') query.set('purpose', 'batch');
  const { traceContext } = call.arrival;
  const trace = call.arrival.trace?.beginAttempt(at.endpoint);
  const request = { operation: call.operation, raw: null, query: query.toString(), traceContext, trace };
  try {
    const answer = await ask(services, at.endpoint, request);
    const notFound = new Failure('upstream_misconfigured', 'A resource lists nothing.');
    const refusal = refusalIn(answer, { notFound, now: services.clock.now() });
    if (refusal !== undefined) throw refusal;
    const { data, has_more: more } = answer.json ?? {};
    if (!isJsonArray(data)) throw notJson();
    const items = data.filter((one) => isJsonObject(one));
    const last = items.at(-1)?.['id'];
    return { items, next: more === true && typeof last === 'string' ? last : null };
  } catch (thrown) {
    throw failureFor(thrown);
  }
}

/** Everything that the resource lists, page by page. */
async function* itemsOf(
  services: Services,
  call: ListCall,
  from: { readonly endpoint: Endpoint; readonly after: string | null },
): AsyncGenerator<JsonObject> {
  let { after } = from;
  for (let page = 0; page < mostPages; page += 1) {
    const { items, next } = await pageOf(services, call, { endpoint: from.endpoint, after });
    yield* items;
    if (next === null) return;
    after = next;
  }
}

/**
 * Lists what is the caller's own, and nothing else. There is no table: every resource lists everybody's, and what is this
 * caller's bears its mark. The newest first within a resource, one resource after the other.
 */
export async function listOwn(services: Services, call: ListCall): Promise<JsonObject> {
  const { arrival, caller } = call;
  const query = new URLSearchParams(arrival.query);
  const limit = limitIn(query.get('limit'));
  const begin = beginOf(call, query.get('after'));
  const resources = resourcesOf(services, call);
  const first = begin.resource === null ? 0 : resources.findIndex(({ resource }) => resource === begin.resource);
  const view = call.operation === 'files.list' ? viewFile : viewBatch;
  const found: JsonObject[] = [];
  for (const [place, endpoint] of resources.slice(Math.max(0, first)).entries()) {
    const sealing = sealingFor(arrival.snapshot, caller, endpoint);
    const after = place === 0 ? begin.after : null;
    for await (const item of itemsOf(services, call, { endpoint, after })) {
      const seen = view(item, sealing);
      if (seen !== undefined) found.push(seen);
      // One more than is shown says that there are more.
      if (found.length > limit) break;
    }
    if (found.length > limit) break;
  }
  return listed(found, limit);
}

function listed(found: readonly JsonObject[], limit: number): JsonObject {
  const data = found.slice(0, limit);
  return {
    object: 'list',
    data,
    first_id: data[0]?.['id'] ?? null,
    last_id: data.at(-1)?.['id'] ?? null,
    has_more: found.length > limit,
  };
}
