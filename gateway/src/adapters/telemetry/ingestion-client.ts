import { setTimeout as pause } from 'node:timers/promises';
import {
  createDefaultHttpClient,
  type HttpClient,
  type PipelineRequest,
  type PipelineResponse,
} from '@azure/core-rest-pipeline';
import { isJsonArray, isJsonObject, parseJson, parseJsonObject, type Json } from '#kernel/json.ts';

/** What became of the items of the last batch. */
export interface BatchFate {
  taken: number;
  lost: number;
}

/** How often a batch, or what is left of it, is sent again; what is lost then is counted. */
const pausesMs = [250, 1000, 4000] as const;
/** What the service asks for beyond that is too long for what waits in memory. */
const longestPauseMs = 10_000;
const longestRequestMs = 10_000;
/** Of one item as of a whole request. Source: Application Insights' ingestion, as Microsoft's exporter judges it. */
const retriable: ReadonlySet<number> = new Set([408, 429, 439, 500, 502, 503, 504]);

/** Which items of a batch are to be sent again; the others were refused for good. */
interface Judged {
  readonly again: readonly number[];
  readonly refused: number;
}

function judged(text: string, count: number): Judged {
  const { errors } = parseJsonObject(text) ?? {};
  if (!isJsonArray(errors)) return { again: [], refused: 0 };
  const again: number[] = [];
  let refused = 0;
  for (const error of errors) {
    const { index, statusCode } = isJsonObject(error) ? error : {};
    if (typeof index !== 'number' || index >= count) continue;
    if (retriable.has(Number(statusCode))) again.push(index);
    else refused += 1;
  }
  return { again, refused };
}

/** Counts what is decided, and returns what is left. */
function settle(items: readonly Json[], response: PipelineResponse | undefined, fate: BatchFate): readonly Json[] {
  if (response === undefined || retriable.has(response.status)) return items;
  if (response.status >= 400) {
    fate.lost += items.length;
    return [];
  }
  const { again, refused } = judged(response.bodyAsText ?? '', items.length);
  fate.taken += items.length - again.length - refused;
  fate.lost += refused;
  return again.map((index) => items[index]).filter((item) => item !== undefined);
}

/**
 * Carries Microsoft's requests to Application Insights. Its own library, told to write nothing to disk, would say that all went
 * well where a batch was throttled or only partly taken, and lose it: so retries and counting are here, beneath it.
 */
export class IngestionClient implements HttpClient {
  #fate: BatchFate = { taken: 0, lost: 0 };
  readonly #http: HttpClient;
  #ending = false;

  constructor(http: HttpClient = createDefaultHttpClient()) {
    this.#http = http;
  }

  /** The next batch. One before it that was given up, but is still being tried, counts for nobody any more. */
  begin(): BatchFate {
    this.#fate = { taken: 0, lost: 0 };
    return this.#fate;
  }

  /** From now on nothing is sent again. */
  end(): void {
    this.#ending = true;
  }

  async sendRequest(request: PipelineRequest): Promise<PipelineResponse> {
    const items = typeof request.body === 'string' ? parseJson(request.body) : undefined;
    if (!isJsonArray(items)) return await this.#http.sendRequest(request);
    const fate = this.#fate;
    let left: readonly Json[] = items;
    for (let tries = 0; ; tries += 1) {
      // oxlint-disable-next-line no-await-in-loop -- One try after the other.
      const response = await this.#try({ ...request, timeout: longestRequestMs, body: JSON.stringify(left) });
      const { status } = response ?? { status: 0 };
      if (response !== undefined && status >= 300 && status < 400) return response;
      left = settle(left, response, fate);
      const wait = this.#waitAfter(response, tries);
      if (left.length === 0 || wait === undefined) {
        fate.lost += left.length;
        if (response === undefined) throw new Error('Application Insights could not be reached.');
        return response;
      }
      // oxlint-disable-next-line no-await-in-loop -- That is what it is for.
      await pause(wait);
    }
  }

  async #try(request: PipelineRequest): Promise<PipelineResponse | undefined> {
    try {
      return await this.#http.sendRequest(request);
    } catch {
      return undefined;
    }
  }

  /** Undefined: not again. */
  #waitAfter(response: PipelineResponse | undefined, tries: number): number | undefined {
    if (this.#ending) return undefined;
    const wait = pausesMs[tries];
    const asked = Number(response?.headers.get('retry-after') ?? Number.NaN) * 1000;
    if (wait === undefined || Number.isNaN(asked)) return wait;
    return asked > longestPauseMs ? undefined : Math.max(wait, asked);
  }
}
