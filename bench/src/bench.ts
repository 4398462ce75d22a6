import { writeFileSync } from 'node:fs';
import { pairedRatios, spread } from '#measure/statistics.ts';
import { checkAgainstTwin } from '#phases/exactness.ts';
import { profileGateway, renderProfiles } from '#phases/profile.ts';
import { soak } from '#phases/soak.ts';
import { measureSpeed } from '#phases/speed.ts';
import type { Round } from '#phases/speed.ts';
import { describeMachine } from './machine.ts';
import { readOptions, usage, UsageError, variants } from './options.ts';
import type { BenchOptions, Variant } from './options.ts';
import type { BenchResults, ExactnessResult, Ratio, SoakResult, SpeedRow } from './results.ts';
import { Stage } from './stage.ts';
import { renderTables, spreadsOf } from './table.ts';

/** From so much of its core on, a program is what limits its own rate. */
const busyEnough = 0.9;

/** What governing may cost, as a multiple of the bare proxy's processor time. */
const goals = [
  { workload: 'unstreamed', per: 'request', goal: 1.6 },
  { workload: 'streamed', per: 'event', goal: 1.5 },
] as const;

/** Runs the benchmark; the exit code. */
export async function bench(args: readonly string[]): Promise<number> {
  let options: BenchOptions;
  try {
    const read = readOptions(args);
    if (read === 'help') {
      process.stdout.write(usage);
      return 0;
    }
    options = read;
  } catch (thrown) {
    if (!(thrown instanceof UsageError)) throw thrown;
    process.stderr.write(`${thrown.message}\n\n${usage}`);
    return 2;
  }
  try {
    return await Stage.with(options, (stage) => run(stage));
  } catch (thrown) {
    process.stderr.write(`The run failed: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
    return 1;
  }
}

async function run(stage: Stage): Promise<number> {
  if (stage.notPinned !== null) stage.progress(`Programs are not pinned to cores: ${stage.notPinned}.`);
  if (stage.options.profile) {
    process.stdout.write(renderProfiles(await profileGateway(stage)));
    return 0;
  }
  const startedAt = new Date().toISOString();
  const measured = stage.options.soak ? await runSoak(stage) : await runRounds(stage);
  const results = conclude(measured, {
    startedAt,
    finishedAt: new Date().toISOString(),
    machine: describeMachine(stage.notPinned),
    quick: stage.options.quick,
    runs: stage.options.runs,
    warmUpMs: stage.options.durations.warmUpMs,
  });
  if (stage.options.json !== null) writeFileSync(stage.options.json, `${JSON.stringify(results, null, 2)}\n`);
  process.stdout.write(`${renderTables(results)}\n`);
  return exitCodeOf(results);
}

export interface Measured {
  readonly rounds: readonly Round[];
  readonly exactness: readonly ExactnessResult[];
  readonly soak: SoakResult | null;
  readonly problems: readonly string[];
}

async function runRounds(stage: Stage): Promise<Measured> {
  const rounds = await measureSpeed(stage);
  const withTwin = stage.options.parts.includes('exactness') && stage.options.variants.includes('gateway');
  const twin = withTwin ? await checkAgainstTwin(stage) : null;
  return {
    rounds,
    exactness: [
      ...rounds.map((round) => round.exactness).filter((result) => result !== null),
      ...(twin === null ? [] : [twin.result]),
    ],
    soak: null,
    problems: [...rounds.flatMap((round) => round.problems), ...(twin?.problems ?? [])],
  };
}

async function runSoak(stage: Stage): Promise<Measured> {
  const soaked = await soak(stage);
  return {
    rounds: [],
    exactness: soaked.exactness === null ? [] : [soaked.exactness],
    soak: soaked.soak,
    problems: soaked.problems,
  };
}

function rowsOf(rounds: readonly Round[]): SpeedRow[] {
  const rows: SpeedRow[] = [];
  for (const workload of ['unstreamed', 'streamed'] as const) {
    for (const variant of variants) {
      const own = rounds.filter((round) => round.workload === workload && round.variant === variant);
      if (own.length === 0) continue;
      const figures = spreadsOf(
        own.map((round) => round.figures),
        spread,
      );
      const loadLimited = figures.busy !== null && figures.busy.median < busyEnough;
      rows.push({ workload, variant, rounds: own.map((round) => round.figures), figures, loadLimited });
    }
  }
  return rows;
}

function ratiosOf(rows: readonly SpeedRow[]): Ratio[] {
  return goals.flatMap(({ workload, per, goal }) => {
    const cpuOf = (variant: Variant): (number | null)[] =>
      (rows.find((row) => row.workload === workload && row.variant === variant)?.rounds ?? []).map((round) =>
        per === 'request' ? round.cpuMicrosPerRequest : round.cpuMicrosPerEvent,
      );
    const compared = [
      { variant: 'unlimited', over: 'bare', goal },
      { variant: 'gateway', over: 'bare', goal },
      { variant: 'traced', over: 'bare', goal: null },
      { variant: 'traced', over: 'gateway', goal: null },
    ] as const;
    return compared.flatMap((one) => {
      const ratio = spread(pairedRatios(cpuOf(one.variant), cpuOf(one.over)));
      return ratio === null ? [] : [{ ...one, workload, per, ratio }];
    });
  });
}

/** Adds rows, ratios and everything that makes the run a failed one. */
export function conclude(
  measured: Measured,
  about: Pick<BenchResults, 'startedAt' | 'finishedAt' | 'machine' | 'quick' | 'runs' | 'warmUpMs'>,
): BenchResults {
  const speed = rowsOf(measured.rounds);
  return {
    ...about,
    speed,
    ratios: ratiosOf(speed),
    exactness: measured.exactness,
    telemetry: measured.rounds.map((round) => round.telemetry).filter((count) => count !== null),
    soak: measured.soak,
    problems: [...measured.problems, ...measured.exactness.flatMap(problemsOf)],
  };
}

/** Speed and memory never fail a run: wrong tokens and failed requests do. */
export function exitCodeOf(results: BenchResults): 0 | 1 {
  return results.problems.length === 0 ? 0 : 1;
}

function problemsOf(result: ExactnessResult): string[] {
  const where = `against the ${result.against}, ${result.under}`;
  return [
    ...result.comparison.compared
      .filter((each) => !each.holds)
      .map((each) => `${where}: ${each.figure}: ledger ${each.ledger}, upstream ${each.upstream}`),
    ...result.ledgerProblems.map((problem) => `${where}: ${problem}`),
  ];
}
