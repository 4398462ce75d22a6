import { isJsonArray, parseJson } from '#kernel/json.ts';
import type { MeteredOperation } from '#model/operation.ts';
import type { MostUsed } from '#proxy/ports.ts';

/** What the gateway knows of a file that it has read: it stands in the file's id, signed, so that no table has to hold it. */
export interface FileFacts {
  /** The batch deployment that its lines name. */
  readonly endpoint: string;
  /** Its deployment, which the lines name: an endpoint may have got another one since. */
  readonly deployment: string;
  /** As the caller named it. */
  readonly model: string;
  readonly operation: MeteredOperation;
  readonly lines: number;
  /** Of all lines together. */
  readonly most: MostUsed;
  /** By whose rules the lines were checked; null in ids that were made before they said so. */
  readonly product: string | null;
  /** The edition of the prices that `most` was reckoned with; null as above. */
  readonly prices: string | null;
}

const operations: readonly MeteredOperation[] = ['chat.completions', 'completions', 'embeddings', 'responses'];

/** Behind the resource's own id, from which a line feed parts it: no id has one. */
export function withFacts(raw: string, facts: FileFacts): string {
  const { endpoint, deployment, model, operation, lines, most, product, prices } = facts;
  const nano = most.nano === null ? null : String(most.nano);
  const told = [endpoint, model, operation, lines, nano, most.tokens, deployment, product, prices];
  return `${raw}\n${JSON.stringify(told)}`;
}

/** What a signed id holds: the resource's own id, and the text behind it. */
export function splitRaw(content: string): { readonly raw: string; readonly rest: string | null } {
  const at = content.indexOf('\n');
  return at === -1 ? { raw: content, rest: null } : { raw: content.slice(0, at), rest: content.slice(at + 1) };
}

/** Undefined for an id that has none: of a file that no upload through a gateway has made. */
export function factsIn(rest: string | null): FileFacts | undefined {
  const parsed = rest === null ? undefined : parseJson(rest);
  if (!isJsonArray(parsed)) return undefined;
  const [endpoint, model, operation, lines, nano, tokens, deployment, product, prices] = parsed;
  const known = operations.find((one) => one === operation);
  if (typeof endpoint !== 'string' || typeof model !== 'string' || known === undefined) return undefined;
  if (typeof lines !== 'number' || typeof deployment !== 'string') return undefined;
  return {
    endpoint,
    deployment,
    model,
    operation: known,
    lines,
    most: {
      nano: typeof nano === 'string' ? BigInt(nano) : null,
      tokens: typeof tokens === 'number' ? tokens : null,
    },
    product: typeof product === 'string' ? product : null,
    prices: typeof prices === 'string' ? prices : null,
  };
}
