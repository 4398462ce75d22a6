import type { Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import { NoToken, type TokenProvider } from '#proxy/upstream/ports.ts';

export interface FreshToken {
  readonly text: string;
  /** UTC ms. */
  readonly expiresAt: number;
}

/** Where tokens come from: asked only when a new one is needed. Rejects with an Error that holds no secret. */
export interface TokenSource {
  readonly name: string;
  fetch(scope: string): Promise<FreshToken>;
}

export interface TokenCacheOptions {
  readonly source: TokenSource;
  readonly clock: Clock;
  readonly log: Log;
}

/** A token is not handed out so shortly before its end: it has a way to go. */
const marginMs = 5_000;
/** A new one is asked for when this part of its time is left; the old one goes on being used meanwhile. */
const renewAtPart = 0.2;
const longestFetchMs = 10_000;
const shortestPauseMs = 1_000;
const longestPauseMs = 30_000;
/** A resource that refuses every token has one renewed no oftener. */
const betweenRefusalsMs = 300_000;

interface Held {
  readonly text: string;
  /** Monotonic ms: how long a token is good for is known, what time it is less surely. */
  readonly expiresAt: number;
  renewAt: number;
}

/** The token of one scope: one request for it at a time, whoever waits for it. */
class ScopeToken {
  private readonly scope: string;
  private readonly options: TokenCacheOptions;
  private held: Held | undefined;
  private fetching: Promise<void> | undefined;
  private failure: unknown;
  private failures = 0;
  private nextTryAt = Number.NEGATIVE_INFINITY;
  private renewedForRefusalAt = Number.NEGATIVE_INFINITY;

  constructor(scope: string, options: TokenCacheOptions) {
    this.scope = scope;
    this.options = options;
  }

  get(): string | Promise<string> {
    const now = this.options.clock.monotonic();
    const { held } = this;
    if (held === undefined || now >= held.expiresAt - marginMs) return this.waited();
    if (now >= held.renewAt && now >= this.nextTryAt) void this.fetch();
    return held.text;
  }

  async insteadOf(refused: string): Promise<string | undefined> {
    if (this.held !== undefined && this.held.text !== refused) return this.held.text;
    const now = this.options.clock.monotonic();
    if (this.fetching === undefined) {
      if (now < this.nextTryAt || now - this.renewedForRefusalAt < betweenRefusalsMs) return undefined;
      this.renewedForRefusalAt = now;
    }
    await this.fetch();
    return this.held?.text === refused ? undefined : this.held?.text;
  }

  private async waited(): Promise<string> {
    if (this.fetching !== undefined || this.options.clock.monotonic() >= this.nextTryAt) await this.fetch();
    const { held } = this;
    if (held === undefined || this.options.clock.monotonic() >= held.expiresAt - marginMs)
      throw new NoToken(this.failure);
    return held.text;
  }

  /** One at a time; never rejects: what is held stays until its end. */
  private fetch(): Promise<void> {
    this.fetching ??= this.fetchNow().finally(() => {
      this.fetching = undefined;
    });
    return this.fetching;
  }

  private async fetchNow(): Promise<void> {
    const { clock, log, source } = this.options;
    const late = Promise.withResolvers<never>();
    const timer = clock.after(longestFetchMs, () =>
      late.reject(new Error('The token service did not answer in time.')),
    );
    try {
      const fresh = await Promise.race([source.fetch(this.scope), late.promise]);
      this.hold(fresh);
      if (this.failures > 0) log.info({ scope: this.scope, provider: source.name }, 'access tokens can be had again');
      this.failures = 0;
      this.failure = undefined;
    } catch (error) {
      this.failure = error;
      this.failures += 1;
      const pause = Math.min(longestPauseMs, shortestPauseMs * 2 ** (this.failures - 1));
      this.nextTryAt = clock.monotonic() + pause;
      // Once, however long it lasts.
      if (this.failures === 1)
        log.warn({ err: error, scope: this.scope, provider: source.name }, 'no new access token can be had');
    } finally {
      timer.cancel();
    }
  }

  private hold({ text, expiresAt }: FreshToken): void {
    const { clock } = this.options;
    const left = expiresAt - clock.now();
    if (left <= marginMs)
      throw new Error(
        `The token service gave a token that ended ${Math.round(-left / 1000)} s ago, by the clock of this machine: is it right?`,
      );
    const now = clock.monotonic();
    // Libraries have caches of their own, and give the same token until shortly before its end.
    const renewAt = text === this.held?.text ? now + Math.max(60_000, left - 300_000) : now + left * (1 - renewAtPart);
    this.held = { text, expiresAt: now + left, renewAt };
  }
}

/** Tokens of one source by scope: handed out at once while they are good, renewed ahead of their end. */
export class TokenCache implements TokenProvider {
  readonly name: string;
  private readonly options: TokenCacheOptions;
  private readonly scopes = new Map<string, ScopeToken>();

  constructor(options: TokenCacheOptions) {
    this.name = options.source.name;
    this.options = options;
  }

  token(scope: string): string | Promise<string> {
    return this.of(scope).get();
  }

  insteadOf(scope: string, refused: string): Promise<string | undefined> {
    return this.of(scope).insteadOf(refused);
  }

  /** Scopes come from the configuration: there are few. */
  private of(scope: string): ScopeToken {
    let token = this.scopes.get(scope);
    if (token === undefined) {
      token = new ScopeToken(scope, this.options);
      this.scopes.set(scope, token);
    }
    return token;
  }
}
