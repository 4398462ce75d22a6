import { Failure } from '#kernel/errors.ts';
import { isJsonObject, objectsIn, type Json, type JsonObject } from '#kernel/json.ts';
import { encryptedMember, type Binding } from '#model/affinity.ts';
import type { Exchange } from '#model/exchange.ts';
import type { ModelRoute } from '#model/model-route.ts';
import type { PolicyStep } from '#proxy/policies/policy.ts';

function invalid(param: string, message: string): Failure {
  return new Failure('invalid_request_body', message, { param });
}

function refuseWhatCannotBeMetered(exchange: Exchange): void {
  const background = exchange.body.json['background'];
  if (background !== undefined && background !== null && typeof background !== 'boolean') {
    throw invalid('background', "'background' must be true or false.");
  }
  if (background === true) {
    throw new Failure(
      'unsupported_parameter',
      'Background responses are not served: their usage is known only after the request.',
      {
        param: 'background',
      },
    );
  }
}

/** Parameters that only the classic surface has. Source: Azure OpenAI v1 lifecycle page, "On Your Data" is not on v1. */
const classicOnly = ['data_sources', 'dataSources', 'enhancements'] as const;

function refuseWhatTheUpstreamLacks(exchange: Exchange, route: ModelRoute): void {
  for (const name of classicOnly) {
    if (exchange.body.json[name] === undefined) continue;
    if (route.endpoints.some((endpoint) => endpoint.surface.kind === 'v1')) {
      throw new Failure(
        'unsupported_parameter',
        `'${name}' cannot be carried by the endpoints of this model (v1 surface).`,
        { param: name },
      );
    }
  }
}

const contentIds = ['file_id', 'image_file_id'] as const;

function refersToFile(part: Json): boolean {
  if (!isJsonObject(part)) return false;
  if (contentIds.some((name) => typeof part[name] === 'string')) return true;
  const file = part['file'];
  return isJsonObject(file) && typeof file['file_id'] === 'string';
}

function anyPart(items: Json | undefined, test: (part: Json) => boolean): boolean {
  if (!Array.isArray(items)) return false;
  return items.some((item: Json) => {
    if (test(item)) return true;
    if (!isJsonObject(item)) return false;
    // What somebody said, and what a tool gave back.
    const parts = item['content'] ?? item['output'];
    if (Array.isArray(parts)) return parts.some((part: Json) => test(part));
    return isJsonObject(parts) && test(parts);
  });
}

function isItemReference(item: Json): boolean {
  return isJsonObject(item) && item['type'] === 'item_reference';
}

function boundTool(tool: Json): boolean {
  if (!isJsonObject(tool)) return false;
  if (Array.isArray(tool['vector_store_ids']) || typeof tool['container'] === 'string') return true;
  return isJsonObject(tool['container']) && Array.isArray(tool['container']['file_ids']);
}

/** The member that refers to something that a caller has made in one resource, or undefined. */
function madeThere(json: JsonObject): string | undefined {
  if (anyPart(json['input'], (part) => refersToFile(part) || isItemReference(part))) return 'input';
  if (anyPart(json['messages'], refersToFile)) return 'messages';
  return Array.isArray(json['tools']) && json['tools'].some((tool: Json) => boundTool(tool)) ? 'tools' : undefined;
}

/** The member that ties a call to one resource, or undefined. Stored prompts are the platform's, and nobody's own. */
function resourceBound(json: JsonObject): string | undefined {
  return isJsonObject(json['prompt']) ? 'prompt' : madeThere(json);
}

/**
 * Whether a call refers to something that lives in one resource, or brings along what only one can read: it is not sent to
 * a second one beside the first, nor to another model.
 */
export function livesInOneResource(exchange: Exchange, binding: Binding | null): boolean {
  const { json, bytes } = exchange.body;
  return binding !== null || resourceBound(json) !== undefined || bytes.includes(encryptedMember);
}

/** Names that only these members have, at whatever depth they stand. */
const idNames = new Set([...contentIds, 'file_ids', 'vector_store_ids', 'container']);

function refersAnywhere(value: Json | undefined): boolean {
  for (const object of objectsIn(value)) {
    if (object['type'] === 'item_reference') return true;
    for (const [name, inner] of Object.entries(object))
      if (idNames.has(name) && (typeof inner === 'string' || Array.isArray(inner))) return true;
  }
  return false;
}

/** What another caller may have made: nothing shows whose it is. */
function refuseUnsigned({ body, snapshot, operation }: Exchange): void {
  if (snapshot.affinity.unsigned !== 'refuse' || operation === 'embeddings') return;
  for (const param of ['input', 'messages', 'tools'] as const) {
    if (!refersAnywhere(body.json[param])) continue;
    throw new Failure(
      'affinity_not_supported',
      `'${param}' refers to something by an id that does not say whose it is, which this gateway does not allow.`,
      { param },
    );
  }
}

function refuseWithoutAffinity(exchange: Exchange, route: ModelRoute, binding: Binding | null): void {
  if (binding !== null) {
    // What else it refers to lives where the previous response does, or nowhere.
    if (route.endpoints.some(({ resource }) => resource === binding.resource)) return;
    throw new Failure(
      'affinity_not_supported',
      `'${binding.param}' refers to what lives in a resource that does not serve this model.`,
      { param: binding.param },
    );
  }
  const [first] = route.endpoints;
  if (route.endpoints.every(({ resource }) => resource === first?.resource)) return;
  const param = resourceBound(exchange.body.json);
  if (param !== undefined) {
    throw new Failure(
      'affinity_not_supported',
      `'${param}' refers to what lives in one resource, and this model is served by several.`,
      { param },
    );
  }
}

const mustHave = {
  'chat.completions': 'messages',
  completions: 'prompt',
  embeddings: 'input',
  responses: undefined,
} as const;

function refuseIncomplete(exchange: Exchange): void {
  const name = mustHave[exchange.operation];
  if (name === undefined) return;
  const value = exchange.body.json[name];
  if (value === undefined || value === null) throw invalid(name, `'${name}' is missing.`);
  if (name === 'messages' && (!Array.isArray(value) || value.length === 0))
    throw invalid(name, "'messages' must be a list with at least one message.");
}

/** Refuses what cannot be metered, carried, or brought back to where it lives. */
export const requestChecks = {
  name: 'request-checks',
  section: 'inbound',
  judgesModel: true,
  run({ exchange, route, binding }) {
    refuseIncomplete(exchange);
    refuseWhatCannotBeMetered(exchange);
    refuseWhatTheUpstreamLacks(exchange, route);
    refuseUnsigned(exchange);
    refuseWithoutAffinity(exchange, route, binding);
  },
} as const satisfies PolicyStep;
