import type { Clock } from '#kernel/clock.ts';
import type { RandomSource } from '#kernel/random.ts';
import type { Caller } from './caller.ts';

/** How fast the model is. */
export interface Latency {
  /** Milliseconds until the first token, without the prompt's share. */
  readonly timeToFirstTokenMs: number;
  /** Output tokens a second; Infinity: no pause between tokens. */
  readonly tokensPerSecond: number;
  /** How far each time may lie from the mean, as a share of it: 0 to 1. */
  readonly jitter: number;
  /** Milliseconds that each prompt token adds to the time to the first one. */
  readonly perPromptTokenMs: number;
}

export const latencyPresets = {
  none: { timeToFirstTokenMs: 0, tokensPerSecond: Infinity, jitter: 0, perPromptTokenMs: 0 },
  fast: { timeToFirstTokenMs: 40, tokensPerSecond: 500, jitter: 0.2, perPromptTokenMs: 0 },
  realistic: { timeToFirstTokenMs: 320, tokensPerSecond: 90, jitter: 0.35, perPromptTokenMs: 0.02 },
  slow: { timeToFirstTokenMs: 2500, tokensPerSecond: 20, jitter: 0.5, perPromptTokenMs: 0.1 },
} as const satisfies Record<string, Latency>;

// Shorter pauses are saved up: a timer is not more exact than this.
const leastPauseMs = 1;

/** Waits as the model would have been busy. The same random source gives the same times. */
export class Pace {
  private readonly latency: Latency;
  private readonly clock: Clock;
  private readonly random: RandomSource;
  private readonly caller: Caller;
  private owedMs = 0;

  constructor(given: {
    readonly latency: Latency;
    readonly clock: Clock;
    readonly random: RandomSource;
    readonly caller: Caller;
  }) {
    this.latency = given.latency;
    this.clock = given.clock;
    this.random = given.random;
    this.caller = given.caller;
  }

  get immediate(): boolean {
    return this.latency.timeToFirstTokenMs === 0 && this.latency.tokensPerSecond === Infinity;
  }

  /** Until the prompt is read. */
  async first(promptTokens: number): Promise<void> {
    await this.pause(this.vary(this.latency.timeToFirstTokenMs + promptTokens * this.latency.perPromptTokenMs));
  }

  /** As long as these tokens take. */
  async tokens(count: number): Promise<void> {
    if (count > 0) await this.pause(this.vary((count * 1000) / this.latency.tokensPerSecond));
  }

  private vary(ms: number): number {
    return ms * (1 + (this.random.next() * 2 - 1) * this.latency.jitter);
  }

  private async pause(ms: number): Promise<void> {
    this.owedMs += ms;
    if (this.owedMs < leastPauseMs) return;
    const before = this.clock.monotonic();
    await this.caller.sleep(this.owedMs);
    this.owedMs -= this.clock.monotonic() - before;
  }
}
