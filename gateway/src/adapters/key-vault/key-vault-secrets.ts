import type { HeldSecret, SecretValues } from '#config/ports.ts';
import { systemClock, type Clock, type Timer } from '#kernel/clock.ts';
import { readKeyVaultReference, type KeyVaultReference } from '#kernel/key-vault-reference.ts';
import type { Log } from '#kernel/log.ts';
import { spread, type RandomSource } from '#kernel/random.ts';
import type { TokenProvider } from '#proxy/upstream/ports.ts';
import { failureOf, type VaultFailure } from './failure.ts';
import { VaultClient } from './vault-client.ts';

export interface KeyVaultSecretsOptions {
  readonly tokens: TokenProvider;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly log: Log;
  /** How long a vault is waited for is real time, whatever clock a gateway goes by. Default: the system's. */
  readonly patience?: Pick<Clock, 'monotonic'>;
}

interface Wanted {
  readonly reference: KeyVaultReference;
  text: string | undefined;
  /** Of the last attempt; undefined where it succeeded. */
  failure: VaultFailure | undefined;
}

/** How often and how long a value that is not there is asked for while somebody waits for it. */
const tries = 4;
const longestPauseMs = 10_000;
const shortestPauseMs = 1_000;
/** A vault that is not well is asked again after so long, then after twice that, up to the usual interval. */
const firstBackOffMs = 5_000;
const atOnce = 8;
/** Of all secrets and attempts together: those that were not begun by then are not read. What is begun ends within 10 s. */
const longestMs = 30_000;

const outOfTime = ({ vault }: KeyVaultReference): VaultFailure => ({
  problem: `cannot be read: there was no time left, since others were waited for (${longestMs / 1000} s for all)`,
  fix: `Start the gateway again when ${vault} answers; is the network open to it?`,
  mayPass: true,
  waitMs: 0,
});

/**
 * Secrets of Azure Key Vault: read when they are first wanted, and again from time to time. What is held stays where a
 * vault throttles, refuses or is away. Nothing of it is written anywhere.
 */
export class KeyVaultSecrets implements SecretValues {
  readonly #options: KeyVaultSecretsOptions;
  readonly #wanted = new Map<string, Wanted>();
  readonly #vaults = new Map<string, VaultClient>();
  /** Vaults of which it was said that they are not well. */
  readonly #unwell = new Set<string>();
  #timer: Timer | undefined;
  #refreshing: Promise<boolean> | undefined;
  #failures = 0;
  #closed = false;

  constructor(options: KeyVaultSecretsOptions) {
    this.#options = options;
  }

  held(reference: string): HeldSecret {
    return this.#held(reference, this.#wanted.get(reference) ?? this.#want(reference));
  }

  /** What is held of all that is wanted, for whoever judges a configuration elsewhere. */
  all(): ReadonlyMap<string, HeldSecret> {
    return new Map([...this.#wanted].map(([reference, wanted]) => [reference, this.#held(reference, wanted)]));
  }

  /** Notes that these are wanted. */
  want(references: readonly string[]): void {
    for (const reference of references) this.held(reference);
  }

  #held(reference: string, known: Wanted): HeldSecret {
    if (known.text !== undefined) return { text: known.text };
    const { problem, fix } = known.failure ?? { problem: 'has not been read yet', fix: 'Reload the configuration.' };
    return { problem: `the secret ${reference} ${problem}`, fix };
  }

  /** How many secrets are held, how many of them could not be read the last time, and how many are not there. */
  counts(): { readonly current: number; readonly kept: number; readonly missing: number } {
    const counts = { current: 0, kept: 0, missing: 0 };
    for (const { text, failure } of this.#wanted.values()) {
      if (text === undefined) counts.missing += 1;
      else if (failure === undefined) counts.current += 1;
      else counts.kept += 1;
    }
    return counts;
  }

  /** Reads what is wanted and not held, all of it at once; tries again what may pass. False where nothing was. Never rejects. */
  async fetchMissing(): Promise<boolean> {
    const until = this.#deadline();
    for (let attempt = 0; attempt < tries; attempt += 1) {
      const missing = [...this.#wanted.values()].filter(
        ({ text, failure }) => text === undefined && (attempt === 0 || failure?.mayPass === true),
      );
      if (missing.length === 0) return attempt > 0;
      if (attempt > 0 && this.#isPast(until)) return true;
      if (attempt > 0) await this.#pause(attempt, missing);
      await this.#readAll(missing, until);
    }
    return true;
  }

  /** Forgets those that the configuration in force does not refer to. */
  keepOnly(references: ReadonlySet<string>): void {
    for (const reference of this.#wanted.keys()) if (!references.has(reference)) this.#wanted.delete(reference);
  }

  /**
   * Reads those anew that may have changed: all but those with a version. True where one is another than before. Never
   * rejects; two at a time are one.
   */
  refresh(): Promise<boolean> {
    this.#refreshing ??= this.#refreshNow().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  /** Refreshes from time to time from now on; `changed` is called after one that has brought something new. */
  follow(everyMs: () => number, changed: () => void): void {
    const again = (ms: number): void => {
      if (this.#closed) return;
      this.#timer = this.#options.clock.after(spread(ms, this.#options.random), () => void refreshed());
    };
    const refreshed = async (): Promise<void> => {
      if (await this.refresh()) changed();
      again(this.#nextMs(everyMs()));
    };
    again(everyMs());
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #want(reference: string): Wanted {
    const read = readKeyVaultReference(reference);
    if (read === undefined) throw new Error(`'${reference}' is no address of a secret.`);
    const wanted: Wanted = { reference: read, text: undefined, failure: undefined };
    this.#wanted.set(reference, wanted);
    return wanted;
  }

  async #refreshNow(): Promise<boolean> {
    const refreshed = [...this.#wanted.values()].filter(
      ({ text, reference, failure }) => text === undefined || reference.version === undefined || failure !== undefined,
    );
    const before = refreshed.map(({ text }) => text);
    await this.#readAll(refreshed, this.#deadline());
    this.#failures = refreshed.some(({ failure }) => failure !== undefined) ? this.#failures + 1 : 0;
    return refreshed.some(({ text }, at) => text !== before[at]);
  }

  #nextMs(usualMs: number): number {
    if (this.#failures === 0) return usualMs;
    const asked = Math.max(0, ...[...this.#wanted.values()].map(({ failure }) => failure?.waitMs ?? 0));
    return Math.min(usualMs, Math.max(asked, firstBackOffMs * 2 ** (this.#failures - 1)));
  }

  async #pause(attempt: number, missing: readonly Wanted[]): Promise<void> {
    const asked = Math.max(...missing.map(({ failure }) => failure?.waitMs ?? 0));
    const ms = Math.min(longestPauseMs, Math.max(asked, shortestPauseMs * 2 ** (attempt - 1)));
    await new Promise<void>((resolve) => {
      this.#options.clock.after(ms, resolve);
    });
  }

  #deadline(): number {
    return (this.#options.patience ?? systemClock).monotonic() + longestMs;
  }

  #isPast(deadline: number): boolean {
    return (this.#options.patience ?? systemClock).monotonic() >= deadline;
  }

  async #readAll(wanted: readonly Wanted[], until: number): Promise<void> {
    const left = [...wanted];
    const work = async (): Promise<void> => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        if (this.#isPast(until)) next.failure = outOfTime(next.reference);
        else await this.#read(next);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    this.#tell(wanted);
  }

  async #read(wanted: Wanted): Promise<void> {
    const { clock, log, tokens } = this.#options;
    const { reference } = wanted;
    const vault = this.#vaults.get(reference.vault) ?? new VaultClient(reference, tokens);
    this.#vaults.set(reference.vault, vault);
    try {
      const { text, expiresAt } = await vault.read(reference);
      if (expiresAt !== null && expiresAt <= clock.now() && text !== wanted.text)
        log.warn(
          { vault: reference.vault, secret: reference.name, expiredAt: new Date(expiresAt).toISOString() },
          'a secret is past its end; it is used all the same',
        );
      Object.assign(wanted, { text, failure: undefined });
    } catch (error) {
      wanted.failure = failureOf(error, reference, clock);
    }
  }

  /** Of each vault once that it is not well, and once that it is again. */
  #tell(read: readonly Wanted[]): void {
    const { log } = this.#options;
    const byVault = Map.groupBy(read, ({ reference }) => reference.vault);
    for (const [vault, secrets] of byVault) {
      const failing = secrets.filter(({ failure }) => failure !== undefined);
      if (failing.length === 0 && this.#unwell.delete(vault)) log.info({ vault }, 'secrets can be read again');
      if (failing.length === 0 || this.#unwell.has(vault)) continue;
      this.#unwell.add(vault);
      const problems = failing.map(
        ({ reference, failure }) => `${reference.name} ${failure?.problem ?? ''}. ${failure?.fix ?? ''}`,
      );
      log.warn({ vault, problems }, 'secrets cannot be read; what is held of them goes on being used');
    }
  }
}
