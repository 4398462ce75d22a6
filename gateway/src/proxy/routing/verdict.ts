import { isJsonObject, parseJsonObject, type JsonObject } from '#kernel/json.ts';
import type { Verdict } from './endpoint-state.ts';
import { cooldownOf, type Oddity, type ReplyHeaders } from './retry-after.ts';

/** What is done about a reply that is not 2xx, before any byte of it has reached the client. */
export type Judgement =
  /** The client's own doing: shows nothing of the endpoint. */
  | { readonly action: 'deliver'; readonly outcome: 'filtered-prompt' | 'refused-by-upstream' | 'upstream-broke' }
  | { readonly action: 'try-another'; readonly fault: Fault };

/** What speaks against an endpoint, or keeps it from being used now. */
export type Fault = Extract<Verdict, { kind: 'throttled' | 'failed' | 'misconfigured' }>;

/** Without a word from the upstream, ms. */
const defaultCooldownMs = 1_000;

function errorOf(body: Buffer): JsonObject | undefined {
  const error = parseJsonObject(body.toString('utf8'))?.['error'];
  return isJsonObject(error) ? error : undefined;
}

/** 400 `content_filter`: the prompt was refused; not the endpoint's fault. */
function isFilteredPrompt(status: number, body: Buffer): boolean {
  if (status !== 400) return false;
  const error = errorOf(body);
  if (error === undefined) return false;
  const inner = error['innererror'];
  return (
    error['code'] === 'content_filter' || (isJsonObject(inner) && inner['code'] === 'ResponsibleAIPolicyViolation')
  );
}

const configurationCodes = new Set(['404', 'DeploymentNotFound', 'ResourceNotFound', 'model_not_found']);

/**
 * A 404 that speaks of our configuration, not of something the caller named: a `code` of null is how OpenAI tells that
 * (a vector store, a file), and nobody else's calls may suffer for it.
 */
function isOurFault(status: number, body: Buffer): boolean {
  if (status === 401 || status === 403) return true;
  if (status !== 404) return false;
  const code = errorOf(body)?.['code'];
  return typeof code === 'string' ? configurationCodes.has(code) : code !== null;
}

/**
 * 500 `model_error`: what the model wrote was no valid reply ("consider modifying your prompt"). It follows from the prompt,
 * wherever it is sent; recorded by users of several clients, such as github.com/BerriAI/litellm/issues/8020.
 */
function isModelError({ status, body }: Pick<UpstreamAnswer, 'status' | 'body'>): boolean {
  return status === 500 && errorOf(body)?.['type'] === 'model_error';
}

function deliveredOutcome({ status, body }: UpstreamAnswer): Extract<Judgement, { action: 'deliver' }>['outcome'] {
  if (status >= 500) return 'upstream-broke';
  return isFilteredPrompt(status, body) ? 'filtered-prompt' : 'refused-by-upstream';
}

export interface UpstreamAnswer {
  readonly status: number;
  readonly headers: ReplyHeaders;
  /** The whole body of a reply that is not 2xx. */
  readonly body: Buffer;
  /** UTC ms. */
  readonly now: number;
  readonly odd: Oddity;
}

function faultOf(answer: UpstreamAnswer): Fault | undefined {
  const { status, headers } = answer;
  if (isModelError(answer)) return undefined;
  if (status === 429 || status === 408 || status >= 500) {
    const wait = cooldownOf(headers, answer.now, answer.odd);
    if (status === 429 || (status === 503 && wait !== undefined))
      return { kind: 'throttled', cooldownMs: wait ?? defaultCooldownMs };
    return { kind: 'failed', reason: `status ${status}`, leastMs: wait ?? 0 };
  }
  return isOurFault(status, answer.body) ? { kind: 'misconfigured', reason: `status ${status}` } : undefined;
}

/** Judges a reply that is not 2xx. */
export function judge(answer: UpstreamAnswer): Judgement {
  const fault = faultOf(answer);
  return fault === undefined
    ? { action: 'deliver', outcome: deliveredOutcome(answer) }
    : { action: 'try-another', fault };
}
