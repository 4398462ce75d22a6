import type { Clock } from '#kernel/clock.ts';
import type { DeploymentConfig } from './config.ts';

export interface Overload {
  /** `capacity`: a provisioned deployment at 100 %. */
  readonly of: 'requests' | 'tokens' | 'capacity';
  readonly retryAfterMs: number;
}

/** What a deployment can take, and what it says about that on every reply. */
export interface Capacity {
  /** Takes the request in, or says why not. `tokens` is the estimate: prompt, and output at its limit. */
  admit(estimate: { readonly input: number; readonly output: number }): Overload | undefined;
  /** Replaces the estimate by what was used. */
  settle(estimate: { readonly input: number; readonly output: number }, used: typeof estimate): void;
  headers(): Readonly<Record<string, string>>;
  reset(): void;
}

/** What tests may set while the twin runs. */
export interface LimitSettings {
  readonly requestsPerMinute?: number | undefined;
  readonly requestWindowSeconds?: 1 | 10 | undefined;
  readonly tokensPerMinute?: number | undefined;
  readonly ptu?: number | undefined;
  /** Percent; the deployment stays at it until it is set to null. */
  readonly utilization?: number | null | undefined;
}

type Limits = Pick<
  DeploymentConfig,
  | 'requestsPerMinute'
  | 'requestWindowSeconds'
  | 'tokensPerMinute'
  | 'ptu'
  | 'tokensPerMinutePerPtu'
  | 'outputTokenWeight'
>;

const minute = 60_000;

/** Counts within fixed windows of a length; the first begins with the first count. */
class Window {
  private readonly clock: Clock;
  private readonly ms: number;
  private start = -Infinity;
  private counted = 0;

  constructor(clock: Clock, ms: number) {
    this.clock = clock;
    this.ms = ms;
  }

  get count(): number {
    return this.clock.monotonic() - this.start < this.ms ? this.counted : 0;
  }

  get resetMs(): number {
    return Math.max(0, Math.ceil(this.start + this.ms - this.clock.monotonic()));
  }

  add(amount: number): void {
    if (this.clock.monotonic() - this.start >= this.ms) {
      this.start = this.clock.monotonic();
      this.counted = 0;
    }
    this.counted = Math.max(0, this.counted + amount);
  }
}

/**
 * Pay-as-you-go. Requests a minute are judged over 1 or 10 seconds, tokens a minute over a minute by an estimate that
 * is not corrected afterwards (learn.microsoft.com, "Manage Azure OpenAI quota": understanding rate limits).
 */
export class StandardCapacity implements Capacity {
  private readonly clock: Clock;
  private readonly limits: () => Limits;
  private burst: Window;
  private requests: Window;
  private tokens: Window;

  constructor(clock: Clock, limits: () => Limits) {
    this.clock = clock;
    this.limits = limits;
    this.burst = new Window(clock, limits().requestWindowSeconds * 1000);
    this.requests = new Window(clock, minute);
    this.tokens = new Window(clock, minute);
  }

  admit(estimate: { readonly input: number; readonly output: number }): Overload | undefined {
    const { requestsPerMinute, tokensPerMinute } = this.limits();
    if (this.burst.count >= this.perWindow()) return { of: 'requests', retryAfterMs: this.burst.resetMs };
    if (this.requests.count >= requestsPerMinute) return { of: 'requests', retryAfterMs: this.requests.resetMs };
    const tokens = estimate.input + estimate.output;
    if (this.tokens.count + tokens > tokensPerMinute)
      return { of: 'tokens', retryAfterMs: this.tokens.count === 0 ? minute : this.tokens.resetMs };
    this.burst.add(1);
    this.requests.add(1);
    this.tokens.add(tokens);
    return undefined;
  }

  settle(): void {
    // The service leaves its estimate as it is.
  }

  headers(): Readonly<Record<string, string>> {
    const { requestsPerMinute, tokensPerMinute } = this.limits();
    const exhausted = this.burst.count >= this.perWindow();
    const requestsLeft = exhausted ? 0 : Math.max(0, requestsPerMinute - this.requests.count);
    return {
      'x-ratelimit-limit-requests': String(requestsPerMinute),
      'x-ratelimit-remaining-requests': String(requestsLeft),
      'x-ratelimit-reset-requests': seconds(exhausted ? this.burst.resetMs : this.requests.resetMs),
      'x-ratelimit-limit-tokens': String(tokensPerMinute),
      'x-ratelimit-remaining-tokens': String(Math.max(0, tokensPerMinute - this.tokens.count)),
      'x-ratelimit-reset-tokens': seconds(this.tokens.resetMs),
    };
  }

  reset(): void {
    this.burst = new Window(this.clock, this.limits().requestWindowSeconds * 1000);
    this.requests = new Window(this.clock, minute);
    this.tokens = new Window(this.clock, minute);
  }

  private perWindow(): number {
    const { requestsPerMinute, requestWindowSeconds } = this.limits();
    return Math.max(1, Math.ceil((requestsPerMinute * requestWindowSeconds) / 60));
  }
}

const seconds = (ms: number): string => String(Math.ceil(ms / 1000));

/**
 * Provisioned throughput: a bucket of one minute's tokens that empties at a steady rate; a request fills it by its
 * estimate, which is corrected when it ends; at 100 % requests are refused until it has run down again
 * (learn.microsoft.com, "What is provisioned throughput?": how utilization is determined).
 */
export class ProvisionedCapacity implements Capacity {
  private readonly clock: Clock;
  private readonly limits: () => Limits;
  private readonly forced: () => number | undefined;
  private level = 0;
  private at: number;

  constructor(
    clock: Clock,
    given: { readonly limits: () => Limits; readonly forcedUtilization: () => number | undefined },
  ) {
    this.clock = clock;
    this.limits = given.limits;
    this.forced = given.forcedUtilization;
    this.at = clock.monotonic();
  }

  /** In percent; may go beyond 100, because the request that fills the bucket is still served. */
  get utilization(): number {
    return this.forced() ?? (this.current() / this.size()) * 100;
  }

  admit(estimate: { readonly input: number; readonly output: number }): Overload | undefined {
    if (this.utilization >= 100) {
      const over = this.forced() === undefined ? this.current() - this.size() : this.size() / 60;
      return { of: 'capacity', retryAfterMs: Math.max(1, Math.ceil((over / this.size()) * minute)) };
    }
    this.level = this.current() + this.weigh(estimate);
    return undefined;
  }

  settle(estimate: { readonly input: number; readonly output: number }, used: typeof estimate): void {
    this.level = Math.max(0, this.current() + this.weigh(used) - this.weigh(estimate));
  }

  headers(): Readonly<Record<string, string>> {
    return { 'azure-openai-deployment-utilization': `${Math.min(100, this.utilization).toFixed(1)}%` };
  }

  reset(): void {
    this.level = 0;
    this.at = this.clock.monotonic();
  }

  private size(): number {
    const { ptu, tokensPerMinutePerPtu } = this.limits();
    return ptu * tokensPerMinutePerPtu;
  }

  private weigh(tokens: { readonly input: number; readonly output: number }): number {
    return tokens.input + tokens.output * this.limits().outputTokenWeight;
  }

  private current(): number {
    const now = this.clock.monotonic();
    this.level = Math.max(0, this.level - ((now - this.at) / minute) * this.size());
    this.at = now;
    return this.level;
  }
}
