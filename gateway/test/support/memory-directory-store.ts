import { applyChange, emptyDirectory } from '../../src/directory/apply-change.ts';
import type {
  CommitResult,
  DirectoryChange,
  DirectoryStore,
  KeyDigest,
  StoredAuditEntry,
  StoredDirectory,
} from '../../src/directory/ports.ts';

export interface MemoryDirectoryStore extends DirectoryStore {
  /** The next commits reject with this; undefined: they work again. */
  failWith(error: Error | undefined): void;
  /** A change that another gateway commits. */
  commitElsewhere(change: DirectoryChange): void;
  /** The next commit is made, and rejects as if its answer had been lost. */
  loseNextAnswer(): void;
}

/** The directory's store in memory: passes the same suite as the one in SQLite. */
export function memoryDirectoryStore(): MemoryDirectoryStore {
  let stored: StoredDirectory = emptyDirectory;
  let trail: readonly StoredAuditEntry[] = [];
  let failure: Error | undefined;
  let answerLost = false;
  let changed = Promise.withResolvers<void>();
  const change = (made: DirectoryChange): void => {
    stored = applyChange(stored, made);
    changed.resolve();
    changed = Promise.withResolvers();
  };
  return {
    commitElsewhere: change,
    failWith(error) {
      failure = error;
    },
    loseNextAnswer() {
      answerLost = true;
    },
    load: () => Promise.resolve(stored),
    commit(made, entries) {
      if (failure !== undefined) return Promise.reject(failure);
      const refused = refusal(stored, made);
      if (refused !== undefined) return Promise.resolve(refused);
      change(made);
      trail = [...trail, ...entries.map((entry, at) => ({ ...entry, id: trail.length + at + 1 }))];
      if (answerLost) {
        answerLost = false;
        return Promise.reject(new Error('the worker ended before it answered'));
      }
      return Promise.resolve('committed');
    },
    auditTrail: ({ before, limit }) =>
      Promise.resolve(
        trail
          .filter((entry) => before === null || entry.id < before)
          .toReversed()
          .slice(0, limit),
      ),
    async nextChange(seen) {
      while (stored.version === seen) await changed.promise;
      if (failure !== undefined) throw failure;
      return stored.version;
    },
  };
}

function refusal(stored: StoredDirectory, change: DirectoryChange): CommitResult | undefined {
  if (change.kind === 'product-created')
    return stored.products.some((one) => one.name === change.product.name) ? 'name-taken' : undefined;
  if (change.kind === 'subscription-created') {
    const { name } = change.subscription;
    if (stored.subscriptions.some((one) => one.name === name) || stored.declaredNames.includes(name))
      return 'name-taken';
    return digestTaken(stored.keys, change.keys) ? 'digest-taken' : undefined;
  }
  if (change.kind === 'topped-up')
    return stored.topUps.some(({ id }) => id === change.topUp.id) ? 'name-taken' : undefined;
  if (change.kind === 'key-set') return digestTaken(stored.keys, [change.key]) ? 'digest-taken' : undefined;
  return undefined;
}

function digestTaken(keys: readonly KeyDigest[], added: readonly KeyDigest[]): boolean {
  const digests = [...keys, ...added].map((key) => key.digest);
  return new Set(digests).size < digests.length;
}
