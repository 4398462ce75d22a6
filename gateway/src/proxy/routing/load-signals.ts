import type { Oddity, ReplyHeaders } from './retry-after.ts';
import { wasSpilled } from './spillover.ts';

const wholeNumber = /^\d{1,15}$/;
const percentage = /^(\d{1,6}(?:\.\d{1,6})?)%?$/;
/** A provisioned deployment empties its whole bucket in a minute. Source: "What is provisioned throughput?", Azure OpenAI. */
const emptiesInMs = 60_000;
/** What is left of a rate limit is judged over a minute: an older word says nothing. */
const limitsHoldMs = 60_000;

function numberOf(headers: ReplyHeaders, name: string, odd: Oddity): number | undefined {
  const text = headers[name];
  if (text === undefined) return undefined;
  if (wholeNumber.test(text)) return Number(text);
  odd(name);
  return undefined;
}

/** What remains of one rate limit. */
class Allowance {
  /** Made once: a name that is put together for every reply has to be looked up in V8's table of strings every time. */
  readonly #remainingName: string;
  readonly #limitName: string;
  #remaining = Number.NaN;
  /** As told, or the most that ever remained. */
  #limit = 0;

  constructor(dimension: 'requests' | 'tokens') {
    this.#remainingName = `x-ratelimit-remaining-${dimension}`;
    this.#limitName = `x-ratelimit-limit-${dimension}`;
  }

  read(headers: ReplyHeaders, odd: Oddity): boolean {
    const remaining = numberOf(headers, this.#remainingName, odd);
    if (remaining === undefined) return false;
    const limit = numberOf(headers, this.#limitName, odd);
    if (limit !== undefined && limit > 0) {
      if (remaining > limit) odd(this.#remainingName);
      this.#limit = limit;
      this.#remaining = Math.min(remaining, limit);
    } else {
      this.#limit = Math.max(this.#limit, remaining);
      this.#remaining = remaining;
    }
    return true;
  }

  /** [0, 1]; 1 where nothing is known. */
  get share(): number {
    return Number.isNaN(this.#remaining) || this.#limit === 0 ? 1 : this.#remaining / this.#limit;
  }

  get limit(): number {
    return this.#limit;
  }

  /** Null where nothing is known. */
  get remaining(): number | null {
    return Number.isNaN(this.#remaining) ? null : this.#remaining;
  }
}

/** What an endpoint says of its load on every reply: rate limits of pay-as-you-go, utilisation of PTU. */
export class LoadSignals {
  readonly #requests = new Allowance('requests');
  readonly #tokens = new Allowance('tokens');
  #limitsAt = Number.NEGATIVE_INFINITY;
  #utilization = Number.NaN;
  #utilizationAt = 0;

  /** Takes what a reply's headers say. `spilled`: another deployment served it, so limits are that one's. */
  read(headers: ReplyHeaders, now: number, odd: Oddity): void {
    this.#readUtilization(headers, now, odd);
    if (wasSpilled(headers)) return;
    const requests = this.#requests.read(headers, odd);
    if (this.#tokens.read(headers, odd) || requests) this.#limitsAt = now;
  }

  /** It is full, whatever it said before: it refused, or Azure spilled a call over. */
  full(now: number): void {
    this.#utilization = 1;
    this.#utilizationAt = now;
  }

  /**
   * The share of a provisioned deployment that is in use, [0, 1]: as it was told, less what it has worked off since. 0
   * where nothing is known.
   */
  utilization(now: number): number {
    if (Number.isNaN(this.#utilization)) return 0;
    return Math.max(0, this.#utilization - (now - this.#utilizationAt) / emptiesInMs);
  }

  /** Whether it ever said how full it is. */
  get utilized(): boolean {
    return !Number.isNaN(this.#utilization);
  }

  /** The share that is still free, [0, 1]: the scarcest of requests, tokens and provisioned throughput. */
  room(now: number): number {
    const limits = now - this.#limitsAt < limitsHoldMs ? Math.min(this.#requests.share, this.#tokens.share) : 1;
    return Math.min(limits, 1 - this.utilization(now));
  }

  /** Tokens a minute that it allows, as far as it has told; 0 where it has not. */
  get tokenLimit(): number {
    return this.#tokens.limit;
  }

  get remainingTokens(): number | null {
    return this.#tokens.remaining;
  }

  get remainingRequests(): number | null {
    return this.#requests.remaining;
  }

  #readUtilization(headers: ReplyHeaders, now: number, odd: Oddity): void {
    const text = headers['azure-openai-deployment-utilization'];
    if (text === undefined) return;
    const found = percentage.exec(text.trim());
    const share = found === null ? Number.NaN : Number(found[1]) / 100;
    if (Number.isNaN(share) || share > 1) odd('azure-openai-deployment-utilization');
    if (Number.isNaN(share)) return;
    this.#utilization = Math.min(1, share);
    this.#utilizationAt = now;
  }
}
