import type { Alarms } from '#kernel/alarms.ts';
import type { Clock } from '#kernel/clock.ts';
import type { IdSource } from '#kernel/ids.ts';
import type { Log } from '#kernel/log.ts';
import type { RandomSource } from '#kernel/random.ts';
import type { SnapshotSource } from '#model/snapshot.ts';
import type { TokenVerifier } from './consumers/ports.ts';
import type { GenAiInstruments } from './gen-ai-instruments.ts';
import type { Instruments } from './instruments.ts';
import type { BatchBook, Limits, RequestLog, Telemetry } from './ports.ts';
import type { Pipeline } from './policies/pipeline.ts';
import type { Pools } from './routing/pool.ts';
import type { RouteTraces } from './routing/trace.ts';
import type { UpstreamConnections } from './upstream/connections.ts';
import type { Credentials } from './upstream/credentials.ts';
import type { Ledger, TokenCounter } from './usage/ports.ts';

/** What the request path works with; made once by compose/. */
export interface Services {
  readonly clock: Clock;
  /** On the same clock. */
  readonly alarms: Alarms;
  readonly random: RandomSource;
  readonly ids: IdSource;
  readonly log: Log;
  readonly requestLog: RequestLog;
  readonly instruments: Instruments;
  /** Undefined where telemetry is off: nothing of it is then paid for. */
  readonly telemetry: Telemetry | undefined;
  readonly genAi: GenAiInstruments | undefined;
  readonly snapshots: SnapshotSource;
  readonly tokens: TokenVerifier;
  readonly pipeline: Pipeline;
  readonly pools: Pools;
  readonly traces: RouteTraces;
  readonly connections: UpstreamConnections;
  readonly credentials: Credentials;
  readonly ledger: Ledger;
  readonly limits: Limits;
  readonly batches: BatchBook;
  readonly tokenCounter: TokenCounter;
  /** Delivered bytes kept per stream for counting if usage never arrives. */
  readonly keepBytes: number;
}
