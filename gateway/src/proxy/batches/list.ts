import type { Caller } from '#model/admission.ts';
import type { Arrival } from '#model/arrival.ts';
import type { Endpoint } from '#model/endpoint.ts';
import type { Presence } from '#model/presence.ts';
import { Failure } from '#kernel/errors.ts';
import { isJsonArray, isJsonObject, type JsonObject } from '#kernel/json.ts';
import { usableModels } from '#proxy/policies/find-route.ts';
import type { Services } from '#proxy/services.ts';
import { reachable } from '#proxy/standing.ts';
import { findBy, inputFileId, isOwnersTag, sealingFor, untaggedName, type Sealing } from './ids.ts';
import { ask, failureFor, notJson, refusalIn, type Answer } from './resource.ts';
import { clientBatch, clientFile, marksOf } from './views.ts';

export interface ListCall {
  readonly operation: 'files.list' | 'batches.list';
  readonly arrival: Arrival;
  readonly caller: Caller;
  /** Where the client goes, no more is asked for it. */
  readonly presence: Presence;
}

const usuallyListed = 20;
const mostListed = 100;
const asked = 100;
/** So often are resources asked for one answer, all together. */
const mostCalls = 100;

const wrong = (param: string, message: string): Failure => new Failure('invalid_request_body', message, { param });

/** What of a list a caller wants. */
interface Wanted {
  readonly limit: number;
  readonly after: string | null;
  /** Files of this purpose only; null: every one. */
  readonly purpose: string | null;
}

function limitIn(given: string | null): number {
  const limit = given === null ? usuallyListed : Number(given);
  if (!Number.isInteger(limit) || limit < 1) throw wrong('limit', "'limit' must be a whole number from 1 on.");
  return Math.min(limit, mostListed);
}

/** Throws the Failure to tell where it cannot be listed like that: nothing that was asked for is left out of sight. */
function wantedBy({ arrival, operation }: ListCall): Wanted {
  const query = new URLSearchParams(arrival.query);
  const order = query.get('order');
  if (order !== null && order !== 'desc')
    throw new Failure('unsupported_parameter', "Lists begin with the newest: leave 'order' out.", { param: 'order' });
  const purpose = operation === 'files.list' ? query.get('purpose') : null;
  if (purpose === 'batch_output')
    throw new Failure('unsupported_parameter', 'Files that a batch has made are named by the batch, and not listed.', {
      param: 'purpose',
    });
  return { limit: limitIn(query.get('limit')), after: query.get('after'), purpose };
}

/** The resources that run batches of what the caller may use, in an order that is always the same. */
function resourcesOf(services: Services, { arrival, caller }: ListCall): readonly Endpoint[] {
  const byResource = Map.groupBy(
    usableModels(arrival.snapshot, caller.subscription.product).flatMap((route) => route.batch),
    ({ resource }) => resource,
  );
  return [...byResource]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([, endpoints]) => {
      const [endpoint] = reachable(services, endpoints);
      if (endpoint === undefined)
        throw new Failure('upstream_unavailable', 'A resource is out of service, and the list would not be whole.');
      return endpoint;
    });
}

/** A resource, and the resource's own id to go on after; null: from its beginning. */
interface Place {
  readonly endpoint: Endpoint;
  readonly after: string | null;
}

/** Where there may be more after something that was listed before. */
function placesAfter(services: Services, call: ListCall, after: string | null): readonly Place[] {
  const places = resourcesOf(services, call).map((endpoint) => ({ endpoint, after: null }));
  if (after === null) return places;
  const isFile = call.operation === 'files.list';
  const found = findBy(call.arrival.snapshot, call.caller, { id: after, prefix: isFile ? 'file-' : 'batch_' });
  const resource = found?.endpoints[0]?.resource;
  const first = places.findIndex(({ endpoint }) => endpoint.resource === resource);
  const [begin, ...rest] = first === -1 ? [] : places.slice(first);
  if (found === undefined || begin === undefined)
    throw new Failure(isFile ? 'file_not_found' : 'batch_not_found', "There is nothing with the id 'after' to list.", {
      param: 'after',
    });
  return [{ ...begin, after: found.raw }, ...rest];
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

/** Throws where the resource says that there is more, and not where. */
function pageIn(answer: Answer, { after }: Place): Page {
  const { data, has_more: more } = answer.json ?? {};
  if (!isJsonArray(data)) throw notJson();
  const items = data.filter((one) => isJsonObject(one));
  if (more !== true) return { items, next: null };
  const last = items.at(-1)?.['id'];
  if (typeof last !== 'string' || last === after)
    throw new Failure('upstream_invalid_reply', 'A resource says that its list goes on, and not where.');
  return { items, next: last };
}

async function pageOf(services: Services, call: ListCall, at: Place): Promise<Page> {
  const { operation, presence } = call;
  const query = new URLSearchParams({ limit: String(asked) });
  if (at.after !== null) query.set('after', at.after);
  // Azure lists every kind of file; only these are a caller's.
  if (operation === 'files.list') query.set('purpose', 'batch');
  const { traceContext } = call.arrival;
  const trace = call.arrival.trace?.beginAttempt(at.endpoint);
  const request = { operation, raw: null, query: query.toString(), traceContext, trace, presence };
  try {
    const answer = await ask(services, at.endpoint, request);
    const notFound = new Failure('upstream_misconfigured', 'A resource lists nothing.');
    const refusal = refusalIn(answer, { notFound, now: services.clock.now() });
    if (refusal !== undefined) throw refusal;
    return pageIn(answer, at);
  } catch (thrown) {
    throw failureFor(thrown);
  }
}

/** What is the caller's of all that resources list, page by page, until somebody has seen enough of it. */
class Search {
  readonly found: JsonObject[] = [];
  readonly #services: Services;
  readonly #call: ListCall;
  readonly #view: View;
  /** One more than is shown says that there are more. */
  readonly #enough: number;
  #calls = 0;

  constructor(services: Services, call: ListCall, limit: number) {
    this.#services = services;
    this.#call = call;
    this.#view = call.operation === 'files.list' ? viewFile : viewBatch;
    this.#enough = limit + 1;
  }

  /** False where there may be more than it was allowed to look at. */
  async through(places: readonly Place[]): Promise<boolean> {
    for (const place of places) {
      const { endpoint } = place;
      for (let after: string | null | undefined = place.after; after !== undefined;) {
        if (this.found.length >= this.#enough) return true;
        if (this.#calls >= mostCalls || this.#call.presence.gone) return false;
        this.#calls += 1;
        const page: Page = await pageOf(this.#services, this.#call, { endpoint, after });
        this.#take(page, endpoint);
        after = page.next ?? undefined;
      }
    }
    return true;
  }

  #take({ items }: Page, endpoint: Endpoint): void {
    const sealing = sealingFor(this.#call.arrival.snapshot, this.#call.caller, endpoint);
    for (const item of items) {
      const seen = this.found.length < this.#enough ? this.#view(item, sealing) : undefined;
      if (seen !== undefined) this.found.push(seen);
    }
  }
}

/**
 * Lists what is the caller's own, and nothing else. There is no table: every resource lists everybody's, and what is this
 * caller's bears its mark. In the order of the resource, the newest first at Azure; one resource after the other. Where one
 * of them does not answer there is no list, because one with a gap looks like a whole one.
 */
export async function listOwn(services: Services, call: ListCall): Promise<JsonObject> {
  const { limit, after, purpose } = wantedBy(call);
  // A caller has no others.
  if (purpose !== null && purpose !== 'batch') return listed([], false);
  const search = new Search(services, call, limit);
  const isWhole = await search.through(placesAfter(services, call, after));
  const { found } = search;
  if (!isWhole && found.length === 0)
    throw new Failure(
      'list_too_long',
      `What is yours is not among the first ${mostCalls * asked} that the resources list, which are everybody's.`,
    );
  return listed(found.slice(0, limit), !isWhole || found.length > limit);
}

function listed(data: readonly JsonObject[], hasMore: boolean): JsonObject {
  return {
    object: 'list',
    data,
    first_id: data[0]?.['id'] ?? null,
    last_id: data.at(-1)?.['id'] ?? null,
    has_more: hasMore,
  };
}
