/** Secrets that stand outside of the configuration and the files beside it: what is held of them at this moment. */
export interface SecretValues {
  /** `reference`: the address of a secret. Notes that it is wanted, where it is not held. Never waits. */
  held(reference: string): HeldSecret;
}

export type HeldSecret =
  | { readonly text: string }
  /** Why there is no value, and what to do. */
  | { readonly problem: string; readonly fix: string };
