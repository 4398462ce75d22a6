import { tokenProvider } from '#compose/identity.ts';
import type { Config } from '#config-sections.ts';
import type { RedisCountersSetting } from '#accounting/budgets/counters-config.ts';
import type { CounterStore } from '#accounting/budgets/ports.ts';
import { CounterSet } from '#adapters/memory-counters/counter-set.ts';
import { warnOfEviction } from '#adapters/redis/advice.ts';
import { RedisConnection, type RedisAddress } from '#adapters/redis/connection.ts';
import { RedisCounters } from '#adapters/redis/counter-store.ts';
import { PasswordSignIn } from '#adapters/redis/password-sign-in.ts';
import { TokenSignIn } from '#adapters/redis/token-sign-in.ts';
import type { Clock } from '#kernel/clock.ts';
import { ulidSource } from '#kernel/ids.ts';
import type { Log } from '#kernel/log.ts';
import type { SharedSecret } from '#kernel/shared-secret.ts';

export interface Counters {
  readonly store: CounterStore;
  readonly leaseMs: number;
  readonly leasePercent: number;
}

export interface CountersOptions {
  readonly config: Pick<Config, 'counters' | 'organisation'>;
  /** Of a user-assigned identity. */
  readonly clientId: string | undefined;
  /** The password of the server as it is at any moment. */
  readonly password: SharedSecret;
  /** The id of this gateway's journal. */
  readonly journal: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** The counters that the configuration names. A server that is away does not keep the gateway from starting. */
export function openCounters({ config, clientId, password, journal, clock, log }: CountersOptions): Counters {
  if (config.counters === 'memory') {
    const store = new CounterSet({ clock }).connect(journal);
    // Alone nobody else can hold anything: nothing lapses.
    return { store, leaseMs: Number.POSITIVE_INFINITY, leasePercent: 100 };
  }
  const { keyPrefix, timeout, lease, leasePercent } = config.counters.redis;
  const named = redisAddress(config.counters.redis, clientId, { clock, log });
  const address = { ...named, signIn: named.signIn ?? new PasswordSignIn(password, log) };
  const connection = new RedisConnection({ address, clock, log });
  void warnOfEviction(connection, log);
  const store = new RedisCounters({
    connection,
    keyPrefix,
    organisation: config.organisation,
    journal,
    leaseMs: lease,
    timeoutMs: timeout,
    clock,
    ids: ulidSource(),
    log,
  });
  return { store, leaseMs: lease, leasePercent };
}

/** How to reach the server; `clientId`: of a user-assigned identity. */
export function redisAddress(
  { url, password, identity, scope, certificateAuthority, cluster }: RedisCountersSetting,
  clientId: string | undefined,
  around: { readonly clock: Clock; readonly log: Log },
): RedisAddress {
  const signIn =
    identity === undefined
      ? null
      : new TokenSignIn({ tokens: tokenProvider(identity, clientId, around), scope, ...around });
  return {
    url: url.reveal(),
    password: password?.reveal() ?? null,
    signIn,
    cluster,
    certificateAuthority: certificateAuthority?.reveal() ?? null,
  };
}
