import { Failure } from '#kernel/errors.ts';
import type { JsonObject } from '#kernel/json.ts';
import type { Exchange } from '#model/exchange.ts';
import { choicesOf, outputCaps, positiveInteger, promptsOf, silentCompletionTokens } from '#model/asked-output.ts';
import type { PolicyStep } from '#proxy/policies/policy.ts';

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
