import { countRecord, type Found } from '#adapters/log-analytics/query.ts';
import { LogAnalytics } from '#adapters/log-analytics/sink.ts';
import type { Clock } from '#kernel/clock.ts';
import { ulidSource } from '#kernel/ids.ts';
import type { Config } from '#config-sections.ts';
import { failed, ok, skipped, warning, type Check, type Finding } from './finding.ts';
import { oneLine, type Tokens } from './tokens.ts';

type Setting = NonNullable<Config['ledger']['logAnalytics']>;

export interface LogAnalyticsLook {
  readonly setting: Setting;
  readonly organisation: string;
  readonly tokens: Tokens;
  readonly clock: Clock;
  /** How long the row is waited for, ms; 0: not at all. */
  readonly waitMs: number;
  readonly progress: (text: string) => void;
}

const writing = 'Log Analytics, write';
const reading = 'Log Analytics, read';
const pauseMs = 5_000;
const longestRequestMs = 15_000;
/** For everything but the waiting: tokens, the row with its retries, the last query. */
const longestAskingMs = 120_000;

export function logAnalyticsCheck(look: LogAnalyticsLook): Check {
  return {
    name: 'Log Analytics',
    longestMs: look.waitMs + longestAskingMs,
    async run() {
      const recordId = `doctor-${ulidSource()(look.clock.now())}`;
      const written = await write(look, recordId);
      if (written.outcome !== 'ok') return [written, skipped(reading, 'nothing was written')];
      return [written, await readBack(look, recordId)];
    },
  };
}

/** A row that says what it is, and has used nothing: `Outcome` is `doctor`, every number null. */
async function write({ setting, organisation, tokens, clock }: LogAnalyticsLook, recordId: string): Promise<Finding> {
  const { endpoint, rule, stream, scope } = setting;
  const logs = new LogAnalytics({ endpoint, rule, stream, scope }, tokens.provider(setting.identity), longestRequestMs);
  const at = new Date(clock.now()).toISOString();
  const row = { TimeGenerated: at, At: at, RecordId: recordId, RequestId: recordId, Organisation: organisation };
  try {
    await logs.send([{ ...row, Outcome: 'doctor' }], () => undefined);
    return ok(writing, `${new URL(endpoint).host} took row ${recordId} for ${stream}`);
  } catch (error) {
    return failed(writing, oneLine(error instanceof Error ? error.message : String(error)), adviceFor(statusOf(error)));
  }
}

function statusOf(error: unknown): number {
  return typeof error === 'object' && error !== null && 'statusCode' in error ? Number(error.statusCode) : 0;
}

function adviceFor(status: number): string {
  if (status === 401 || status === 403)
    return 'Give the identity the role Monitoring Metrics Publisher on the data collection rule; it takes up to half an hour to hold.';
  if (status === 404) return 'No such rule at this endpoint: correct `rule` (its immutable id) or `endpoint`.';
  if (status === 400)
    return 'The rule has no such stream, or other columns: compare it with infra/data/usage-table.json.';
  return 'See that the endpoint can be reached from here (private link?), and that a token can be had.';
}

async function readBack(look: LogAnalyticsLook, recordId: string): Promise<Finding> {
  const { setting, clock, waitMs, progress } = look;
  const { workspace } = setting;
  if (workspace === undefined)
    return skipped(reading, 'set `ledger.logAnalytics.workspace` to the id of the workspace to have the row read back');
  const began = clock.monotonic();
  for (;;) {
    const found = await ask(look, workspace, recordId);
    const passed = Math.round((clock.monotonic() - began) / 1000);
    if (found.kind === 'rows' && found.count > 0) return ok(reading, `the row is in the table, after ${passed} s`);
    if (found.kind !== 'rows') return unread(found, workspace);
    if (waitMs === 0) return skipped(reading, 'the query is answered; the row was not waited for (--no-wait)');
    if (clock.monotonic() - began >= waitMs)
      return warning(
        reading,
        `the query is answered, but the row is not in the table after ${passed} s`,
        'The first row of a new table takes up to a quarter of an hour. Later: has the workspace reached its daily cap, or does the rule drop the row?',
      );
    progress(`waiting for row ${recordId} to be in the table, ${passed} s`);
    await new Promise<void>((resolve) => {
      clock.after(pauseMs, resolve);
    });
  }
}

async function ask({ setting, tokens, clock }: LogAnalyticsLook, workspace: string, recordId: string): Promise<Found> {
  const token = await tokens.get(setting.identity, setting.queryScope);
  if (!token.ok) return { kind: 'unreachable', why: `no token for ${setting.queryScope}`, fix: 'See the token above.' };
  return await countRecord(
    { endpoint: setting.queryEndpoint, workspace, token: token.text },
    { table: setting.stream.replace(/^Custom-/, ''), recordId },
    clock,
  );
}

function unread(found: Exclude<Found, { kind: 'rows' }>, workspace: string): Finding {
  if (found.kind === 'unreachable') return failed(reading, found.why, found.fix);
  const { status, message } = found;
  const said = `the query is answered ${status}${message === '' ? '' : `: ${oneLine(message)}`}`;
  if (status === 401 || status === 403)
    return failed(reading, said, 'Give the identity the role Log Analytics Data Reader on the workspace or the table.');
  if (status === 404)
    return failed(reading, said, `There is no workspace ${workspace}: give its id (a GUID), not its name.`);
  return failed(reading, said, 'Is there such a table in the workspace? Compare it with infra/data/usage-table.json.');
}
