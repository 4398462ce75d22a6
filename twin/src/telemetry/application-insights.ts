import type { IncomingMessage, ServerResponse } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { isJsonArray, isJsonObject, objectAt, parseJson, type JsonObject } from '#kernel/json.ts';
import type { ServiceFault, ServiceFaults } from '#services/faults.ts';
import { readBytes } from '#wire/body.ts';
import { sendJson } from '#wire/json-reply.ts';

const path = /^\/v2(?:\.1)?\/track$/;
const audience = 'https://monitor.azure.com';
const mostKept = 100_000;

export interface InsightsParts {
  readonly faults: ServiceFaults;
  readonly takesToken: (token: string, audiences: readonly string[]) => boolean;
}

/** Why an item is not taken; undefined where it is. */
function refusalOf(item: unknown): { readonly statusCode: number; readonly message: string } | undefined {
  if (!isJsonObject(item)) return { statusCode: 400, message: 'Invalid item' };
  const { name, time, iKey, data } = item;
  if (typeof name !== 'string' || typeof time !== 'string' || Number.isNaN(Date.parse(time)))
    return { statusCode: 400, message: '103: Field is missing or invalid' };
  if (typeof iKey !== 'string') return { statusCode: 400, message: 'Invalid instrumentation key' };
  return isJsonObject(data) ? undefined : { statusCode: 400, message: '100: Field data on type Envelope is required' };
}

/**
 * The ingestion of Application Insights: an array of envelopes, zipped or not, of which each is taken or refused. A token is
 * looked at where one is shown; `tokensOnly`: a component with its keys off.
 */
export class ApplicationInsights {
  /** Whether a key alone is refused. */
  tokensOnly = false;
  readonly #parts: InsightsParts;
  readonly #items: JsonObject[] = [];

  constructor(parts: InsightsParts) {
    this.#parts = parts;
  }

  /** The envelopes that were taken. */
  items(): readonly JsonObject[] {
    return this.#items;
  }

  /** Those of one operation, which is a trace. */
  itemsOf(traceId: string): readonly JsonObject[] {
    return this.#items.filter((item) => objectAt(item, 'tags')?.['ai.operation.id'] === traceId);
  }

  reset(): void {
    this.#items.length = 0;
    this.tokensOnly = false;
  }

  /** Answers a request; false where it is not for this service. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const url = new URL(request.url ?? '/', 'https://insights');
    if (!path.test(url.pathname)) return false;
    const { faults } = this.#parts;
    const at = { service: 'application-insights', operation: 'track' } as const;
    const redirect = faults.take(at, 'redirect');
    if (redirect !== undefined) {
      const status = redirect.status === 307 ? 307 : 308;
      response.writeHead(status, { location: `https://${request.headers.host ?? ''}${url.pathname}` }).end();
      return true;
    }
    const struck = new Set<ServiceFault['kind']>();
    if (await faults.strike(at, response, struck)) return true;
    const body = await readBytes(request);
    if (!this.#isAllowed(request)) {
      sendJson(response, { status: 401, body: problem(401, 'Authorization failed') });
      return true;
    }
    const items = itemsIn(body, request.headers['content-encoding']);
    if (items === undefined) sendJson(response, { status: 400, body: problem(400, 'Invalid JSON') });
    else this.#answer(response, items, faults.take(at, 'partial'));
    return true;
  }

  #isAllowed({ headers }: IncomingMessage): boolean {
    const token = /^Bearer +(.+)$/i.exec(headers.authorization ?? '')?.[1];
    return token === undefined ? !this.tokensOnly : this.#parts.takesToken(token, [audience]);
  }

  /** On request the first item is refused, with the fault's status. */
  #answer(response: ServerResponse, items: readonly unknown[], partial: ServiceFault | undefined): void {
    const errors: object[] = [];
    items.forEach((item, index) => {
      const asked = partial !== undefined && index === 0;
      const refusal = asked ? { statusCode: partial.status, message: 'On request.' } : refusalOf(item);
      if (refusal !== undefined) errors.push({ index, ...refusal });
      else if (isJsonObject(item)) this.#items.push(item);
    });
    if (this.#items.length > mostKept) this.#items.splice(0, this.#items.length - mostKept);
    const accepted = items.length - errors.length;
    const none = accepted === 0 && items.length > 0;
    sendJson(response, {
      status: statusOf(errors.length, none),
      body: { itemsReceived: items.length, itemsAccepted: accepted, appId: null, errors },
    });
  }
}

function statusOf(errors: number, none: boolean): number {
  if (errors === 0) return 200;
  return none ? 400 : 206;
}

const problem = (statusCode: number, message: string): object => ({
  itemsReceived: 0,
  itemsAccepted: 0,
  errors: [{ index: 0, statusCode, message }],
});

function itemsIn(body: Buffer | undefined, encoding: string | undefined): readonly unknown[] | undefined {
  if (body === undefined) return undefined;
  try {
    const parsed = parseJson((encoding === 'gzip' ? gunzipSync(body) : body).toString());
    if (isJsonArray(parsed)) return parsed;
    return isJsonObject(parsed) ? [parsed] : undefined;
  } catch {
    return undefined;
  }
}
