import type { Log } from '#kernel/log.ts';
import type { SharedSecret } from '#kernel/shared-secret.ts';
import type { RedisSignIn } from './sign-in.ts';

/**
 * Signs in with the password of this moment: it may be rotated while the gateway runs. Connections that are made already
 * live on under the one that they have shown, as the server has it.
 */
export class PasswordSignIn implements RedisSignIn {
  readonly protocol = 2;
  readonly #password: SharedSecret;
  readonly #log: Log;
  #failing = false;
  user: string | null = null;

  constructor(password: SharedSecret, log: Log) {
    this.#password = password;
    this.#log = log;
  }

  async credentials(): Promise<{ readonly username?: string; readonly password: string }> {
    const password = this.#password.get();
    return await Promise.resolve(this.user === null ? { password } : { username: this.user, password });
  }

  start(): void {
    // Nothing has to be shown again.
  }

  stop(): void {
    // As in `start`.
  }

  taken(): void {
    if (this.#failing) this.#log.info({}, 'the server of the shared counters takes the password again');
    this.#failing = false;
  }

  failed(thrown: unknown): void {
    const words = thrown instanceof Error ? thrown.message : String(thrown);
    if (!/^(WRONGPASS|NOAUTH|ERR AUTH|ERR invalid)/i.test(words)) return;
    this.#password.refuse();
    if (!this.#failing)
      this.#log.warn(
        { err: thrown },
        'the server of the shared counters does not take the password: set the new one where `counters.redis` refers to; ' +
          'it is looked for there at once, and from time to time',
      );
    this.#failing = true;
  }
}
