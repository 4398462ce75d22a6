import type { Clock, Timer } from '#kernel/clock.ts';
import { parseJsonObject } from '#kernel/json.ts';
import type { Log } from '#kernel/log.ts';
import type { TokenProvider } from '#proxy/upstream/ports.ts';
import type { RedisSignIn, SignedIn } from './sign-in.ts';

export interface TokenSignInOptions {
  readonly tokens: TokenProvider;
  readonly scope: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** How often is looked whether there is a newer token; the old one is good for a fifth of its time then. */
const lookEveryMs = 1_000;

/**
 * Signs in to Azure Managed Redis with Entra tokens: each connection with one that is in force when it is made, and every
 * live one again when there is a newer one, because the server hangs up when a token ends.
 *
 * The library's streaming providers do the same, but keep a listener for every connection that was ever made anew, and
 * leave out the one that listens to a channel.
 */
export class TokenSignIn implements RedisSignIn {
  readonly protocol = 3;
  readonly #options: TokenSignInOptions;
  /** The token that a connection was shown last by us; whoever is new shows its own once more. */
  readonly #shown = new WeakMap<SignedIn, string>();
  #timer: Timer | undefined;
  #failing = false;
  /** As the URL names it; null: the object id that stands in the token. */
  user: string | null = null;

  constructor(options: TokenSignInOptions) {
    this.#options = options;
  }

  /** For the client library: asked for every new connection. */
  async credentials(): Promise<{ readonly username: string; readonly password: string }> {
    const { tokens, scope } = this.#options;
    const password = await tokens.token(scope);
    return { username: this.#userOf(password), password };
  }

  /** Keeps the connections signed in until it is stopped. */
  start(connections: () => readonly SignedIn[]): void {
    this.#timer = this.#options.clock.after(lookEveryMs, () => {
      this.#look(connections());
      this.start(connections);
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** The server has answered as one does whom it has let in. */
  taken(): void {
    if (!this.#failing) return;
    this.#failing = false;
    this.#options.log.info({}, 'the server of the shared counters takes the identity again');
  }

  /** Tells the operator, once, if this is a server that does not take the token, and asks for another one. */
  failed(thrown: unknown): void {
    const words = thrown instanceof Error ? thrown.message : String(thrown);
    if (!/^(WRONGPASS|NOAUTH|NOPERM|ERR AUTH|ERR invalid)/i.test(words)) return;
    const { tokens, scope, log } = this.#options;
    const token = tokens.token(scope);
    if (typeof token !== 'string') {
      token.catch(() => undefined);
      return;
    }
    void tokens.insteadOf(scope, token);
    if (this.#failing) return;
    this.#failing = true;
    log.warn(
      { err: thrown, principal: this.#userOf(token), provider: tokens.name, scope },
      'the server of the shared counters does not take the identity: assign an access policy of its database to this ' +
        'principal (object id), and see that Microsoft Entra authentication is on',
    );
  }

  #look(connections: readonly SignedIn[]): void {
    const { tokens, scope } = this.#options;
    const token = tokens.token(scope);
    // Without one the connections last as long as what they have shown.
    if (typeof token !== 'string') return void token.catch(() => undefined);
    for (const connection of connections)
      if (connection.isReady && this.#shown.get(connection) !== token) this.#show(connection, token);
  }

  #show(connection: SignedIn, token: string): void {
    this.#shown.set(connection, token);
    connection.sendCommand(['AUTH', this.#userOf(token), token]).then(
      () => this.taken(),
      (error: unknown) => {
        this.#shown.delete(connection);
        this.failed(error);
      },
    );
  }

  #userOf(token: string): string {
    if (this.user !== null) return this.user;
    const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
    const { oid } = parseJsonObject(payload) ?? {};
    if (typeof oid === 'string') return oid;
    throw new Error('The access token names no object id: write that of the identity as the user of the Redis URL.');
  }
}
