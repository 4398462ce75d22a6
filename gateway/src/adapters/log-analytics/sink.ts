import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AggregateLogsUploadError, LogsIngestionClient } from '@azure/monitor-ingestion';
import type { Checkpoint, LedgerSink, Position, ShippedEntry } from '#accounting/ledger/ports.ts';
import { isJsonObject, parseJsonObject, type Json } from '#kernel/json.ts';
import type { TokenProvider } from '#proxy/upstream/ports.ts';
import { usageRow, type UsageRow } from './usage-row.ts';

/** Where usage records go: a stream of a data collection rule, which fills a table of Log Analytics. */
export interface LogAnalyticsTarget {
  readonly endpoint: string;
  /** The rule's immutable id: `dcr-…`. */
  readonly rule: string;
  readonly stream: string;
  readonly scope: string;
}

/** The library waits for ever: a connection that is dead would hold up everything behind it, and nobody would be told. */
const longestRequestMs = 60_000;

/** Sends rows; one client for all journals. */
export class LogAnalytics {
  readonly #target: LogAnalyticsTarget;
  readonly #tokens: TokenProvider;
  readonly #longestMs: number;
  #client: Promise<LogsIngestionClient> | undefined;

  /** `longestMs`: for one request, which has a megabyte at most. */
  constructor(target: LogAnalyticsTarget, tokens: TokenProvider, longestMs = longestRequestMs) {
    this.#target = target;
    this.#tokens = tokens;
    this.#longestMs = longestMs;
  }

  /** Resolves when the service has taken all of them; rejects with what it says, after it has sent what it could. */
  async send(rows: readonly UsageRow[], sent: (row: UsageRow) => void): Promise<void> {
    this.#client ??= this.#open();
    const client = await this.#client;
    const failed = new Set<unknown>();
    try {
      // The library keeps to the service's megabyte, compresses, and waits as a 429 says.
      await client.upload(this.#target.rule, this.#target.stream, [...rows], { maxConcurrency: 2 });
    } catch (error) {
      const parts = isPartial(error) ? error.errors : undefined;
      for (const { failedLogs } of parts ?? [{ failedLogs: rows }]) for (const row of failedLogs) failed.add(row);
      for (const row of rows) if (!failed.has(row)) sent(row);
      throw this.#explained(parts?.[0]?.cause ?? error);
    }
  }

  #explained(error: unknown): unknown {
    if (!(error instanceof Error) || error.name !== 'AbortError') return error;
    const { host } = new URL(this.#target.endpoint);
    return new Error(`${host} has not answered within ${this.#longestMs / 1000} s.`, { cause: error });
  }

  async #open(): Promise<LogsIngestionClient> {
    // Where nothing is sent it is not loaded.
    const { LogsIngestionClient: Client } = await import('@azure/monitor-ingestion');
    const tokens = this.#tokens;
    const { endpoint, scope } = this.#target;
    const credential = {
      async getToken() {
        // Held by us until shortly before its end; the library is told to ask every time.
        return { token: await tokens.token(scope), expiresOnTimestamp: 0 };
      },
    };
    const client = new Client(endpoint, credential, { retryOptions: { maxRetries: 3, maxRetryDelayInMs: 30_000 } });
    const timeout = this.#longestMs;
    // Not a signal for the whole: the library would take what it has not begun by then for sent.
    client.pipeline.addPolicy({
      name: 'tollgateDeadline',
      async sendRequest(request, next) {
        return await next(Object.assign(request, { timeout }));
      },
    });
    return client;
  }
}

function isPartial(error: unknown): error is AggregateLogsUploadError {
  return error instanceof Error && error.name === 'AggregateLogsUploadError' && 'errors' in error;
}

const checkpointName = 'log-analytics.json';

/**
 * One journal's way into Log Analytics. How far it has got stands beside the journal, so that whoever adopts it goes on:
 * a row may be told twice, by its RecordId, and is never left out. Corrections are not told: reports have them.
 */
export function logAnalyticsSink(folder: string, logs: LogAnalytics): LedgerSink {
  const path = join(folder, checkpointName);
  /** Of a batch of which a part was taken: not told again at once. */
  const taken = new Set<string>();
  return {
    async checkpoint(instance) {
      const found = readCheckpoint(await readFile(path, 'utf8').catch(() => ''));
      return found?.instance === instance ? found : null;
    },
    async append(entries: readonly ShippedEntry[], checkpoint: Checkpoint) {
      const rows = entries.flatMap((one) =>
        one.kind === 'usage' && !taken.has(one.record.id) ? [usageRow(one.record)] : [],
      );
      if (rows.length > 0) await logs.send(rows, (row) => void taken.add(String(row['RecordId'])));
      taken.clear();
      const fresh = `${path}.new`;
      await writeFile(fresh, JSON.stringify(checkpoint), { mode: 0o600 });
      await rename(fresh, path);
      return rows.length;
    },
  };
}

function readCheckpoint(text: string): Checkpoint | undefined {
  const { instance, shipped, lowWater, settles } = parseJsonObject(text) ?? {};
  const [to, low] = [positionIn(shipped), positionIn(lowWater)];
  if (typeof instance !== 'string' || typeof settles !== 'number' || to === undefined || low === undefined)
    return undefined;
  return { instance, shipped: to, lowWater: low, settles };
}

function positionIn(value: Json | undefined): Position | undefined {
  if (!isJsonObject(value)) return undefined;
  const { segment, offset } = value;
  return typeof segment === 'number' && typeof offset === 'number' ? { segment, offset } : undefined;
}
