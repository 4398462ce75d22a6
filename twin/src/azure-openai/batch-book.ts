import type { Clock } from '#kernel/clock.ts';
import type { JsonObject } from '#kernel/json.ts';
import type { Resource } from './estate.ts';

export const batchSteps = ['next', 'failed', 'expired'] as const;
/** What a batch is moved to: the next stage of its life, or an end before its time. */
export type BatchStep = (typeof batchSteps)[number];

/** A batch, from its validation to its end. */
export interface StoredBatch {
  readonly resource: Resource;
  /** It has ended, and changes no more. */
  readonly over: boolean;
  /** Follows the clock: each stage takes so long. */
  follow(stageMs: number): void;
  move(to: BatchStep, at: number): void;
  cancel(): void;
  shown(): JsonObject;
}

/** The batches of every resource. */
export class Batches {
  private readonly clock: Clock;
  /** Null: they move when they are told. */
  private readonly stageMs: number | null;
  private readonly all = new Map<string, StoredBatch>();

  constructor(clock: Clock, stageMs: number | null) {
    this.clock = clock;
    this.stageMs = stageMs;
  }

  add(key: string, batch: StoredBatch): void {
    this.all.set(key, batch);
  }

  get(key: string): StoredBatch | undefined {
    const batch = this.all.get(key);
    if (this.stageMs !== null) batch?.follow(this.stageMs);
    return batch;
  }

  /** The oldest first. */
  of(resource: Resource): readonly StoredBatch[] {
    return [...this.all].flatMap(([key, batch]) => (batch.resource === resource ? [this.get(key) ?? batch] : []));
  }

  /** How many were moved. */
  move(to: BatchStep): number {
    const running = [...this.all.values()].filter((batch) => !batch.over);
    for (const batch of running) batch.move(to, this.clock.now());
    return running.length;
  }

  clear(): void {
    this.all.clear();
  }
}
