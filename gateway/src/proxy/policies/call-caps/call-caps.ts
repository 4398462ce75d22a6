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

function capOutput(exchange: Exchange, cap: number | null, edits: Map<string, string>): void {
  const names = outputCaps[exchange.operation];
  let named = false;
  for (const name of names) {
    const asked = positiveInteger(exchange.body.json, name);
    if (asked === undefined) continue;
    named = true;
    if (cap !== null && asked > cap)
      throw new Failure('cap_exceeded', `'${name}' is above the product's cap of ${cap}.`, { param: name });
  }
  // A cap that a silent call escapes would be none.
  if (!named && cap !== null && names[0] !== undefined) edits.set(names[0], String(cap));
}

function capChoices(exchange: Exchange, cap: number | null): void {
  for (const name of ['n', 'best_of'] as const) {
    const asked = positiveInteger(exchange.body.json, name);
    if (asked !== undefined && cap !== null && asked > cap) {
      throw new Failure('cap_exceeded', `'${name}' is above the product's cap of ${cap}.`, { param: name });
    }
  }
}

/** What one call may ask for at most: output tokens, choices, bytes. */
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
    capChoices(exchange, caps.maxChoices);
    capOutput(exchange, caps.maxOutputTokens, edits);
  },
} as const satisfies PolicyStep;
