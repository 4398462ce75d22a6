import { compareWithUpstream } from '#exactness/compare.ts';
import type { LoadPlan, LoadResult } from '#load/plan.ts';
import { pacedStream, unstreamedChat } from '#load/requests.ts';
import { cpuMicros, residentBytes } from '#measure/proc.ts';
import type { Variant } from '#options.ts';
import type { ExactnessResult, RoundFigures, TelemetryCount, Workload } from '#results.ts';
import type { Stage } from '#stage.ts';
import type { UpstreamCount } from '#upstream/static-upstream.ts';
import { startBare, startGateway } from './under-test.ts';
import type { UnderTest } from './under-test.ts';

export interface Round {
  readonly workload: Workload;
  readonly variant: Variant;
  readonly figures: RoundFigures;
  /** The gateway's ledger against the upstream, over the whole round; null for the bare proxy. */
  readonly exactness: ExactnessResult | null;
  /** Null where telemetry was off. */
  readonly telemetry: TelemetryCount | null;
  /** Refused and failed requests: a round that has any is no measurement. */
  readonly problems: readonly string[];
}

/**
 * Each round starts all programs anew, one after the other, in alternating order: what changes on the machine over
 * minutes meets them alike, and luck with one process's memory layout and compiled code is part of the spread.
 */
export async function measureSpeed(stage: Stage): Promise<Round[]> {
  const rounds: Round[] = [];
  const { runs, parts, variants } = stage.options;
  for (let number = 1; number <= runs; number += 1) {
    for (const workload of ['unstreamed', 'streamed'] as const) {
      if (!parts.includes(workload)) continue;
      for (const variant of number % 2 === 1 ? variants : variants.toReversed()) {
        const round = await measureRound(stage, { workload, variant, number });
        stage.progress(describe(round, number));
        rounds.push(round);
      }
    }
  }
  return rounds;
}

async function measureRound(
  stage: Stage,
  what: { readonly workload: Workload; readonly variant: Variant; readonly number: number },
): Promise<Round> {
  const program =
    what.variant === 'bare'
      ? await startBare(stage)
      : await startGateway(stage, { limited: what.variant !== 'unlimited', traced: what.variant === 'traced' });
  const { workload, variant, number } = what;
  try {
    const { durations } = stage.options;
    const plan = planFor(stage, what.workload, program);
    const warmUp = await stage.driver.load({ ...plan, durationMs: durations.warmUpMs });
    await program.settled();
    const measured = await stage.driver.load({ ...plan, durationMs: durations.measureMs });
    await program.settled();
    const telemetry = await telemetryOf(program, variant);
    const cpuAfter = cpuMicros(program.pid);
    return {
      workload,
      variant,
      figures: figuresOf(measured.result, { cpuAfter, peakBytes: residentBytes(program.pid, 'VmHWM') }),
      exactness: await checkRound(program, {
        under: `${workload}, round ${number}`,
        upstream: difference(measured.upstream, warmUp.upstreamBefore),
        received: warmUp.result.received + measured.result.received,
      }),
      telemetry,
      problems: [...failuresOf(warmUp.result), ...failuresOf(measured.result), ...lostOf(telemetry)].map(
        (failure) => `${variant}, ${workload}, round ${number}: ${failure}`,
      ),
    };
  } finally {
    await program.stop();
  }
}

/** What was exported is a part of what a round costs: it is waited for. */
async function telemetryOf({ gateway }: UnderTest, variant: Variant): Promise<TelemetryCount | null> {
  return variant === 'traced' && gateway !== null ? await gateway.telemetry() : null;
}

function lostOf(telemetry: TelemetryCount | null): string[] {
  const nothing = telemetry !== null && (telemetry.exported === 0 || telemetry.collectorBytes === 0);
  return nothing ? ['nothing came to the collector'] : [];
}

/** The load of one workload; the caller says how long. */
export function planFor(stage: Stage, workload: Workload, program: UnderTest): LoadPlan {
  const { connections, streams } = stage.options.durations;
  return {
    port: program.port,
    headers: { 'api-key': program.callerKey },
    connections: workload === 'unstreamed' ? connections : streams,
    templates: [workload === 'unstreamed' ? unstreamedChat : pacedStream],
    durationMs: null,
    totalRequests: null,
    pid: program.pid,
    core: stage.coreUnderTest,
  };
}

function figuresOf(
  result: LoadResult,
  after: { readonly cpuAfter: number | null; readonly peakBytes: number | null },
): RoundFigures {
  const seconds = result.windowMs / 1_000;
  const { latency, firstByte } = result;
  return {
    requestsPerSecond: result.receivedInWindow / seconds,
    eventsPerSecond: result.eventsInWindow / seconds,
    p50Ms: latency?.p50 ?? null,
    p99Ms: latency?.p99 ?? null,
    firstByteP50Ms: firstByte?.p50 ?? null,
    firstByteP99Ms: firstByte?.p99 ?? null,
    ...processorFigures(result, after.cpuAfter),
    peakResidentBytes: after.peakBytes,
    driverBusy: result.ownCpuMicros / 1_000 / result.windowMs,
    heldBackEvents: result.nudges,
    requests: result.received,
    events: result.events,
  };
}

type ProcessorFigures = Pick<RoundFigures, 'cpuMicrosPerRequest' | 'cpuMicrosPerEvent' | 'busy' | 'othersShare'>;

function processorFigures(result: LoadResult, cpuAfter: number | null): ProcessorFigures {
  if (result.cpu === null || cpuAfter === null) {
    return { cpuMicrosPerRequest: null, cpuMicrosPerEvent: null, busy: null, othersShare: null };
  }
  const spent = cpuAfter - result.cpu.beforeMicros;
  const busy = (result.cpu.atEndMicros - result.cpu.beforeMicros) / 1_000 / result.windowMs;
  return {
    cpuMicrosPerRequest: result.received === 0 ? null : spent / result.received,
    cpuMicrosPerEvent: result.events === 0 ? null : spent / result.events,
    busy,
    othersShare: result.coreIdle === null ? null : Math.max(0, 1 - busy - result.coreIdle),
  };
}

/** Compares the gateway's whole ledger with what the upstream has told it since it started. */
export async function checkRound(
  program: UnderTest,
  round: { readonly under: string; readonly upstream: UpstreamCount; readonly received: number },
): Promise<ExactnessResult | null> {
  if (program.gateway === null) return null;
  const report = await program.gateway.usage('outcome');
  const verification = await program.gateway.verifyLedger();
  return {
    against: 'static upstream',
    under: round.under,
    comparison: compareWithUpstream(report, round.upstream, round.received),
    ledgerProblems: verification.ok ? [] : ['ledger verify is not ok', ...verification.problems.map((one) => one.what)],
  };
}

export function failuresOf(result: LoadResult): string[] {
  return [
    ...Object.entries(result.refused).map(([status, count]) => `${count} requests were answered ${status}`),
    ...Object.entries(result.failures).map(([why, count]) => `${count} requests failed: ${why}`),
    ...(result.received === 0 ? ['no request was answered'] : []),
  ];
}

export function difference(after: UpstreamCount, before: UpstreamCount): UpstreamCount {
  return {
    requests: after.requests - before.requests,
    reported: after.reported - before.reported,
    brokenOff: after.brokenOff - before.brokenOff,
    inputTokens: after.inputTokens - before.inputTokens,
    cachedInputTokens: after.cachedInputTokens - before.cachedInputTokens,
    outputTokens: after.outputTokens - before.outputTokens,
    reasoningTokens: after.reasoningTokens - before.reasoningTokens,
  };
}

function describe(round: Round, number: number): string {
  const { figures, workload, variant } = round;
  const streamed = workload === 'streamed';
  const rate = streamed
    ? `${figures.eventsPerSecond.toFixed(0)} events/s`
    : `${figures.requestsPerSecond.toFixed(0)} requests/s`;
  const cpu = streamed ? figures.cpuMicrosPerEvent : figures.cpuMicrosPerRequest;
  const busy = figures.busy === null ? '' : `, ${(figures.busy * 100).toFixed(0)} % busy`;
  const exact = round.exactness === null ? '' : `, ledger ${round.exactness.comparison.exact ? 'exact' : 'WRONG'}`;
  const unit = streamed ? 'event' : 'request';
  return `round ${number}  ${workload.padEnd(10)}  ${variant.padEnd(9)}  ${rate}, ${cpu?.toFixed(1) ?? '?'} µs/${unit}${busy}${exact}`;
}
