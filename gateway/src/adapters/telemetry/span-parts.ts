import { genAiOperation, genAiProvider } from '#model/gen-ai.ts';
import {
  isMetered,
  isStored,
  type MeteredOperation,
  type Operation,
  type StoredOperation,
  type Surface,
} from '#model/operation.ts';
import { storedCalls } from '#model/stored-calls.ts';
import type { SpanAttribute } from './attributes.ts';
import type { SentAttempt, SentCall, SentCalls, SentEndpoint, SentRecord } from './messages.ts';

/** An attempt, and what it belongs to. */
export interface Placed {
  readonly call: SentCall;
  readonly attempt: SentAttempt;
  readonly endpoint: SentEndpoint;
}

export type Value = string | number | boolean;

/** Attributes while they are gathered: what is not known is left out. */
export class Attributes {
  readonly values: Partial<Record<SpanAttribute, Value>> = {};

  set(name: SpanAttribute, value: Value | null | undefined): this {
    if (value !== null && value !== undefined) this.values[name] = value;
    return this;
  }
}

const paths: Readonly<Record<Operation, string>> = {
  'chat.completions': 'chat/completions',
  completions: 'completions',
  embeddings: 'embeddings',
  responses: 'responses',
  'batches.create': 'batches',
  'models.list': 'models',
  'models.retrieve': 'models/{model}',
};

function pathOf(operation: Operation | StoredOperation): string {
  if (!isStored(operation)) return paths[operation];
  const { collection, steps } = storedCalls[operation];
  return [collection, ...steps.map((step) => (step === 'id' || step === 'item' ? `{${step}}` : step))].join('/');
}

const inDeployment = (operation: Operation | StoredOperation): operation is MeteredOperation =>
  isMetered(operation) && operation !== 'responses';

/** The path of an operation with names in the place of whatever differs from call to call. */
export function routeOf(operation: Operation | StoredOperation, surface: Surface): string {
  if (surface === 'v1') return `/openai/v1/${pathOf(operation)}`;
  return inDeployment(operation)
    ? `/openai/deployments/{deployment}/${pathOf(operation)}`
    : `/openai/${pathOf(operation)}`;
}

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH']);
/** Whatever a client writes there must not become as many names of spans. */
export const methodOf = (method: string): string => (methods.has(method) ? method : '_OTHER');

/** Where an attempt was sent; the ids of stored things are left out. */
function urlOf({ endpoint, attempt }: Placed, operation: Operation | StoredOperation): string {
  const route = routeOf(operation, endpoint.classic ? 'classic' : 'v1');
  const deployment = encodeURIComponent(attempt.record?.deployment ?? '');
  return `${endpoint.base}${route.replace('{deployment}', deployment)}`;
}

/** What the API is called by OpenTelemetry; undefined for operations that it has no name for. */
function apiType(operation: Operation | StoredOperation): string | undefined {
  if (operation === 'chat.completions') return 'chat_completions';
  return operation === 'responses' ? 'responses' : undefined;
}

function ofModel(attributes: Attributes, operation: Operation | StoredOperation, stream: boolean): void {
  if (!isMetered(operation)) return;
  attributes
    .set('gen_ai.operation.name', genAiOperation(operation))
    .set('gen_ai.provider.name', genAiProvider)
    .set('gen_ai.request.stream', stream ? true : undefined)
    .set('openai.api.type', apiType(operation));
}

export function callAttributes(call: SentCall, callers: SentCalls['callers']): Attributes['values'] {
  const { operation, surface } = call;
  const caller = call.caller === null ? undefined : callers[call.caller];
  const attributes = new Attributes()
    .set('http.request.method', methodOf(call.method))
    .set('http.response.status_code', call.status)
    .set('url.scheme', 'http')
    .set('error.type', call.code)
    .set('tollgate.request_id', call.requestId)
    .set('tollgate.operation', operation)
    .set('gen_ai.request.model', call.model)
    .set('tollgate.subscription', caller?.subscription)
    .set('tollgate.product', caller?.product)
    .set('tollgate.consumer', caller?.consumer)
    .set('tollgate.cost_centre', caller?.costCentrePath)
    .set('tollgate.waited_ms', call.waitedMs === 0 ? undefined : Math.round(call.waitedMs))
    .set('tollgate.attempts', call.attempts.length);
  if (operation !== null && surface !== null) {
    attributes.set('http.route', routeOf(operation, surface));
    ofModel(attributes, operation, call.stream);
  }
  return attributes.values;
}

/** 10^-9 USD as a decimal number of dollars, exactly. */
function usd(nano: string | null): string | undefined {
  if (nano === null) return undefined;
  const digits = nano.replace('-', '').padStart(10, '0');
  const fraction = digits.slice(-9).replace(/0+$/, '');
  const whole = `${nano.startsWith('-') ? '-' : ''}${digits.slice(0, -9)}`;
  return fraction === '' ? whole : `${whole}.${fraction}`;
}

/** From 400 on the status; else a word for what broke. What the gateway or the client gave up is no error of the upstream. */
export function attemptErrorOf({ httpStatus, record }: SentAttempt): string | undefined {
  if (httpStatus === null && record === null) return '_OTHER';
  if (httpStatus !== null && httpStatus >= 400) return String(httpStatus);
  const outcome = record?.outcome;
  return outcome === 'timed-out' || outcome === 'upstream-broke' ? outcome : undefined;
}

function ofRecord(attributes: Attributes, record: SentRecord): void {
  attributes
    .set('gen_ai.response.model', record.reportedModel)
    .set(
      'gen_ai.response.time_to_first_chunk',
      record.stream && record.firstByteMs !== null ? record.firstByteMs / 1000 : undefined,
    )
    .set('gen_ai.usage.input_tokens', record.input)
    .set('gen_ai.usage.cache_read.input_tokens', record.cachedInput)
    .set('gen_ai.usage.cache_creation.input_tokens', record.cacheWriteInput)
    .set('gen_ai.usage.output_tokens', record.output)
    .set('gen_ai.usage.reasoning.output_tokens', record.reasoning)
    .set('openai.response.service_tier', record.serviceTier)
    .set('http.request.resend_count', record.attempt > 1 ? record.attempt - 1 : undefined)
    .set('tollgate.record_id', record.id)
    .set('tollgate.attempt', record.attempt)
    .set('tollgate.deployment', record.deployment)
    .set('tollgate.outcome', record.outcome)
    .set('tollgate.measured_input', record.measuredInput)
    .set('tollgate.measured_output', record.measuredOutput)
    .set('tollgate.cost_usd', usd(record.nanoUsd))
    .set('tollgate.price_book', record.priceBook)
    .set('tollgate.spilled_from', record.spilledFrom)
    .set('tollgate.upstream_request_id', record.upstreamRequestId);
}

export function attemptAttributes(placed: Placed): Attributes['values'] {
  const { call, attempt, endpoint } = placed;
  const { record } = attempt;
  const operation = record?.operation ?? call.operation;
  const attributes = new Attributes()
    .set('http.request.method', record === null ? methodOf(call.method) : 'POST')
    .set('http.response.status_code', attempt.httpStatus)
    .set('server.address', endpoint.address)
    .set('server.port', endpoint.port)
    .set('error.type', attemptErrorOf(attempt))
    .set('tollgate.endpoint', endpoint.endpoint)
    .set('tollgate.resource', endpoint.resource)
    .set('tollgate.region', endpoint.region);
  if (operation !== null) {
    attributes.set('url.full', urlOf(placed, operation));
    ofModel(attributes, operation, call.stream);
  }
  if (record === null) return attributes.values;
  attributes
    .set('gen_ai.request.model', endpoint.model)
    .set('tollgate.deployment_type', endpoint.deploymentType)
    .set('tollgate.model_version', endpoint.modelVersion);
  ofRecord(attributes, record);
  return attributes.values;
}

/** `chat gpt-5-mini`; for what is stored, the operation. */
export function attemptName({ call, attempt, endpoint }: Placed): string {
  if (attempt.record === null) return call.operation ?? 'upstream';
  return `${genAiOperation(attempt.record.operation)} ${endpoint.model}`;
}
