import type { DirectoryChange, StoredDirectory } from './ports.ts';

export const emptyDirectory: StoredDirectory = {
  products: [],
  subscriptions: [],
  keys: [],
  suspended: [],
  declaredNames: [],
};

/** What the store holds after a committed change, so that it need not be read again. */
export function applyChange(stored: StoredDirectory, change: DirectoryChange): StoredDirectory {
  switch (change.kind) {
    case 'product-created':
      return { ...stored, products: [...stored.products, change.product] };
    case 'subscription-created':
      return {
        ...stored,
        subscriptions: [...stored.subscriptions, change.subscription],
        keys: [...stored.keys, ...change.keys],
      };
    case 'key-set': {
      const { subscription, slot } = change.key;
      const others = stored.keys.filter((key) => key.subscription !== subscription || key.slot !== slot);
      return { ...stored, keys: [...others, change.key] };
    }
    case 'suspended':
      return { ...stored, suspended: [...new Set([...stored.suspended, change.subscription])] };
    case 'activated':
      return { ...stored, suspended: stored.suspended.filter((name) => name !== change.subscription) };
    case 'names-declared':
      return { ...stored, declaredNames: [...new Set([...stored.declaredNames, ...change.names])] };
    case 'noted':
      break;
  }
  return stored;
}
