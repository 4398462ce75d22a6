import type { IncomingMessage, ServerResponse } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import type { Clock } from '#kernel/clock.ts';
import { isJsonArray, isJsonObject, parseJson, type Json, type JsonObject } from '#kernel/json.ts';
import type { ServiceFault, ServiceFaults } from '#services/faults.ts';
import { sendJson, type JsonReply } from '#wire/json-reply.ts';

const columnTypes = ['string', 'int', 'long', 'real', 'boolean', 'datetime', 'dynamic', 'guid'] as const;

export const logsSchema = z
  .record(
    z.string().regex(/^dcr-[A-Za-z0-9]+$/),
    z.record(
      z.string().regex(/^Custom-\w+$/),
      z.strictObject({
        columns: z.array(
          z.strictObject({ name: z.string(), type: z.enum(columnTypes), description: z.string().optional() }),
        ),
      }),
    ),
  )
  .describe('Data collection rules by their immutable id, and the columns that their streams declare.');
export type LogsSettings = z.output<typeof logsSchema>;

const audience = 'https://monitor.azure.com';
const mostBytes = 1024 * 1024;
const mostFieldBytes = 64 * 1024;
const twoDaysMs = 2 * 86_400_000;
const path = /^\/dataCollectionRules\/([^/]+)\/streams\/([^/]+)$/;

export interface IngestionParts {
  readonly settings: LogsSettings;
  readonly faults: ServiceFaults;
  readonly clock: Clock;
  readonly takesToken: (token: string, audiences: readonly string[]) => boolean;
}

const refused = (status: number, code: string, message: string): JsonReply => ({
  status,
  body: { error: { code, message } },
});

/** The Logs Ingestion API of Azure Monitor, and the tables that it fills. */
export class LogIngestion {
  readonly #parts: IngestionParts;
  readonly #rows = new Map<string, JsonObject[]>();
  readonly #arrivals = new WeakMap<JsonObject, number>();

  constructor(parts: IngestionParts) {
    this.#parts = parts;
  }

  /** The rows of a stream's table, in the order in which they came. */
  rows(stream: string): readonly JsonObject[] {
    return this.#rows.get(stream) ?? [];
  }

  /** Those that came at least so long ago, ms. */
  rowsOlderThan(stream: string, ms: number): readonly JsonObject[] {
    const until = this.#parts.clock.now() - ms;
    return this.rows(stream).filter((row) => (this.#arrivals.get(row) ?? 0) <= until);
  }

  reset(): void {
    this.#rows.clear();
  }

  /** Answers a request; false where it is not for this service. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const url = new URL(request.url ?? '/', 'https://ingest');
    const [, rule = '', stream = ''] = path.exec(url.pathname) ?? [];
    if (rule === '') return false;
    const struck = new Set<ServiceFault['kind']>();
    if (await this.#parts.faults.strike({ service: 'logs', operation: 'upload' }, response, struck)) return true;
    const chunks: Buffer[] = [];
    for await (const chunk of request) if (chunk instanceof Buffer) chunks.push(chunk);
    const reply = this.#answer(request, {
      rule,
      stream,
      body: Buffer.concat(chunks),
      version: url.searchParams.get('api-version'),
    });
    if (reply === undefined) response.writeHead(204).end();
    else sendJson(response, reply);
    return true;
  }

  #answer(
    request: IncomingMessage,
    asked: { readonly rule: string; readonly stream: string; readonly body: Buffer; readonly version: string | null },
  ): JsonReply | undefined {
    const { rule, stream, body, version } = asked;
    if (request.method !== 'POST') return refused(405, 'MethodNotAllowed', 'POST is the only method.');
    const token = /^Bearer +(.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
    if (!this.#parts.takesToken(token, [audience]))
      return refused(401, 'InvalidTokenAudience', 'The authentication token is missing or invalid.');
    if (version === null)
      return refused(400, 'MissingApiVersionParameter', 'The api-version query parameter is required.');
    const streams = this.#parts.settings[rule];
    const named = `Data collection rule with immutable Id '${rule}'`;
    if (streams === undefined) return refused(404, 'NotFound', `${named} not found.`);
    const declared = streams[stream];
    if (declared === undefined) return refused(400, 'InvalidStream', `${named} does not have a stream '${stream}'.`);
    const text = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
    return this.#take(text, { stream, columns: new Set(declared.columns.map(({ name }) => name)) });
  }

  #take(
    text: Buffer,
    { stream, columns }: { readonly stream: string; readonly columns: ReadonlySet<string> },
  ): JsonReply | undefined {
    if (text.length > mostBytes)
      return refused(413, 'ContentLengthLimitExceeded', 'Maximum allowed content length: 1048576 bytes.');
    const rows = parseJson(text.toString());
    if (!isJsonArray(rows) || !rows.every(isJsonObject))
      return refused(400, 'InvalidRequest', 'The request body must be an array of JSON objects.');
    const table = this.#rows.get(stream) ?? [];
    this.#rows.set(stream, table);
    for (const row of rows) table.push(this.#stored(row, columns));
    return undefined;
  }

  /** What the table keeps of a row: what no column is declared for vanishes without a word. */
  #stored(row: JsonObject, columns: ReadonlySet<string>): JsonObject {
    const now = this.#parts.clock.now();
    const stored: Record<string, Json> = {};
    for (const [name, value] of Object.entries(row))
      if (columns.has(name) && value !== undefined) stored[name] = cut(value);
    const time = typeof stored['TimeGenerated'] === 'string' ? Date.parse(stored['TimeGenerated']) : Number.NaN;
    if (Number.isNaN(time) || time < now - twoDaysMs || time > now + twoDaysMs / 2)
      stored['TimeGenerated'] = new Date(now).toISOString();
    this.#arrivals.set(stored, now);
    return stored;
  }
}

const cut = (value: Json): Json =>
  typeof value === 'string' && Buffer.byteLength(value) > mostFieldBytes ? value.slice(0, mostFieldBytes) : value;
