import { parseArgs } from 'node:util';

type Part = 'unstreamed' | 'streamed' | 'exactness';
/**
 * `unlimited`: the gateway without limits and budgets, to see what those cost. `traced`: with them, and with every call traced
 * and exported; only where it is asked for.
 */
export const variants = ['bare', 'unlimited', 'gateway', 'traced'] as const;
export type Variant = (typeof variants)[number];

export interface BenchOptions {
  /** Where the figures are written as JSON; null: nowhere. */
  readonly json: string | null;
  readonly parts: readonly Part[];
  readonly variants: readonly Variant[];
  readonly runs: number;
  readonly quick: boolean;
  readonly soak: boolean;
  readonly profile: boolean;
  readonly keep: boolean;
  readonly durations: Durations;
}

/** How long things take, and how much load there is. */
interface Durations {
  readonly warmUpMs: number;
  readonly measureMs: number;
  readonly connections: number;
  readonly streams: number;
  /** Requests of the exactness phase against the twin, and how many of them are broken off besides. */
  readonly exactRequests: number;
  readonly brokenOffRequests: number;
  readonly soakMs: number;
  readonly soakSampleMs: number;
}

const full: Durations = {
  // Within the first seconds V8 compiles what is hot, in threads whose time counts, too.
  warmUpMs: 10_000,
  measureMs: 6_000,
  connections: 32,
  streams: 200,
  exactRequests: 2_000,
  brokenOffRequests: 100,
  soakMs: 600_000,
  soakSampleMs: 5_000,
};

const short: Durations = {
  warmUpMs: 300,
  measureMs: 700,
  connections: 8,
  streams: 20,
  exactRequests: 120,
  brokenOffRequests: 8,
  soakMs: 5_000,
  soakSampleMs: 500,
};

export const usage = `Usage: npm run bench -- [options]

Measures the gateway (keys, three limits, two hard budgets, metering, journal and store on) against the smallest honest
proxy and against itself without limits, in turn, and compares the ledger with what the upstreams have reported, to the
token.

  --runs N         rounds of each program and workload (default 5; at least 5 for figures that are passed on)
  --only PART      unstreamed, streamed or exactness; may be given several times (default: all three)
  --variant NAME   bare, unlimited, gateway or traced; may be given several times (default: the first three, in turn)
  --telemetry      also traced: the gateway with every call traced and exported to a collector in another process
  --json FILE      write the figures of the table, and of every round, to FILE
  --soak           instead: 10 minutes of load on the gateway, memory sampled every 5 s
  --profile        instead: a CPU profile of the gateway under each workload, into the current folder, and a summary
  --warm-up S      seconds of load before each measurement (default 10)
  --quick          one short round of everything: shows that it works, not how fast it is
  --keep           keep the temporary folder (configuration, journal, store, log)
  --help           this text

Exit status: 0; 1 when the ledger's tokens differ from an upstream's or a request failed; 2 for a wrong call.
`;

export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** 'help' where that was asked for. Throws UsageError. */
export function readOptions(args: readonly string[]): BenchOptions | 'help' {
  const values = parse(args);
  if (values.help === true) return 'help';
  const quick = values.quick === true;
  const durations = quick ? short : full;
  const runs = values.runs ?? (quick ? '1' : '5');
  if (!/^[1-9]\d{0,2}$/.test(runs)) throw new UsageError(`--runs must be a number from 1 to 999, not '${runs}'.`);
  if (values.soak === true && values.profile === true)
    throw new UsageError('--soak and --profile are runs of their own.');
  return {
    json: values.json ?? null,
    parts: chosen('--only', values.only, ['unstreamed', 'streamed', 'exactness']),
    variants: chosenVariants(values.variant, values.telemetry === true),
    runs: Number(runs),
    quick,
    soak: values.soak === true,
    profile: values.profile === true,
    keep: values.keep === true,
    durations: {
      ...durations,
      warmUpMs: values['warm-up'] === undefined ? durations.warmUpMs : seconds(values['warm-up']),
    },
  };
}

function seconds(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text))
    throw new UsageError(`--warm-up must be a number of seconds from 1 to 9999, not '${text}'.`);
  return Number(text) * 1000;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      strict: true,
      options: {
        json: { type: 'string' },
        only: { type: 'string', multiple: true },
        variant: { type: 'string', multiple: true },
        telemetry: { type: 'boolean' },
        runs: { type: 'string' },
        'warm-up': { type: 'string' },
        quick: { type: 'boolean' },
        soak: { type: 'boolean' },
        profile: { type: 'boolean' },
        keep: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (thrown) {
    throw new UsageError(thrown instanceof Error ? thrown.message : String(thrown));
  }
}

function chosenVariants(given: readonly string[] | undefined, telemetry: boolean): Variant[] {
  const usual = given ?? variants.filter((name) => name !== 'traced');
  return chosen('--variant', telemetry ? [...usual, 'traced'] : usual, variants);
}

function chosen<Name extends string>(
  option: string,
  given: readonly string[] | undefined,
  all: readonly Name[],
): Name[] {
  const wrong = given?.find((name) => !all.some((known) => known === name));
  if (wrong !== undefined) throw new UsageError(`${option} must be one of ${all.join(', ')}, not '${wrong}'.`);
  return all.filter((name) => given?.includes(name) ?? true);
}
