import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { parseJsonObject, type Json, type JsonObject } from '#kernel/json.ts';
import type { ServiceFault, ServiceFaults } from '#services/faults.ts';
import { readBody } from '#wire/body.ts';
import { sendJson, type JsonReply } from '#wire/json-reply.ts';
import type { LogIngestion, LogsSettings } from './ingestion.ts';

export const workspaceSchema = z
  .strictObject({
    id: z.guid().default('7a0f1c00-0000-4000-8000-00000000106a').describe('The id that queries name it by.'),
    delayMs: z
      .number()
      .int()
      .nonnegative()
      .default(0)
      .describe('How long after its arrival a row is found by queries.'),
  })
  .describe('The workspace of Log Analytics that holds the tables.');
export type WorkspaceSettings = z.output<typeof workspaceSchema>;

const audiences = ['https://api.loganalytics.io', 'https://api.loganalytics.azure.com'];
const path = /^\/v1\/workspaces\/([^/]+)\/query$/;
/** The only form that is understood: rows of a table in which a column has a value, all or some of their columns. */
const form = /^(\w+)\s*\|\s*where\s+(\w+)\s*==\s*(["'])([^"'\\]*)\3\s*(?:\|\s*project\s+(\w+(?:\s*,\s*\w+)*)\s*)?$/;

export interface QueryParts {
  readonly settings: WorkspaceSettings;
  readonly rules: LogsSettings;
  readonly logs: LogIngestion;
  readonly faults: ServiceFaults;
  readonly takesToken: (token: string, audiences: readonly string[]) => boolean;
}

const refused = (status: number, code: string, message: string): JsonReply => ({
  status,
  body: { error: { code, message } },
});

interface Selection {
  readonly table: string;
  readonly column: string;
  readonly value: string;
  /** Undefined: all columns. */
  readonly projected: readonly string[] | undefined;
}

function selectionIn(body: string): Selection | undefined {
  const { query } = parseJsonObject(body) ?? {};
  const found = form.exec(typeof query === 'string' ? query : '');
  if (found === null) return undefined;
  const [, table = '', column = '', , value = '', projected] = found;
  return { table, column, value, projected: projected?.split(',').map((name) => name.trim()) };
}

/** The query API of Azure Monitor Logs, for one form of question. */
export class LogQuery {
  readonly #parts: QueryParts;

  constructor(parts: QueryParts) {
    this.#parts = parts;
  }

  /** Answers a request; false where it is not for this service. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const url = new URL(request.url ?? '/', 'https://query');
    const [, workspace = ''] = path.exec(url.pathname) ?? [];
    if (workspace === '') return false;
    const struck = new Set<ServiceFault['kind']>();
    if (await this.#parts.faults.strike({ service: 'logs', operation: 'query' }, response, struck)) return true;
    sendJson(response, this.#answer(request, { workspace, text: (await readBody(request)) ?? '' }));
    return true;
  }

  #answer(request: IncomingMessage, asked: { readonly workspace: string; readonly text: string }): JsonReply {
    const { settings, takesToken } = this.#parts;
    if (request.method !== 'POST') return refused(405, 'MethodNotAllowedError', 'POST is the only method here.');
    const token = /^Bearer +(.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
    if (!takesToken(token, audiences)) return refused(401, 'InvalidTokenError', 'Invalid or expired token.');
    if (asked.workspace.toLowerCase() !== settings.id)
      return refused(404, 'WorkspaceNotFoundError', 'The workspace could not be found.');
    const wanted = selectionIn(asked.text);
    if (wanted === undefined)
      return refused(
        400,
        'BadArgumentError',
        'The twin understands TABLE | where COLUMN == "value" | project … alone.',
      );
    return this.#select(wanted);
  }

  #select(asked: Selection): JsonReply {
    const { rules, logs, settings } = this.#parts;
    const stream = `Custom-${asked.table}`;
    const declared = Object.values(rules).flatMap((streams) => streams[stream]?.columns ?? []);
    const names = asked.projected ?? declared.map(({ name }) => name);
    const columns = names.map((name) => declared.find((one) => one.name === name));
    const unknown = [asked.column, ...names].find((name) => !declared.some((one) => one.name === name));
    if (declared.length === 0 || unknown !== undefined)
      return refused(
        400,
        'BadArgumentError',
        `Failed to resolve ${declared.length === 0 ? `table '${asked.table}'` : `column '${unknown}'`}.`,
      );
    const found = logs.rowsOlderThan(stream, settings.delayMs).filter((row) => row[asked.column] === asked.value);
    const cells = (row: JsonObject): Json[] => names.map((name) => row[name] ?? null);
    const types = columns.map((one) => ({ name: one?.name ?? '', type: one?.type ?? 'string' }));
    return { status: 200, body: { tables: [{ name: 'PrimaryResult', columns: types, rows: found.map(cells) }] } };
  }
}
