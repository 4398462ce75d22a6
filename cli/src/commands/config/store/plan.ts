import { pushPrefix, rootKey, sentinelKey } from '@tollgate/contract/configuration-keys.ts';
import { contentType, type Entry } from './split.ts';

/** A key value as the store has it. */
export interface Stored {
  readonly key: string;
  /** Null: none. */
  readonly label: string | null;
  readonly value: string;
  readonly contentType: string;
  readonly etag: string;
  readonly tags: Readonly<Record<string, string>>;
}

export interface Change {
  readonly change: 'added' | 'changed' | 'deleted';
  readonly key: string;
  /** Undefined: it was not there. */
  readonly before: Stored | undefined;
  /** Undefined: it goes. */
  readonly value: string | undefined;
}

export interface Plan {
  readonly changes: readonly Change[];
  readonly unchanged: number;
  /** Of this label. */
  readonly sentinel: Stored | undefined;
  /** What the sentinel says where somebody is writing, or was broken off. */
  readonly unfinished: string | undefined;
  /** What a gateway with this label would read afterwards. */
  readonly afterwards: readonly Omit<Stored, 'etag' | 'tags'>[];
}

/** What has to be done so that the key values of a label are these. Other labels, flags and the sentinel are left alone. */
export function planOf(entries: readonly Entry[], stored: readonly Stored[], label: string | null): Plan {
  const ofLabel = new Map(stored.filter((one) => one.label === label).map((one) => [one.key, one]));
  const sentinel = ofLabel.get(sentinelKey);
  const wanted = new Set(entries.map(({ key }) => key));
  const changes: Change[] = [];
  for (const { key, value } of entries) {
    const before = ofLabel.get(key);
    if (before !== undefined && before.value === value && !isReference(before)) continue;
    changes.push({ change: before === undefined ? 'added' : 'changed', key, before, value });
  }
  const gone = [...ofLabel.values()].filter(({ key }) => isConfiguration(key) && !wanted.has(key));
  for (const before of gone) changes.push({ change: 'deleted', key: before.key, before, value: undefined });
  const left = stored.filter(
    (one) => one.key !== sentinelKey && (one.label !== label || (!wanted.has(one.key) && !isConfiguration(one.key))),
  );
  return {
    changes: changes.toSorted((a, b) => (a.key < b.key ? -1 : 1)),
    unchanged: entries.length - changes.filter(({ value }) => value !== undefined).length,
    sentinel,
    unfinished: sentinel?.value.startsWith(pushPrefix) === true ? sentinel.value : undefined,
    afterwards: [...left, ...entries.map((one) => ({ ...one, label, contentType }))],
  };
}

const isConfiguration = (key: string): boolean =>
  key !== sentinelKey && (key === rootKey || key.startsWith(`${rootKey}:`));

/** What a key holds means something else where it is a reference to Key Vault. */
const isReference = (one: Stored): boolean => one.contentType.includes('keyvaultref');
