import { Failure } from '#kernel/errors.ts';
import type { JsonObject } from '#kernel/json.ts';
import type { Exchange } from '#model/exchange.ts';
import { choicesOf, outputCaps, positiveInteger, promptsOf, silentCompletionTokens } from '#model/asked-output.ts';
import type { PolicyContext, PolicyStep } from '#proxy/policies/policy.ts';

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

/** The model's own maximum, and that of every model that the call may fall back to. */
function sendMaximum({ exchange, caller, route, edits }: PolicyContext): void {
  const [first] = outputCaps[exchange.operation];
  // Completions are short unless they ask.
  if (first === undefined || exchange.operation === 'completions') return;
  const { models } = exchange.snapshot;
  const others = caller.subscription.product.routing.fallback.get(route.name) ?? [];
  const most = [route, ...others.flatMap((name) => models.get(name) ?? [])].map(({ maxOutput }) => maxOutput);
  const known = most.filter((one) => one !== null);
  if (known.length === most.length) edits.set(first, String(Math.min(...known)));
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
  run(context) {
    const { exchange, caller, edits } = context;
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
    else {
      const asked = outputCaps[exchange.operation].map((name) => positiveInteger(exchange.body.json, name));
      if (exchange.snapshot.sendModelMaximum && asked.every((one) => one === undefined)) sendMaximum(context);
    }
  },
} as const satisfies PolicyStep;
