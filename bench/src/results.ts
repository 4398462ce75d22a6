import type { Comparison } from '#exactness/compare.ts';
import type { Spread } from '#measure/statistics.ts';
import type { Machine } from './machine.ts';
import type { Variant } from './options.ts';

export type Workload = 'unstreamed' | 'streamed';

/** One program under one workload for one round. Null where the machine could not measure it. */
export interface RoundFigures {
  readonly requestsPerSecond: number;
  readonly eventsPerSecond: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly firstByteP50Ms: number | null;
  readonly firstByteP99Ms: number | null;
  /** User and system time of all threads and children, until the store held everything that the round wrote. */
  readonly cpuMicrosPerRequest: number | null;
  readonly cpuMicrosPerEvent: number | null;
  /** Processor time over the length of the window: 1 is one whole core. */
  readonly busy: number | null;
  /** The part of its core that other programs and the hypervisor took. */
  readonly othersShare: number | null;
  readonly peakResidentBytes: number | null;
  /** How busy upstream and load generator were with the other core. */
  readonly driverBusy: number;
  /** Events that the program kept back until it was sent the next one. */
  readonly heldBackEvents: number;
  readonly requests: number;
  readonly events: number;
}

/** Median and spread over the rounds, figure by figure. */
export type FigureSpreads = { readonly [Figure in keyof RoundFigures]: Spread | null };

export interface SpeedRow {
  readonly workload: Workload;
  readonly variant: Variant;
  readonly rounds: readonly RoundFigures[];
  readonly figures: FigureSpreads;
  /** In the median, the program was busy less than 90 % of the time: its rate is the load generator's, not its own. */
  readonly loadLimited: boolean;
}

/** What telemetry came to in a round: spans, by the gateway's own count, and what reached the collector. */
export interface TelemetryCount {
  readonly exported: number;
  readonly dropped: number;
  readonly collectorBytes: number;
}

/** Processor time of one over another's, round by round. */
export interface Ratio {
  readonly workload: Workload;
  readonly variant: Exclude<Variant, 'bare'>;
  readonly over: 'bare' | 'gateway';
  readonly per: 'request' | 'event';
  readonly ratio: Spread;
  /** Null where there is none. */
  readonly goal: number | null;
}

export interface ExactnessResult {
  readonly against: 'static upstream' | 'twin';
  /** `unstreamed, round 2`, `mixed traffic`, … */
  readonly under: string;
  readonly comparison: Comparison;
  /** What `ledger verify` found wrong, journal against store; empty when nothing. */
  readonly ledgerProblems: readonly string[];
}

export interface SoakResult {
  readonly minutes: number;
  readonly requests: number;
  readonly events: number;
  /** Of plain calls. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /** Of streams. */
  readonly firstByteP99Ms: number | null;
  readonly samples: readonly { readonly seconds: number; readonly residentBytes: number }[];
  readonly startBytes: number;
  readonly peakBytes: number;
  readonly endBytes: number;
  /** Slope of the line through the samples behind the warm-up, for ten minutes. */
  readonly bytesPerTenMinutes: number | null;
  readonly verdict: 'flat' | 'growing' | 'unknown';
  readonly criterion: string;
}

export interface BenchResults {
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly machine: Machine;
  readonly quick: boolean;
  readonly runs: number;
  /** How long each program was under load before each measurement. */
  readonly warmUpMs: number;
  readonly speed: readonly SpeedRow[];
  readonly ratios: readonly Ratio[];
  readonly exactness: readonly ExactnessResult[];
  /** Of every round with telemetry on. */
  readonly telemetry: readonly TelemetryCount[];
  readonly soak: SoakResult | null;
  /** Why the run failed, one sentence each; empty when it did not. */
  readonly problems: readonly string[];
}
