import { rootKey } from '@tollgate/contract/configuration-keys.ts';
import type { Environment } from './interpolate.ts';
import { documentOf, effective, isOurs } from './key-values.ts';
import type { ConfigLoader, LoadResult } from './load.ts';
import type { KeyValue } from './ports.ts';

/** What a configuration is read from. Plain data, because it crosses a thread. */
export type ConfigSource =
  | {
      readonly kind: 'file';
      readonly path: string;
    }
  | {
      readonly kind: 'key-values';
      readonly keyValues: readonly KeyValue[];
      /** `contoso.azconfig.io`. */
      readonly store: string;
      /** As it is named in problems that concern all of it. */
      readonly name: string;
      /** The file that paths are relative to. */
      readonly path: string;
    };

/** Never throws for what is in it. */
export function loadFrom<Config>(
  loader: ConfigLoader<Config>,
  source: ConfigSource,
  environment: Environment,
): LoadResult<Config> {
  if (source.kind === 'file') return loader.load(source.path, environment);
  const { name, store, path } = source;
  const ours = effective(source.keyValues.filter(isOurs));
  if (!ours.some(({ key }) => key === rootKey || key.startsWith(`${rootKey}:`)))
    return refusedWith(name, {
      problem: `the store holds no key '${rootKey}' with this label, or without one`,
      fix: 'Write the configuration there: docs/azure/services.md, "App Configuration".',
    });
  const text = JSON.stringify([name, ours]);
  return loader.loadTree(documentOf(ours, store), { name, path, text }, environment);
}

/** One problem that concerns a source as a whole. */
export function refusedWith(
  file: string,
  { problem: message, fix }: { readonly problem: string; readonly fix: string },
): Extract<LoadResult<never>, { readonly ok: false }> {
  return { ok: false, problems: [{ file, line: 0, column: 0, path: '', message, fix, severity: 'error' }] };
}
