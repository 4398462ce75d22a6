import type { Clock } from '#kernel/clock.ts';
import type { RandomSource } from '#kernel/random.ts';
import { isProvisioned, type Endpoint } from '#model/endpoint.ts';
import { Breaker, jitterShare, type Begun } from './breaker.ts';
import { Latency } from './latency.ts';
import { LoadSignals } from './load-signals.ts';
import type { Oddity, ReplyHeaders } from './retry-after.ts';
import { wasSpilled } from './spillover.ts';

/** What an attempt showed of its endpoint. What the client did wrong, or a content filter refused, shows nothing. */
export type Verdict =
  /** A first byte came, so many ms after sending. */
  | { readonly kind: 'served'; readonly firstByteMs: number; readonly stream: boolean }
  | { readonly kind: 'throttled'; readonly cooldownMs: number }
  /** `leastMs`: how long the upstream asked to be left alone; 0 where it did not. */
  | { readonly kind: 'failed'; readonly reason: string; readonly leastMs: number }
  /** No first byte came in all the time that the caller had. */
  | { readonly kind: 'too-slow' }
  | { readonly kind: 'misconfigured'; readonly reason: string };

/** What an operator has ordered; goes before everything that is observed. */
export type Override =
  | 'none'
  /** Nothing new is sent; what can live nowhere else still is. */
  | 'drain'
  /** Nothing at all is sent. */
  | 'force-open'
  /** Failures are counted and not acted on. A throttle still is. */
  | 'force-closed';

/** `probing`: broken or quarantined before, its time is over, and a few attempts find out. */
export type HealthState = 'available' | 'throttled' | 'broken' | 'probing' | 'quarantined' | 'drained' | 'forced-open';

/** Something that operators want to hear of. */
export interface HealthEvent {
  readonly endpoint: string;
  readonly what: 'throttled' | 'broken' | 'quarantined' | 'recovered' | 'overridden';
  readonly reason: string;
  /** ms; null where it does not end by itself. */
  readonly forMs: number | null;
}

/** Told as it happens, in the turn in which it happens. */
export interface HealthEvents {
  happened(event: HealthEvent): void;
  /** A header of an upstream that made no sense. */
  odd(endpoint: string, header: string): void;
  /** Somebody who waits for an endpoint failed to take note of it, by a defect of ours. */
  defect(endpoint: string, thrown: unknown): void;
}

/** Somebody who waits for an endpoint. Told in the turn in which it happens. */
export interface StateWatcher {
  /** An attempt has ended, or what stands against the endpoint is another. `throttled`: it has just refused one. */
  changed(throttled: boolean): void;
  /** How urgent the most urgent call is that waits; less is more urgent. */
  readonly urgency: number;
}

/** The least share of its calls that an endpoint gets which is coming back. */
const leastRampShare = 0.1;

export interface StateTools {
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly events: HealthEvents;
}

/**
 * What is known of one endpoint: whether it may be used, how fast it answers, how full it is. One per target, shared by
 * every model that it serves; outlives changes of the configuration that leave the target as it is.
 */
export class EndpointState {
  endpoint: Endpoint;
  /** Attempts under way. */
  inFlight = 0;
  lastError: string | null = null;
  readonly load = new LoadSignals();
  readonly odd: Oddity;
  readonly #streams = new Latency();
  readonly #wholes = new Latency();
  readonly #breaker: Breaker;
  readonly #tools: StateTools;
  #throttledUntil = Number.NEGATIVE_INFINITY;
  #rampFrom = Number.NEGATIVE_INFINITY;
  #rampMs = 0;
  #override: Override = 'none';
  #overriddenUntil = Number.POSITIVE_INFINITY;
  readonly #watchers = new Set<StateWatcher>();

  constructor(endpoint: Endpoint, tools: StateTools) {
    this.endpoint = endpoint;
    this.#tools = tools;
    this.#breaker = new Breaker(endpoint.health, tools.random);
    this.odd = (header) => tools.events.odd(this.endpoint.name, header);
  }

  /** The same target, perhaps with other settings. */
  follow(endpoint: Endpoint): void {
    if (endpoint.health !== this.endpoint.health) this.#breaker.follow(endpoint.health);
    this.endpoint = endpoint;
    // It may have room now for those who wait.
    this.#changed(false);
  }

  // ── whether it may be used

  override(now: number): Override {
    if (now >= this.#overriddenUntil) {
      this.#override = 'none';
      this.#overriddenUntil = Number.POSITIVE_INFINITY;
    }
    return this.#override === 'none' && this.endpoint.drain ? 'drain' : this.#override;
  }

  /** An operator's order; `forMs` null holds until the next one, or until the process ends. */
  setOverride(override: Override, forMs: number | null): void {
    const now = this.#tools.clock.monotonic();
    this.#override = override;
    this.#overriddenUntil = forMs === null ? Number.POSITIVE_INFINITY : now + forMs;
    this.#tools.events.happened({ endpoint: this.endpoint.name, what: 'overridden', reason: override, forMs });
    this.#changed(false);
  }

  /** Forgets what stands against it: an operator has mended what was wrong. */
  reset(): void {
    this.#breaker.forget();
    this.#throttledUntil = Number.NEGATIVE_INFINITY;
    this.#rampFrom = Number.NEGATIVE_INFINITY;
    this.lastError = null;
    this.#changed(false);
  }

  state(now: number): HealthState {
    return this.override(now) === 'drain' ? 'drained' : this.boundState(now);
  }

  /** The same for a call that can go nowhere else: it does not mind that the endpoint is drained. */
  boundState(now: number): HealthState {
    const override = this.override(now);
    if (override === 'force-open') return 'forced-open';
    if (now < this.#throttledUntil) return 'throttled';
    if (override === 'force-closed') return 'available';
    const phase = this.#breaker.phase(now);
    if (phase === 'closed') return 'available';
    if (phase === 'half-open') return 'probing';
    return this.#breaker.cause === 'configuration' ? 'quarantined' : 'broken';
  }

  /** Whether an attempt may begin, drained or not: it is available, or has a place for a probe. */
  admits(now: number): boolean {
    const state = this.boundState(now);
    return state === 'available' || (state === 'probing' && this.#breaker.admits(now));
  }

  /** Whether as many attempts are under way as it may have. */
  get full(): boolean {
    const { maxInFlight } = this.endpoint;
    return maxInFlight !== null && this.inFlight >= maxInFlight;
  }

  /** The share of its calls that it gets while it comes back, (0, 1]. */
  rampShare(now: number): number {
    const elapsed = now - this.#rampFrom;
    return elapsed >= this.#rampMs ? 1 : Math.max(leastRampShare, elapsed / this.#rampMs);
  }

  /** Whether nothing speaks against a retry here: few of its recent calls failed. */
  sound(now: number): boolean {
    return this.#breaker.cause === null && this.#breaker.failureShare(now) < this.endpoint.health.failureShare / 2;
  }

  /** Monotonic ms when what stands against it ends by itself; undefined where nothing does, or an operator holds it. */
  blockedUntil(now: number): number | undefined {
    const state = this.boundState(now);
    if (state === 'throttled') return this.#throttledUntil;
    return state === 'broken' || state === 'quarantined' ? this.#breaker.until : undefined;
  }

  watch(watcher: StateWatcher): void {
    this.#watchers.add(watcher);
  }

  unwatch(watcher: StateWatcher): void {
    this.#watchers.delete(watcher);
  }

  // ── how fast it answers

  /** The recent time to the first byte, ms; 0 where nothing is known. */
  latency(now: number, stream: boolean): number {
    return (stream ? this.#streams : this.#wholes).estimate(now, this.inFlight > 0);
  }

  // ── what attempts show

  /** An attempt begins: counts from here on. Every lease is ended exactly once. */
  begin(): Lease {
    this.inFlight += 1;
    const probe = this.#breaker.begin(this.#tools.clock.monotonic());
    return new Lease(this, this.#breaker.term, probe);
  }

  /** For the lease only. */
  ended(begun: Begun): void {
    this.inFlight -= 1;
    this.#breaker.end(begun);
    this.#changed(false);
  }

  /** For the lease only: a reply that had begun came to its end. */
  completed(begun: Begun): void {
    const now = this.#tools.clock.monotonic();
    if (this.#breaker.completed(begun, now)) this.#recovered(now);
  }

  /** For the lease only. */
  read(headers: ReplyHeaders): void {
    const now = this.#tools.clock.monotonic();
    this.load.read(headers, now, this.odd);
    if (wasSpilled(headers)) this.load.full(now);
  }

  /** For the lease only. */
  reported(begun: Begun, verdict: Verdict): void {
    const now = this.#tools.clock.monotonic();
    switch (verdict.kind) {
      case 'served':
        this.#served(begun, now, verdict);
        return;
      case 'throttled':
        this.#throttled(now, verdict.cooldownMs);
        return;
      case 'failed':
        this.lastError = verdict.reason;
        if (this.#breaker.failed(begun, now, verdict.leastMs)) this.#tellBroken(verdict.reason);
        return;
      case 'too-slow':
        this.lastError = 'no reply in time';
        if (this.#breaker.wasTooSlow(begun, now)) this.#tellBroken(this.lastError);
        return;
      case 'misconfigured':
        this.#misconfigured(begun, now, verdict.reason);
    }
  }

  /** What a call has shown that was no attempt, as one about something stored: it ends no term, and is no probe. */
  shown(verdict: Extract<Verdict, { kind: 'failed' | 'too-slow' | 'misconfigured' }>): void {
    this.reported({ term: this.#breaker.term, probe: false }, verdict);
  }

  /** For the lease only: a reply that had begun broke off, or went silent. */
  brokeOff(begun: Begun, reason: string): void {
    this.lastError = reason;
    if (this.#breaker.brokeOff(begun, this.#tools.clock.monotonic())) this.#tellBroken(reason);
  }

  #served(begun: Begun, now: number, { firstByteMs, stream }: Extract<Verdict, { kind: 'served' }>): void {
    (stream ? this.#streams : this.#wholes).observe(firstByteMs, now);
    const { slowMs } = this.endpoint.health;
    const wasSlow = stream && slowMs !== null && firstByteMs > slowMs;
    const before = this.#breaker.cause;
    if (this.#breaker.succeeded(begun, now, wasSlow)) this.#recovered(now);
    else if (wasSlow && before === null && this.#breaker.cause !== null) this.#tellBroken('slow');
  }

  #recovered(now: number): void {
    this.#rampFrom = now;
    this.#rampMs = Math.min(this.endpoint.health.rampMs, this.#breaker.openedFor);
    this.#tell('recovered', 'its probes were answered', null);
  }

  #throttled(now: number, cooldownMs: number): void {
    const fresh = now >= this.#throttledUntil;
    const forMs = cooldownMs * (1 + jitterShare * this.#tools.random.next());
    this.#throttledUntil = fresh ? now + forMs : Math.max(this.#throttledUntil, now + forMs);
    this.#rampFrom = this.#throttledUntil;
    this.#rampMs = Math.min(this.endpoint.health.rampMs, cooldownMs);
    this.lastError = 'throttled';
    if (isProvisioned(this.endpoint)) this.load.full(now);
    if (fresh) this.#tell('throttled', 'the upstream asked for it', forMs);
    this.#changed(true);
  }

  #changed(throttled: boolean): void {
    if (this.#watchers.size === 0) return;
    // Models that share the endpoint take turns, after the more urgent ones.
    const inOrder = [...this.#watchers].toSorted((one, other) => one.urgency - other.urgency);
    for (const watcher of inOrder) {
      try {
        watcher.changed(throttled);
      } catch (thrown) {
        // It is another call's attempt that has ended here, and must be recorded.
        this.#tools.events.defect(this.endpoint.name, thrown);
      }
    }
    const [first] = inOrder;
    if (first !== undefined && this.#watchers.delete(first)) this.#watchers.add(first);
  }

  #misconfigured(begun: Begun, now: number, reason: string): void {
    this.lastError = reason;
    // Of the calls that were under way together, the first one tells; the others would only prolong it.
    const open = this.#breaker.cause !== null && !begun.probe;
    if (begun.term !== this.#breaker.term || open) return;
    this.#breaker.open('configuration', now, 0);
    this.#tell('quarantined', reason, this.#breaker.openedFor);
  }

  #tellBroken(reason: string): void {
    this.#tell('broken', reason, this.#breaker.openedFor);
  }

  #tell(what: HealthEvent['what'], reason: string, forMs: number | null): void {
    this.#tools.events.happened({ endpoint: this.endpoint.name, what, reason, forMs });
  }
}

/** One attempt at an endpoint: what it shows goes to the state that it began under. Ended exactly once. */
export class Lease implements Begun {
  readonly state: EndpointState;
  readonly term: number;
  readonly probe: boolean;
  #replying = false;

  constructor(state: EndpointState, term: number, probe: boolean) {
    this.state = state;
    this.term = term;
    this.probe = probe;
  }

  /** The headers of any reply, good or bad. */
  read(headers: ReplyHeaders): void {
    this.state.read(headers);
  }

  report(verdict: Verdict): void {
    this.#replying = verdict.kind === 'served';
    this.state.reported(this, verdict);
  }

  /** After it was reported as served. */
  brokeOff(reason: string): void {
    this.#replying = false;
    this.state.brokeOff(this, reason);
  }

  end(): void {
    if (this.#replying) this.state.completed(this);
    this.state.ended(this);
  }
}
