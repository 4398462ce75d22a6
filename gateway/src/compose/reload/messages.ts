import type { ConfigProblem } from '#config/problem.ts';
import type { Parcel } from '#config/parcels.ts';
import type { HeldSecret } from '#config/ports.ts';
import type { ConfigSource } from '#config/source.ts';
import type { Settings } from '#settings.ts';

/** What the thread that loads configurations is started with. Plain data. */
export interface LoadingData {
  readonly settings: Settings;
  /** Names of those that endpoints may ask. */
  readonly tokenProviders: readonly string[];
}

export interface LoadRequest {
  readonly source: ConfigSource;
  /** By reference: what is held of Key Vault. */
  readonly held: ReadonlyMap<string, HeldSecret>;
  /** Of the configuration in force, and of the list prices that it came with. */
  readonly digest: string;
  readonly listDigest: string;
  /** UTC ms. */
  readonly now: number;
}

export type LoadAnswer =
  | { readonly ok: false; readonly problems: readonly ConfigProblem[]; readonly wanted: readonly string[] }
  | {
      readonly ok: true;
      readonly source: string;
      readonly digest: string;
      readonly warnings: readonly ConfigProblem[];
      /** References to Key Vault that were met and are not held. */
      readonly wanted: readonly string[];
      /** The id of its price book. */
      readonly priceBook: string;
      /** What `next` gives: nothing where the digest is that in force; the list prices only where theirs is another. */
      readonly sends: 'nothing' | 'config' | 'config-and-list';
    };

/** The service of that thread. */
export interface Loading {
  load(request: LoadRequest): LoadAnswer;
  /** A part of what was loaded last, `{ config, list }`; null: that was all. */
  next(): Parcel | null;
}
