import { storeAddress } from '#accounting/ledger/store-config.ts';
import type { Config } from '#config-sections.ts';
import type { Clock, Timer } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import type { Secret } from '#kernel/secret.ts';
import { SharedSecret } from '#kernel/shared-secret.ts';

type Servers = Pick<Config, 'counters' | 'ledger'>;

/** How a server is reached according to a configuration. */
export interface Access {
  readonly password: string;
  /** Which server, and as whom: that is what the password belongs to. Never logged, since a URL may hold anything. */
  readonly where: string;
  /** Everything else. */
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
  /** What the log said last of how the servers are reached: not with every reload again. */
  readonly #told: string[];
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
    this.#started = this.read(options.config);
    this.#told = this.#started.map(howOf);
    for (const [at, { shared }] of this.#servers.entries()) shared.set(this.#started[at]?.password ?? '');
    this.#refusals = this.#count();
    if (this.#started.some(({ mayChange }) => mayChange)) this.#watch();
  }

  /** What another configuration says, before anything of it is in force. Throws where it holds a password that is none. */
  read(config: Servers): readonly Access[] {
    return this.#servers.map(({ name, of }) => {
      const access = of(config);
      if (!SharedSecret.holds(access.password)) throw new Error(`sets a password for ${name} that is far too long`);
      return access;
    });
  }

  /** The configuration that says so is in force. */
  take(accesses: readonly Access[]): void {
    for (const [at, { name, shared }] of this.#servers.entries()) {
      const access = accesses[at] ?? none;
      const started = this.#started[at] ?? none;
      this.#tell(at, access);
      if (access.where !== started.where || access.password === shared.get()) continue;
      shared.set(access.password);
      this.#pauseMs = shortestPauseMs;
      this.#options.log.info({ setting: name }, 'new connections show another password from now on');
    }
  }

  close(): void {
    this.#timer?.cancel();
  }

  #tell(at: number, access: Access): void {
    const how = howOf(access);
    if (how === this.#told[at]) return;
    this.#told[at] = how;
    const started = this.#started[at] ?? none;
    if (how === howOf(started)) return;
    const what = access.where === started.where ? 'how the server is reached' : 'where the server is, or the user,';
    this.#options.log.warn(
      { setting: this.#servers[at]?.name },
      `${what} has changed in the configuration; the gateway stays with what it was started with`,
    );
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

const none: Access = { password: '', where: '', rest: '', mayChange: false };

const howOf = ({ where, rest }: Access): string => JSON.stringify([where, rest]);

function postgresAccess({ ledger: { store } }: Servers): Access {
  if (store === 'sqlite') return none;
  const { password, host, port, user, database, ...rest } = storeAddress(store.postgres);
  const { url, password: own, identity } = store.postgres;
  const mayChange = identity === undefined && (isElsewhere(url) || isElsewhere(own));
  const where = JSON.stringify([host, port, user, database, identity]);
  return { password: password ?? '', where, rest: JSON.stringify(rest), mayChange };
}

function redisAccess({ counters }: Servers): Access {
  if (counters === 'memory') return none;
  const { url, password: own, identity, cluster, certificateAuthority } = counters.redis;
  const bare = new URL(url.reveal());
  const password = own?.reveal() ?? decodeURIComponent(bare.password);
  bare.password = '';
  const mayChange = identity === undefined && (isElsewhere(url) || isElsewhere(own));
  const where = JSON.stringify([bare.toString(), identity, cluster]);
  return { password, where, rest: certificateAuthority?.reveal() ?? '', mayChange };
}
