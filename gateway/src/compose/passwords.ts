import { storeAddress } from '#accounting/ledger/store-config.ts';
import type { Config } from '#config-sections.ts';
import type { Clock, Timer } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import type { Secret } from '#kernel/secret.ts';
import { SharedSecret } from '#kernel/shared-secret.ts';

type Servers = Pick<Config, 'counters' | 'ledger'>;

/** How a server is reached according to a configuration. */
interface Access {
  readonly password: string;
  /** Everything else; never logged, since a URL may hold anything. */
  readonly rest: string;
  /** Whether another password may come while the gateway runs: of a variable it does not. */
  readonly mayChange: boolean;
}

export interface PasswordsOptions {
  readonly config: Servers;
  /** Looks for the secrets of the configuration anew; `take` is called where that brings something. */
  readonly lookAgain: () => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}

const lookEveryMs = 1_000;
const shortestPauseMs = 5_000;
const longestPauseMs = 15_000;

/**
 * The passwords of PostgreSQL and Redis, for connections that are made from now on. Where one is refused, it is looked for
 * anew soon: whoever rotates it changes it at the server and in the vault, the one or the other first.
 */
export class Passwords {
  readonly postgres = new SharedSecret();
  readonly redis = new SharedSecret();
  readonly #options: PasswordsOptions;
  readonly #servers: readonly {
    readonly name: string;
    readonly shared: SharedSecret;
    readonly of: (config: Servers) => Access;
  }[];
  readonly #started: readonly Access[];
  #refusals: number;
  #pauseMs = shortestPauseMs;
  #nextAt = 0;
  #timer: Timer | undefined;

  constructor(options: PasswordsOptions) {
    this.#options = options;
    this.#servers = [
      { name: 'ledger.store', shared: this.postgres, of: postgresAccess },
      { name: 'counters', shared: this.redis, of: redisAccess },
    ];
    this.#started = this.#servers.map(({ of }) => of(options.config));
    for (const [at, { shared }] of this.#servers.entries()) shared.set(this.#started[at]?.password ?? '');
    this.#refusals = this.#count();
    if (this.#started.some(({ mayChange }) => mayChange)) this.#watch();
  }

  /** Another configuration is in force. */
  take(config: Servers): void {
    for (const [at, { name, shared, of }] of this.#servers.entries()) {
      const access = of(config);
      if (access.rest !== this.#started[at]?.rest)
        this.#options.log.warn(
          { setting: name },
          'where the server is has changed in the configuration; the gateway stays with the one that it was started with',
        );
      else if (access.password !== shared.get()) {
        shared.set(access.password);
        this.#pauseMs = shortestPauseMs;
        this.#options.log.info({ setting: name }, 'new connections show another password from now on');
      }
    }
  }

  close(): void {
    this.#timer?.cancel();
  }

  #count(): number {
    return this.postgres.refusals() + this.redis.refusals();
  }

  #watch(): void {
    this.#timer = this.#options.clock.after(lookEveryMs, () => {
      const now = this.#options.clock.monotonic();
      const refusals = this.#count();
      if (refusals !== this.#refusals && now >= this.#nextAt) {
        this.#refusals = refusals;
        this.#nextAt = now + this.#pauseMs;
        this.#pauseMs = Math.min(2 * this.#pauseMs, longestPauseMs);
        void this.#options.lookAgain();
      }
      this.#watch();
    });
  }
}

const isElsewhere = (secret: Secret | undefined): boolean =>
  secret !== undefined && (secret.keyVault !== null || secret.file !== null);

const none: Access = { password: '', rest: '', mayChange: false };

function postgresAccess({ ledger: { store } }: Servers): Access {
  if (store === 'sqlite') return none;
  const { password, ...rest } = storeAddress(store.postgres);
  const { url, password: own, identity } = store.postgres;
  const mayChange = identity === undefined && (isElsewhere(url) || isElsewhere(own));
  return { password: password ?? '', rest: JSON.stringify([rest, identity]), mayChange };
}

function redisAccess({ counters }: Servers): Access {
  if (counters === 'memory') return none;
  const { url, password: own, identity, cluster } = counters.redis;
  const bare = new URL(url.reveal());
  const password = own?.reveal() ?? decodeURIComponent(bare.password);
  bare.password = '';
  const mayChange = identity === undefined && (isElsewhere(url) || isElsewhere(own));
  return { password, rest: JSON.stringify([bare.toString(), identity, cluster]), mayChange };
}
