import { enableCompileCache } from 'node:module';
import { parseArgs } from 'node:util';
import { systemClock } from './kernel/clock.ts';
import { readSettings, UsageError } from './settings.ts';

enableCompileCache();

const usage = `Usage: node gateway/src/doctor.ts [OPTIONS]

Looks at everything that the gateway needs, as the gateway does: the
configuration and what it refers to, tokens, Azure OpenAI, PostgreSQL, Redis,
Log Analytics, clocks, the data folder, prices. One line each, and what to do.

  --config FILE    the configuration (default: $TOLLGATE_CONFIG)
  --data FOLDER    the data folder (default: $TOLLGATE_DATA, else .tollgate)
  --call           make one small call to every deployment too: some 20 tokens
                   each, which no ledger has
  --wait MINUTES   how long the row that it writes to Log Analytics is waited
                   for (default: 10)
  --no-wait        do not wait for it
  --json           findings as JSON
  --help           this text

It writes one row to Log Analytics (its Outcome is 'doctor', its numbers are
null) and a key to Redis that lasts a second.
Exit status: 0 where nothing failed, 1 where something did, 2 for a wrong call.
`;

interface Asked {
  readonly call: boolean;
  readonly json: boolean;
  readonly waitMs: number;
  readonly rest: readonly string[];
}

/** Throws UsageError. */
function askedFor(args: readonly string[]): Asked | 'help' {
  const read = (): ReturnType<typeof parse> => {
    try {
      return parse(args);
    } catch (thrown) {
      throw new UsageError(thrown instanceof Error ? thrown.message : String(thrown));
    }
  };
  const { values } = read();
  if (values.help === true) return 'help';
  const wait = values.wait ?? '10';
  if (!/^\d{1,3}$/.test(wait)) throw new UsageError(`--wait takes whole minutes, not '${wait}'.`);
  if (values.wait !== undefined && values['no-wait'] === true) throw new UsageError('Either --wait or --no-wait.');
  return {
    call: values.call === true,
    json: values.json === true,
    waitMs: values['no-wait'] === true ? 0 : Number(wait) * 60_000,
    rest: (['config', 'data'] as const).flatMap((name) =>
      values[name] === undefined ? [] : [`--${name}`, values[name]],
    ),
  };
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    strict: true,
    options: {
      config: { type: 'string' },
      data: { type: 'string' },
      call: { type: 'boolean' },
      wait: { type: 'string' },
      'no-wait': { type: 'boolean' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
}

/** Undefined where nobody looks at a terminal. `tollgate doctor`, which does, says how wide its own is. */
function columnsOf({ COLUMNS: told = '' }: Readonly<Record<string, string | undefined>>): number | undefined {
  if (process.stdout.isTTY) return process.stdout.columns;
  return /^\d{1,4}$/.test(told) ? Number(told) : undefined;
}

async function main(): Promise<void> {
  const asked = askedFor(process.argv.slice(2));
  if (asked === 'help') {
    process.stdout.write(usage);
    return;
  }
  const settings = readSettings(asked.rest, process.env);
  if (settings === 'help') return;
  // Timers of the clock keep no process alive.
  setInterval(() => undefined, 60_000);
  const { examine } = await import('#compose/doctor/doctor.ts');
  const { linesOf } = await import('#compose/doctor/lines.ts');
  const columns = columnsOf(process.env);
  const findings = await examine({
    settings,
    clock: systemClock,
    ...asked,
    progress: (text) => process.stderr.write(`… ${text}\n`),
    told: (finding) => void (asked.json || process.stdout.write(linesOf(finding, columns))),
  });
  const failures = findings.filter(({ outcome }) => outcome === 'failed').length;
  if (asked.json) process.stdout.write(`${JSON.stringify({ ok: failures === 0, findings }, null, 2)}\n`);
  // Connections that were made are of no use any more, and would keep the process for seconds.
  process.exit(failures === 0 ? 0 : 1);
}

try {
  await main();
} catch (thrown) {
  if (!(thrown instanceof UsageError)) throw thrown;
  process.stderr.write(`${thrown.message}\n\n${usage}`);
  process.exitCode = 2;
}
