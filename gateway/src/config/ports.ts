import { rootKey, sentinelKey } from '@tollgate/contract/configuration-keys.ts';

/** What a store is asked for, in the words of its filters. Flags have keys of their own. */
export const storeFilters = {
  sentinels: sentinelKey,
  keyValues: `${rootKey}*`,
  flags: `.appconfig.featureflag/${rootKey}.*`,
} as const;

/** One entry of a store of key values. */
export interface KeyValue {
  readonly key: string;
  /** Null: none. */
  readonly label: string | null;
  readonly value: string;
  readonly contentType: string;
}

/** Secrets that stand outside of the configuration and the files beside it: what is held of them at this moment. */
export interface SecretValues {
  /** `reference`: the address of a secret. Notes that it is wanted, where it is not held. Never waits. */
  held(reference: string): HeldSecret;
}

/** The value of a secret, or why there is none. */
export type HeldSecret =
  | { readonly text: string }
  /** Why there is no value, and what to do. */
  | { readonly problem: string; readonly fix: string };

/** What a store of key values held at a moment. */
export interface StoreReading {
  readonly keyValues: readonly KeyValue[];
  /** What tells whether it still holds that; for the store alone. */
  readonly version: StoreVersion;
}

/** What the store said of its state when it was read: asked again with these, it tells whether anything has changed. */
export interface StoreVersion {
  /** ETags of the pages of key values and of flags. */
  readonly pages: readonly (readonly string[])[];
  /** ETags of the list of keys that say when the others are to be looked at, with and without a label; null: there is none. */
  readonly sentinel: readonly string[] | null;
}

/** Why a store was not read, and what to do. */
export interface StoreFailure {
  readonly problem: string;
  readonly fix: string;
  /** Whether it is worth while to ask again at once, when a gateway starts. */
  readonly mayPass: boolean;
  /** How long the store asks to be left alone. */
  readonly waitMs: number;
}

/** A store of key values that the configuration comes from. Both reject with an Error that holds no secret. */
export interface ConfigStore {
  /** `contoso.azconfig.io`. */
  readonly name: string;
  read(): Promise<StoreReading>;
  /** Whether it holds something else by now; asks for as little as it can. */
  hasChanged(version: StoreVersion): Promise<boolean>;
  failureOf(error: unknown): StoreFailure;
}

/** The last reading that was in force, kept for a start without the network. */
export interface LastGoodCopy {
  /** Undefined where there is none that can be used. */
  read(): Promise<{ readonly keyValues: readonly KeyValue[]; readonly savedAt: number } | undefined>;
  write(keyValues: readonly KeyValue[], savedAt: number): Promise<void>;
}
