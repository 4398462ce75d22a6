import type { RandomSource } from '#kernel/random.ts';
import { isProvisioned, type Endpoint } from '#model/endpoint.ts';
import type { ReplyHeaders } from '#proxy/routing/retry-after.ts';
import type { Script } from './script.ts';

type Behaviour = Script['endpoints'][string];
type Fault = Script['faults'][number];

/** What an endpoint does with a call. Times in ms from its sending; `never` is Infinity. */
export interface Answer {
  readonly kind: 'reply' | 'breaks' | 'answer' | 'no-connection' | 'never';
  readonly status: number;
  /** Until the first byte, or until the connection fails. */
  readonly firstByteMs: number;
  /** Until the end, or the break. */
  readonly endMs: number;
  readonly headers: ReplyHeaders;
  /** The error body of an answer that is no reply. */
  readonly body: Buffer;
}

const minute = 60_000;
const noBody = Buffer.alloc(0);
const filtered = Buffer.from('{"error":{"code":"content_filter"}}');
/** How long an answer takes that costs the endpoint no thought. */
const promptMs = 20;

/** An endpoint as a script describes it: how fast it answers, what it takes, and what is wrong with it when. */
export class SimulatedEndpoint {
  readonly #endpoint: Endpoint;
  readonly #behaviour: Behaviour;
  readonly #faults: readonly Fault[];
  readonly #random: RandomSource;
  /** Calls: of the window, or in the bucket of a provisioned deployment. */
  #level = 0;
  #levelAt = 0;

  constructor(endpoint: Endpoint, script: Script, random: RandomSource) {
    const behaviour = script.endpoints[endpoint.name];
    if (behaviour === undefined) throw new Error(`The script has no endpoint '${endpoint.name}'.`);
    this.#endpoint = endpoint;
    this.#behaviour = behaviour;
    this.#faults = script.faults.filter((one) => one.endpoint === endpoint.name);
    this.#random = random;
  }

  /** A call arrives now. */
  answer(now: number): Answer {
    const fault = this.#faultAt(now);
    if (fault !== undefined) {
      const answer = this.#instead(fault);
      if (answer !== undefined) return answer;
    }
    const wait = this.#take(now);
    if (wait > 0) return this.#refusal(429, { ...this.#load(now), ...retryAfter(wait) }, noBody);
    const { firstByte, reply } = this.#behaviour;
    const stray = 1 + this.#behaviour.jitter * (2 * this.#random.next() - 1);
    const firstByteMs = fault?.kind === 'slow' ? fault.firstByte : firstByte * stray;
    const endMs = firstByteMs + (reply - firstByte) * stray;
    const breaks = fault?.kind === 'break';
    return {
      kind: breaks ? 'breaks' : 'reply',
      status: 200,
      firstByteMs,
      endMs: breaks ? (firstByteMs + endMs) / 2 : endMs,
      headers: this.#load(now),
      body: noBody,
    };
  }

  /** What it does in the place of an answer of its own; undefined where it only answers badly. */
  #instead(fault: Fault): Answer | undefined {
    if (fault.kind === 'refuse') return this.#without('no-connection', 1);
    if (fault.kind === 'hang') return this.#without('never', Number.POSITIVE_INFINITY);
    if (fault.kind === 'filter') return this.#refusal(400, {}, filtered);
    return fault.kind === 'status' ? this.#refusal(fault.status, retryAfter(fault.retryAfter), noBody) : undefined;
  }

  #faultAt(now: number): Fault | undefined {
    return this.#faults.find(
      ({ from, to, share }) => now >= from && now < (to ?? Number.POSITIVE_INFINITY) && this.#random.next() < share,
    );
  }

  #without(kind: 'no-connection' | 'never', after: number): Answer {
    return { kind, status: 0, firstByteMs: after, endMs: after, headers: {}, body: noBody };
  }

  #refusal(status: number, headers: ReplyHeaders, body: Buffer): Answer {
    return { kind: 'answer', status, firstByteMs: promptMs, endMs: promptMs, headers, body };
  }

  /** Takes the call in; ms to wait where it cannot. */
  #take(now: number): number {
    const { callsPerMinute } = this.#behaviour;
    if (callsPerMinute === undefined) return 0;
    return isProvisioned(this.#endpoint) ? this.#pour(now, callsPerMinute) : this.#count(now, callsPerMinute);
  }

  /** A bucket of one minute's calls that empties steadily; full, it refuses until it has room for one. */
  #pour(now: number, callsPerMinute: number): number {
    this.#level = Math.max(0, this.#level - ((now - this.#levelAt) / minute) * callsPerMinute);
    this.#levelAt = now;
    if (this.#level >= callsPerMinute) return ((this.#level - callsPerMinute + 1) / callsPerMinute) * minute;
    this.#level += 1;
    return 0;
  }

  /** Counts within windows; full, it refuses until the next one begins. */
  #count(now: number, callsPerMinute: number): number {
    const { limitWindow } = this.#behaviour;
    if (now - this.#levelAt >= limitWindow) {
      this.#levelAt = now - (now % limitWindow);
      this.#level = 0;
    }
    if (this.#level >= this.#perWindow(callsPerMinute)) return this.#levelAt + limitWindow - now;
    this.#level += 1;
    return 0;
  }

  #perWindow(callsPerMinute: number): number {
    return Math.max(1, Math.floor((callsPerMinute * this.#behaviour.limitWindow) / minute));
  }

  /** What it says of its load on every reply. */
  #load(now: number): ReplyHeaders {
    const { callsPerMinute } = this.#behaviour;
    if (callsPerMinute === undefined) return {};
    if (isProvisioned(this.#endpoint)) {
      const level = Math.max(0, this.#level - ((now - this.#levelAt) / minute) * callsPerMinute);
      return { 'azure-openai-deployment-utilization': `${Math.min(100, (level / callsPerMinute) * 100).toFixed(1)}%` };
    }
    const limit = this.#perWindow(callsPerMinute);
    return {
      'x-ratelimit-limit-requests': String(limit),
      'x-ratelimit-remaining-requests': String(Math.max(0, limit - this.#level)),
    };
  }
}

function retryAfter(ms: number | undefined): ReplyHeaders {
  return ms === undefined ? {} : { 'retry-after-ms': String(Math.max(1, Math.ceil(ms))) };
}
