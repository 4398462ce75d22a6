import type { Clock, Timer } from '#kernel/clock.ts';
import type { RandomSource } from '#kernel/random.ts';
import { parseTraceParent, TraceIds, traceStateOf } from '#kernel/trace-context.ts';
import { CallTrace, type TracedCall } from '#model/call-trace.ts';
import type { Telemetry } from '#proxy/ports.ts';
import { sentCalls } from './messages.ts';
import { Sampler } from './sampler.ts';
import type { SamplingRules } from './settings.ts';

export interface TracerOptions {
  /** Of requests. */
  readonly clock: Clock;
  /** Of the timers that send: the machine's. */
  readonly timers: Clock;
  readonly random: RandomSource;
  /** In force now. */
  readonly rules: () => SamplingRules;
  /** Hands calls on, as the JSON of `SentCalls`; resolves when somebody has them. */
  readonly send: (text: string) => Promise<void>;
}

/** So many calls are handed on together, or what there is after so long. */
const batchCalls = 256;
const batchMs = 1000;
/** A worker that does not even take them is left alone. */
const mostUnderWay = 4;
const mostWaiting = 4096;

/**
 * Decides which calls are kept, and collects them when they are over; spans are made of them in another thread. On the
 * request path a call that is kept costs the ids and an entry in a list.
 */
export class Tracer implements Telemetry {
  readonly #options: TracerOptions;
  readonly #ids = new TraceIds();
  readonly #sampler: Sampler;
  #waiting: TracedCall[] = [];
  #timer: Timer | undefined;
  readonly #underWay = new Set<Promise<void>>();
  #dropped = 0;

  constructor(options: TracerOptions) {
    this.#options = options;
    this.#sampler = new Sampler(options.clock, options.random);
  }

  /** Calls that nobody took in time. */
  get dropped(): number {
    return this.#dropped;
  }

  begin(headers: Readonly<Record<string, string | readonly string[] | undefined>>): CallTrace | undefined {
    const parent = parseTraceParent(headers['traceparent']);
    const share = this.#sampler.decide(parent, this.#options.rules());
    if (share === undefined) return undefined;
    return new CallTrace(this.#ids, { parent, share, state: traceStateOf(headers['tracestate']) });
  }

  end(call: TracedCall): void {
    if (this.#waiting.length >= mostWaiting) {
      this.#dropped += 1;
      return;
    }
    this.#waiting.push(call);
    if (this.#waiting.length >= batchCalls && this.#underWay.size < mostUnderWay) this.#send();
    else this.#timer ??= this.#options.timers.after(batchMs, () => this.#send());
  }

  /** Hands everything on that there is; never rejects. */
  async flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      // oxlint-disable-next-line no-await-in-loop -- One after the other is what is wanted.
      if (this.#underWay.size >= mostUnderWay) await Promise.race(this.#underWay);
      this.#send();
    }
    await Promise.all(this.#underWay);
  }

  #send(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#waiting.length === 0) return;
    if (this.#underWay.size >= mostUnderWay) {
      this.#timer = this.#options.timers.after(batchMs, () => this.#send());
      return;
    }
    const calls = this.#waiting;
    this.#waiting = [];
    const sending = this.#handOver(calls).finally(() => this.#underWay.delete(sending));
    this.#underWay.add(sending);
  }

  async #handOver(calls: readonly TracedCall[]): Promise<void> {
    try {
      await this.#options.send(JSON.stringify(sentCalls(calls)));
    } catch {
      // The worker has ended, and another one will be there for the next ones.
      this.#dropped += calls.length;
    }
  }
}
