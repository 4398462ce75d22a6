import { Failure } from '#kernel/errors.ts';
import type { JsonObject } from '#kernel/json.ts';
import type { Exchange } from '#model/exchange.ts';
import type { MeteredOperation } from '#model/operation.ts';
import type { PolicyStep } from '#proxy/policies/policy.ts';

/** Where each operation says how many tokens it may generate; the first is what is set when a call names none. */
const outputCaps: Readonly<Record<MeteredOperation, readonly string[]>> = {
  'chat.completions': ['max_completion_tokens', 'max_tokens'],
  completions: ['max_tokens'],
  responses: ['max_output_tokens'],
  embeddings: [],
};

function positiveInteger(json: JsonObject, name: string): number | undefined {
  const value = json[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1) {
    throw new Failure('invalid_request_body', `'${name}' must be a whole number above 0.`, { param: name });
  }
  return value;
}

/** A completion takes one prompt, or a list of them; a list of numbers is one prompt in tokens. */
function promptsOf({ operation, body }: Exchange): number {
  const prompt = operation === 'completions' ? body.json['prompt'] : undefined;
  return Array.isArray(prompt) && typeof prompt[0] !== 'number' ? Math.max(1, prompt.length) : 1;
}

/** How often the model answers in one call: each answer may be as long as the output cap that the call names. */
function choicesOf(exchange: Exchange): number {
  const n = positiveInteger(exchange.body.json, 'n') ?? 1;
  const bestOf = positiveInteger(exchange.body.json, 'best_of') ?? 1;
  return Math.max(n, bestOf) * promptsOf(exchange);
}

/** The API's own default for completions, which are short unless asked. Source: OpenAI API reference, completions. */
const silentCompletionTokens = 16;

function capOutput(exchange: Exchange, limit: OutputLimit, edits: Map<string, string>): void {
  const { cap, choices } = limit;
  const each = Math.floor(cap / choices);
  if (each < 1)
    throw new Failure('cap_exceeded', `So many choices are above the product's cap of ${cap} output tokens.`, {
      param: 'n',
    });
  const names = outputCaps[exchange.operation];
  let named = false;
  for (const name of names) {
    const asked = positiveInteger(exchange.body.json, name);
    if (asked === undefined) continue;
    named = true;
    if (asked > each) {
      const times = choices === 1 ? '' : `, ${choices} times,`;
      throw new Failure('cap_exceeded', `'${name}'${times} is above the product's cap of ${cap}.`, { param: name });
    }
  }
  const [first] = names;
  if (named || first === undefined) return;
  // A cap that a silent call escapes would be none.
  if (exchange.operation !== 'completions' || each < silentCompletionTokens) edits.set(first, String(each));
}

interface OutputLimit {
  /** Of the call. */
  readonly cap: number;
  readonly choices: number;
}

function largerOf(json: JsonObject): 'n' | 'best_of' {
  return (positiveInteger(json, 'best_of') ?? 0) > (positiveInteger(json, 'n') ?? 0) ? 'best_of' : 'n';
}

function capChoices(exchange: Exchange, choices: number, cap: number | null): void {
  if (cap === null || choices <= cap) return;
  const param = promptsOf(exchange) > 1 ? 'prompt' : largerOf(exchange.body.json);
  throw new Failure('cap_exceeded', `${choices} choices are above the product's cap of ${cap}.`, { param });
}

/** What one call may ask for at most: output tokens over all choices, choices, bytes. */
export const callCaps = {
  name: 'call-caps',
  section: 'inbound',
  run({ exchange, caller, edits }) {
    const { caps } = caller.subscription.product;
    if (caps.maxRequestBytes !== null && exchange.body.bytes.length > caps.maxRequestBytes) {
      throw new Failure(
        'request_too_large',
        `The body is larger than the product's cap of ${caps.maxRequestBytes} bytes.`,
      );
    }
    const choices = choicesOf(exchange);
    capChoices(exchange, choices, caps.maxChoices);
    if (caps.maxOutputTokens !== null) capOutput(exchange, { cap: caps.maxOutputTokens, choices }, edits);
    else for (const name of outputCaps[exchange.operation]) positiveInteger(exchange.body.json, name);
  },
} as const satisfies PolicyStep;
