import type { LoadPlan } from '#load/plan.ts';
import { pacedStream, unstreamedChat } from '#load/requests.ts';
import { residentBytes } from '#measure/proc.ts';
import { slope } from '#measure/statistics.ts';
import type { ExactnessResult, SoakResult } from '#results.ts';
import type { Stage } from '#stage.ts';
import { checkRound, difference, failuresOf } from './speed.ts';
import { startGateway } from './under-test.ts';

/** The first fifth of the samples is warm-up: caches fill, code is compiled, the store's pages are allocated. */
const warmUpShare = 0.2;
/** Over less time than this a slope says nothing of ten minutes. */
const leastSeconds = 240;
/** What the line through the rest may rise in ten minutes and still be called flat, as a share of what it began with. */
const flatShare = 0.1;

export interface MemorySample {
  readonly seconds: number;
  readonly residentBytes: number;
}

/** Ten minutes of streams and plain calls side by side, the gateway's memory sampled all the while. */
export async function soak(
  stage: Stage,
): Promise<{ soak: SoakResult; exactness: ExactnessResult | null; problems: string[] }> {
  const { durations } = stage.options;
  const program = await startGateway(stage);
  const samples: MemorySample[] = [];
  const started = Date.now();
  const sample = (): void => {
    const bytes = residentBytes(program.pid, 'VmRSS');
    if (bytes === null) return;
    samples.push({ seconds: (Date.now() - started) / 1_000, residentBytes: bytes });
    stage.progress(`${((Date.now() - started) / 1_000).toFixed(0).padStart(4)} s  ${(bytes / 1e6).toFixed(1)} MB`);
  };
  const timer = setInterval(sample, durations.soakSampleMs);
  try {
    const plan: LoadPlan = {
      port: program.port,
      headers: { 'api-key': program.callerKey },
      connections: durations.connections * 2,
      // Three plain calls to a stream: both kinds at once, and not more records than a disk holds.
      templates: [unstreamedChat, unstreamedChat, unstreamedChat, pacedStream],
      durationMs: durations.soakMs,
      totalRequests: null,
      pid: program.pid,
      core: stage.coreUnderTest,
    };
    const { result, upstream, upstreamBefore } = await stage.driver.load(plan);
    clearInterval(timer);
    const peak = residentBytes(program.pid, 'VmHWM');
    await program.settled();
    const exactness = await checkRound(program, {
      under: `${(durations.soakMs / 60_000).toFixed(1)} minutes of mixed load`,
      upstream: difference(upstream, upstreamBefore),
      received: result.received,
    });
    return {
      soak: {
        minutes: result.windowMs / 60_000,
        requests: result.received,
        events: result.events,
        p50Ms: result.latency?.p50 ?? null,
        p99Ms: result.latency?.p99 ?? null,
        firstByteP99Ms: result.firstByte?.p99 ?? null,
        ...judgeMemory(samples, peak),
      },
      exactness,
      problems: failuresOf(result).map((failure) => `soak: ${failure}`),
    };
  } finally {
    clearInterval(timer);
    await program.stop();
  }
}

/** A verdict on memory, never on time. */
export function judgeMemory(
  samples: readonly MemorySample[],
  peakBytes: number | null,
): Pick<
  SoakResult,
  'samples' | 'startBytes' | 'peakBytes' | 'endBytes' | 'bytesPerTenMinutes' | 'verdict' | 'criterion'
> {
  const steady = samples.slice(Math.floor(samples.length * warmUpShare));
  const startBytes = steady[0]?.residentBytes ?? 0;
  const bytesPerTenMinutes = riseInTenMinutes(steady);
  let verdict: SoakResult['verdict'] = 'unknown';
  if (bytesPerTenMinutes !== null) verdict = bytesPerTenMinutes > startBytes * flatShare ? 'growing' : 'flat';
  return {
    samples,
    startBytes,
    peakBytes: peakBytes ?? Math.max(0, ...samples.map((sample) => sample.residentBytes)),
    endBytes: samples.at(-1)?.residentBytes ?? 0,
    bytesPerTenMinutes,
    verdict,
    criterion:
      `flat: the least squares line through the samples behind the first ${warmUpShare * 100} % rises by at most ` +
      `${flatShare * 100} % of the first of them in ten minutes; unknown: they span less than ${leastSeconds} s`,
  };
}

function riseInTenMinutes(samples: readonly MemorySample[]): number | null {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined || last.seconds - first.seconds < leastSeconds) return null;
  const perSecond = slope(samples.map((sample) => ({ x: sample.seconds, y: sample.residentBytes })));
  return perSecond === null ? null : perSecond * 600;
}
