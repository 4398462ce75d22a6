import type { z } from 'zod';
import type { Secret } from './secret.ts';

export type ConfigPath = readonly (string | number)[];

/** Something a section has to say about values that are each well-formed: where, what is wrong, and what to do. */
export interface ConfigFinding {
  readonly path: ConfigPath;
  readonly message: string;
  readonly fix?: string;
  /** A warning does not keep the configuration from being used. Default: error. */
  readonly severity?: 'error' | 'warning';
}

/**
 * Names at one place that must exist as keys at another. `from` is a path with `*` for any key or index and `[]` for any
 * index; a list entry may be the name itself or an object that has it under `member`.
 */
export interface ConfigReference {
  readonly from: readonly string[];
  readonly member?: string;
  /** The top-level key whose entries are meant. */
  readonly to: string;
  /** What such a name stands for, in an error: `endpoint`, `cost centre`. */
  readonly noun: string;
}

/**
 * The part of the configuration that a module owns. The loader merges all sections into one schema, so that the file,
 * the editor's JSON Schema and `docs/reference/config.md` come from the same sentences.
 */
export interface ConfigSection<Keys extends z.ZodRawShape = z.ZodRawShape> {
  readonly name: string;
  /** One paragraph for the reference page. */
  readonly summary: string;
  /** Top-level keys of the file; two sections never share one. */
  readonly keys: Keys;
  readonly references: readonly ConfigReference[];
  /**
   * What no schema can say. Called with the values of this section's keys that are well-formed by themselves; a key that
   * is not is absent, so that one mistake does not hide the others.
   */
  check(values: Partial<z.output<z.ZodObject<Keys>>>): readonly ConfigFinding[];
}

/** A configuration is frozen once it is loaded. */
export type Frozen<T> = T extends Secret
  ? T
  : T extends readonly (infer Item)[]
    ? readonly Frozen<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: Frozen<T[Key]> }
      : T;

/** The values that a section's keys have once loaded. */
export type ValuesOf<Section> = Section extends ConfigSection<infer Keys> ? Frozen<z.output<z.ZodObject<Keys>>> : never;
