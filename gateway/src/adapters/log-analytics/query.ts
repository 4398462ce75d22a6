import { probe } from '../probe/http-probe.ts';
import type { Clock } from '#kernel/clock.ts';
import { parseJsonObject, type Json } from '#kernel/json.ts';

export interface WorkspaceQuery {
  /** `https://api.loganalytics.azure.com`. */
  readonly endpoint: string;
  /** The workspace's id, a GUID. */
  readonly workspace: string;
  readonly token: string;
}

export type Found =
  | { readonly kind: 'rows'; readonly count: number }
  | { readonly kind: 'refused'; readonly status: number; readonly message: string }
  | { readonly kind: 'unreachable'; readonly why: string; readonly fix: string };

/** How many rows of the last hour have this RecordId. */
export async function countRecord(
  { endpoint, workspace, token }: WorkspaceQuery,
  { table, recordId }: { readonly table: string; readonly recordId: string },
  clock: Clock,
): Promise<Found> {
  const query = `${table} | where RecordId == "${recordId}" | project RecordId`;
  const answer = await probe(
    {
      url: `${endpoint}/v1/workspaces/${workspace}/query`,
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify({ query, timespan: 'PT1H' }),
    },
    clock,
  );
  if (!answer.reached) return { kind: 'unreachable', why: answer.why, fix: answer.fix };
  const body = parseJsonObject(answer.text) ?? {};
  if (answer.status !== 200) return { kind: 'refused', status: answer.status, message: messageIn(body['error']) };
  const tables = Array.isArray(body['tables']) ? body['tables'] : [];
  const rows = tables.flatMap((one: Json) => {
    const found = typeof one === 'object' && one !== null && 'rows' in one ? one['rows'] : undefined;
    return Array.isArray(found) ? found : [];
  });
  return { kind: 'rows', count: rows.length };
}

function messageIn(error: Json | undefined): string {
  const inside = typeof error === 'object' && error !== null && 'message' in error ? error['message'] : undefined;
  return typeof inside === 'string' ? inside.slice(0, 300) : '';
}
