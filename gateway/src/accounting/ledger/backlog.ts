import type { Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import type { Metrics } from '#kernel/metrics.ts';
import type { ListedSegment, Position } from './ports.ts';
import type { SharedProgress } from './progress.ts';

export interface BacklogBudget {
  /** What of the journal may wait. */
  readonly bytes: number;
  /** `refuse`: no attempt is admitted while more is waiting; `admit`: it is only told. */
  readonly whenSpent: 'refuse' | 'admit';
}

export interface BacklogOptions {
  /** Who has to take the records, for metrics and log. */
  readonly sink: string;
  readonly budget: BacklogBudget;
  readonly progress: Pick<SharedProgress, 'written' | 'shippedTo'>;
  /** What the journal holds at the start. */
  readonly segments: readonly ListedSegment[];
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** Of the budget; less must be waiting before it counts as free again, or every batch that is taken would change it. */
const freeAgainAt = 7 / 8;

interface Start {
  readonly segment: number;
  /** Bytes of the journal before the segment. */
  readonly before: number;
  /** It counts for nothing: only what was in the store once is archived. */
  readonly archived: boolean;
}

/**
 * How much of the journal waits for a sink that must have it, against the budget of disk for that. Told of every group
 * that is written, so that a call costs a comparison. Approximate by what was cut off of segments that failed.
 */
export class Backlog {
  readonly #options: BacklogOptions;
  /** Ascending; the last one is being written. */
  #starts: Start[] = [];
  #end: Position;
  #bytes = 0;
  #spent = false;
  /** What was written until `time` had not all been taken when it was last looked at. */
  #mark = { end: 0, time: 0 };

  constructor(options: BacklogOptions) {
    const { sink, metrics, progress, segments, clock } = options;
    this.#options = options;
    let before = 0;
    for (const { segment, bytes, archived } of segments) {
      this.#starts.push({ segment, before, archived });
      before += archived ? 0 : bytes;
    }
    this.#end = progress.written();
    this.#mark = { end: 0, time: clock.monotonic() };
    const gauge = (name: string, help: string, read: () => number): void =>
      metrics.gauge(name, { help, read: () => [{ labels: { sink }, value: read() }] });
    gauge('tollgate_ledger_backlog_bytes', 'Bytes of the journal that the sink has not taken yet.', () => this.bytes);
    gauge(
      'tollgate_ledger_backlog_age_seconds',
      'How long the oldest of them has been waiting.',
      () => this.ageSeconds,
    );
    gauge(
      'tollgate_ledger_backlog_spent',
      '1 while more is waiting than ledger.backlog.bytes: calls are refused, or admitted at your own risk.',
      () => (this.spent ? 1 : 0),
    );
  }

  /** The journal has got so far. */
  written(end: Position): void {
    const last = this.#starts.at(-1);
    if (last?.segment !== end.segment)
      this.#starts.push({ segment: end.segment, before: this.#placeOf(this.#end), archived: false });
    this.#end = end;
    this.#measure();
  }

  get bytes(): number {
    this.#measure();
    return this.#bytes;
  }

  /** 0 where nothing is waiting. Too small by no more than the sink's usual delay. */
  get ageSeconds(): number {
    this.#measure();
    return this.#bytes === 0 ? 0 : (this.#options.clock.monotonic() - this.#mark.time) / 1000;
  }

  get spent(): boolean {
    this.#measure();
    return this.#spent;
  }

  /** Whether no attempt may be admitted. While there is room, a comparison. */
  get refuses(): boolean {
    return this.#spent && this.#options.budget.whenSpent === 'refuse' && this.spent;
  }

  #measure(): void {
    const { progress, clock } = this.#options;
    const shipped = progress.shippedTo();
    // Before the store's side has begun nothing is known.
    if (shipped.segment === 0) return;
    while ((this.#starts[1]?.segment ?? Number.POSITIVE_INFINITY) <= shipped.segment) this.#starts.shift();
    const end = this.#placeOf(this.#end);
    const taken = this.#placeOf(shipped);
    this.#bytes = Math.max(0, end - taken);
    if (taken >= this.#mark.end) this.#mark = { end, time: clock.monotonic() };
    this.#judge();
  }

  /** Bytes of the journal before the position. */
  #placeOf(position: Position): number {
    const start = this.#starts.findLast((one) => one.segment <= position.segment);
    // Before all that is remembered: everything there had been taken once.
    if (start === undefined) return this.#starts[0]?.before ?? 0;
    return start.archived ? start.before : start.before + position.offset;
  }

  #judge(): void {
    const { budget, log, sink } = this.#options;
    const state = { sink, bytes: this.#bytes, budget: budget.bytes };
    if (!this.#spent && this.#bytes > budget.bytes) {
      this.#spent = true;
      const so =
        budget.whenSpent === 'refuse' ? 'calls are refused until it has taken some' : 'calls are still admitted';
      log.error(state, `the backlog of the ledger is over its budget; ${so}`);
    } else if (this.#spent && this.#bytes <= budget.bytes * freeAgainAt) {
      this.#spent = false;
      log.info(state, 'the backlog of the ledger is within its budget again');
    }
  }
}
