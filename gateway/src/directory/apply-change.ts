import type { DirectoryChange, StoredDirectory } from './ports.ts';

export const emptyDirectory: StoredDirectory = {
  version: 0,
  products: [],
  subscriptions: [],
  keys: [],
  suspended: [],
  declaredNames: [],
  limits: [],
  topUps: [],
};

/**
 * What the store holds after a committed change, so that it need not be read again: by its version it shows whether
 * somebody else has committed something too.
 */
export function applyChange(stored: StoredDirectory, change: DirectoryChange): StoredDirectory {
  const version = stored.version + 1;
  switch (change.kind) {
    case 'product-created':
      return { ...stored, version, products: [...stored.products, change.product] };
    case 'subscription-created':
      return {
        ...stored,
        version,
        subscriptions: [...stored.subscriptions, change.subscription],
        keys: [...stored.keys, ...change.keys],
      };
    case 'key-set': {
      const { subscription, slot } = change.key;
      const others = stored.keys.filter((key) => key.subscription !== subscription || key.slot !== slot);
      return { ...stored, version, keys: [...others, change.key] };
    }
    case 'suspended':
      return { ...stored, version, suspended: [...new Set([...stored.suspended, change.subscription])] };
    case 'activated':
      return { ...stored, version, suspended: stored.suspended.filter((name) => name !== change.subscription) };
    case 'names-declared':
      return { ...stored, version, declaredNames: [...new Set([...stored.declaredNames, ...change.names])] };
    case 'limits-changed': {
      const changed = new Set(change.changes.map(({ node }) => node));
      const set = change.changes.flatMap(({ node, settings }) => (settings === null ? [] : [{ node, settings }]));
      return { ...stored, version, limits: [...stored.limits.filter(({ node }) => !changed.has(node)), ...set] };
    }
    case 'topped-up':
      return { ...stored, version, topUps: [...stored.topUps, change.topUp] };
    case 'top-up-revoked':
      return { ...stored, version, topUps: stored.topUps.filter(({ id }) => id !== change.id) };
    case 'noted':
      break;
  }
  return stored;
}
