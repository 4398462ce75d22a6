import type { Clock, Timer } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import type { ExporterName, Signal, Tally } from './tally.ts';

/** Of the items of one export, how many the other side took; the rest is lost. Rejects where nothing was taken. */
type Export<Item> = (items: readonly Item[]) => Promise<number>;

export interface ExportQueueOptions<Item> {
  readonly of: { readonly exporter: ExporterName; readonly signal: Signal };
  readonly tally: Tally;
  readonly clock: Clock;
  readonly log: Log;
  readonly export: Export<Item>;
}

/** A status or a system's word beside the message, which may say no more than `Found`. */
function whyOf(error: unknown): object {
  if (!(error instanceof Error)) return { error: String(error) };
  const code: unknown = 'code' in error ? error.code : undefined;
  return { error: error.message, ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}) };
}

/** What waits at most, and what goes in one request. */
const mostWaiting = 8192;
const batchItems = 512;
/** Whoever takes longer is given up; what was sent may have arrived. */
const longestExportMs = 30_000;
const shortestPauseMs = 1000;
const longestPauseMs = 30_000;

/**
 * What waits for one exporter: bounded, one export at a time. Where the other side is away, slow or refuses, what does not fit is
 * dropped and counted, and told once.
 */
export class ExportQueue<Item> {
  readonly #options: ExportQueueOptions<Item>;
  #waiting: Item[] = [];
  #exporting: Promise<void> | undefined;
  #pause: { readonly timer: Timer; readonly over: PromiseWithResolvers<void> } | undefined;
  #failures = 0;
  /** Nobody comes any more: what is left is tried once, without pauses. */
  #ending = false;

  constructor(options: ExportQueueOptions<Item>) {
    this.#options = options;
  }

  push(items: readonly Item[]): void {
    const room = Math.max(0, mostWaiting - this.#waiting.length);
    const taken = items.length > room ? items.slice(0, room) : items;
    this.#lose(items.length - taken.length);
    for (const item of taken) this.#waiting.push(item);
    if (this.#waiting.length > 0) this.#exporting ??= this.#run();
  }

  /** Sends what is left. Resolves when there is nothing, or each was tried. */
  async finish(): Promise<void> {
    this.#ending = true;
    this.#pause?.timer.cancel();
    this.#pause?.over.resolve();
    await this.#exporting;
  }

  #lose(count: number): void {
    const { of, tally } = this.#options;
    tally.add(of, 'dropped', count);
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, batchItems);
      // oxlint-disable-next-line no-await-in-loop -- One batch after the other: that is what a queue is for.
      if (!(await this.#export(batch)) && !this.#ending) await this.#rest();
    }
    this.#exporting = undefined;
  }

  async #export(batch: readonly Item[]): Promise<boolean> {
    const { of, tally, log } = this.#options;
    try {
      const taken = await this.#inTime(this.#options.export(batch));
      tally.add(of, 'exported', taken);
      this.#lose(batch.length - taken);
      if (taken < batch.length) this.#tell({ refused: batch.length - taken });
      else if (this.#failures > 0) {
        this.#failures = 0;
        log.info(of, 'telemetry can be exported again');
      }
      return true;
    } catch (error) {
      this.#lose(batch.length);
      this.#tell(whyOf(error));
      return false;
    }
  }

  /** Once, however long it lasts. */
  #tell(why: object): void {
    this.#failures += 1;
    if (this.#failures === 1)
      this.#options.log.warn(
        { ...this.#options.of, ...why },
        'telemetry could not be exported: it is dropped, and counted',
      );
  }

  async #inTime(exporting: Promise<number>): Promise<number> {
    const late = Promise.withResolvers<never>();
    const timer = this.#options.clock.after(longestExportMs, () => late.reject(new Error('no answer in time')));
    try {
      return await Promise.race([exporting, late.promise]);
    } finally {
      timer.cancel();
      // One that was given up may still fail, and nobody waits for it.
      exporting.catch(() => undefined);
    }
  }

  async #rest(): Promise<void> {
    const over = Promise.withResolvers<void>();
    const ms = Math.min(longestPauseMs, shortestPauseMs * 2 ** Math.min(this.#failures - 1, 10));
    this.#pause = { over, timer: this.#options.clock.after(ms, over.resolve) };
    await over.promise;
    this.#pause = undefined;
  }
}
