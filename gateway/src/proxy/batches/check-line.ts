import { Failure } from '#kernel/errors.ts';
import { isJsonObject, parseJsonObject, type Json, type JsonObject } from '#kernel/json.ts';
import type { Admission, Caller } from '#model/admission.ts';
import type { Arrival } from '#model/arrival.ts';
import type { Endpoint } from '#model/endpoint.ts';
import type { ModelRoute } from '#model/model-route.ts';
import type { MemberSpan } from '#model/request-body.ts';
import type { MeteredOperation } from '#model/operation.ts';
import { topLevelMembers } from '#proxy/accept/json-members.ts';
import { understand } from '#proxy/accept/read-body.ts';
import { findRoute } from '#proxy/policies/find-route.ts';
import type { PolicyContext } from '#proxy/policies/policy.ts';
import type { MostUsed } from '#proxy/ports.ts';
import type { Services } from '#proxy/services.ts';
import { applyEdits } from '#proxy/upstream/request.ts';

/** What a line may call. Azure takes each with and without `/v1` before it. */
const operations: ReadonlyMap<string, MeteredOperation> = new Map([
  ['/chat/completions', 'chat.completions'],
  ['/completions', 'completions'],
  ['/embeddings', 'embeddings'],
  ['/responses', 'responses'],
]);

/** The operation that a `url`, or the `endpoint` of a batch, means. */
export function batchOperation(url: Json | undefined): MeteredOperation | undefined {
  return typeof url === 'string' ? operations.get(url.replace(/^\/v1(?=\/)/, '')) : undefined;
}

/** A line as the resource gets it, and what it may use. */
export interface CheckedLine {
  readonly bytes: Buffer;
  readonly most: MostUsed;
}

/** Where all lines of a file go: its first line says it. */
export interface FileTarget {
  readonly operation: MeteredOperation;
  readonly route: ModelRoute;
  readonly endpoint: Endpoint;
}

const wrong = (param: string, message: string): Failure => new Failure('invalid_batch_file', message, { param });

interface Line {
  readonly operation: MeteredOperation;
  readonly model: string;
  readonly body: Buffer;
  /** Where the body stands in the line. */
  readonly start: number;
  readonly end: number;
}

const members = new Set(['custom_id', 'method', 'url', 'body']);
const carriageReturn = 0x0d;

/** The members of a line, and where they stand: what is checked must be what every reader reads. */
function membersOf(bytes: Buffer): { readonly json: JsonObject; readonly spans: ReadonlyMap<string, MemberSpan> } {
  // Some readers end a line there: they would see other lines than these.
  const at = bytes.indexOf(carriageReturn);
  if (at !== -1 && at < bytes.length - 1) throw wrong('line', 'there is a carriage return within it.');
  const json = parseJsonObject(bytes.toString('utf8'));
  if (json === undefined) throw wrong('line', 'it is not one well-formed JSON object.');
  const { spans, duplicate } = topLevelMembers(bytes);
  if (duplicate !== undefined) throw wrong(duplicate.slice(0, 64), 'a member stands twice.');
  // `Body` beside `body` is the same to some readers.
  const strange = Object.keys(json).find((name) => !members.has(name));
  if (strange !== undefined) throw wrong('line', `'${strange.slice(0, 64)}' is no member of a line.`);
  return { json, spans };
}

function parse(bytes: Buffer): Line {
  const { json, spans } = membersOf(bytes);
  const { custom_id: id, method, url, body } = json;
  if (typeof id !== 'string' || id === '') throw wrong('custom_id', "'custom_id' must be text.");
  if (method !== 'POST') throw wrong('method', "'method' must be POST.");
  const operation = batchOperation(url);
  if (operation === undefined)
    throw wrong('url', `'url' must be one of ${[...operations.keys()].map((one) => `/v1${one}`).join(', ')}.`);
  const span = spans.get('body');
  if (!isJsonObject(body) || span === undefined) throw wrong('body', "'body' must be an object.");
  const { model } = body;
  if (typeof model !== 'string' || model === '') throw wrong('model', "'model' must name the model to call.");
  return { operation, model, body: bytes.subarray(span.start, span.end), ...span };
}

const given = (value: Json | undefined): boolean => value !== undefined && value !== null;

/** What a batch cannot do, although a call can. */
function refuseWhatNoBatchDoes(json: JsonObject): void {
  if (json['stream'] === true) throw wrong('stream', 'nothing is streamed in a batch.');
  for (const name of ['previous_response_id', 'conversation'])
    if (given(json[name])) throw wrong(name, `'${name}' refers to what is stored, which a batch cannot reach.`);
  const { input } = json;
  if (Array.isArray(input) && input.some((item: Json) => isJsonObject(item) && given(item['encrypted_content'])))
    throw wrong('input', 'encrypted content can be read by the resource that made it alone.');
}

/** Checks the lines of one file: as the calls that they are, with the caller's models, caps and prices. */
export class LineChecks {
  readonly #services: Services;
  readonly #arrival: Arrival;
  readonly #caller: Caller;
  #target: FileTarget | undefined;

  constructor(services: Services, of: { readonly arrival: Arrival; readonly caller: Caller }) {
    this.#services = services;
    this.#arrival = of.arrival;
    this.#caller = of.caller;
  }

  /** Undefined until a line has said it. */
  get target(): FileTarget | undefined {
    return this.#target;
  }

  /** Throws, or rejects with, the Failure to tell. */
  async check(bytes: Buffer, endpointOf: (route: ModelRoute) => Endpoint): Promise<CheckedLine> {
    const line = parse(bytes);
    const target = (this.#target ??= this.#targetOf(line, endpointOf));
    if (line.model !== target.route.name)
      throw wrong(
        'model',
        `it calls '${line.model}', and the first line '${target.route.name}': a file has one model.`,
      );
    if (line.operation !== target.operation) throw wrong('url', 'it calls another operation than the first line.');
    const { pathModel: _path, ...head } = this.#arrival;
    const exchange = understand({ ...head, pathModel: null, surface: 'v1' }, line.operation, line.body);
    refuseWhatNoBatchDoes(exchange.body.json);
    const route = { ...target.route, endpoints: [target.endpoint] };
    const admission: Admission = { exchange, caller: this.#caller, route, binding: null, edits: new Map() };
    await this.#runInbound(admission);
    const most = this.#services.limits.mostOf(admission, this.#arrival.receivedAt);
    const { deployment } = target.endpoint;
    if (deployment !== line.model) admission.edits.set('model', JSON.stringify(deployment));
    const body = applyEdits(exchange.body, admission.edits);
    const rest = [bytes.subarray(0, line.start), body, bytes.subarray(line.end)];
    return { bytes: admission.edits.size === 0 ? bytes : Buffer.concat(rest), most };
  }

  #targetOf(line: Line, endpointOf: (route: ModelRoute) => Endpoint): FileTarget {
    const { product } = this.#caller.subscription;
    const route = findRoute(this.#arrival.snapshot, { name: line.model, product, surface: 'v1' });
    if (route.batch.length === 0) throw wrong('model', `the model '${line.model}' takes no batches.`);
    return { operation: line.operation, route, endpoint: endpointOf(route) };
  }

  /** The same steps as a call passes, with the deployment that will run it. */
  async #runInbound(admission: Admission): Promise<void> {
    const context: PolicyContext = {
      ...admission,
      reply: undefined,
      failure: undefined,
      forward: () => Promise.reject(new Error('A line is run by its batch.')),
    };
    for (const step of this.#services.pipeline.inbound) await step.run(context);
  }
}
