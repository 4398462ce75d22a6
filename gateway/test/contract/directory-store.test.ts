import { memoryDirectoryStore } from '../support/memory-directory-store.ts';
import { directoryStoreContract } from './directory-store.suite.ts';

directoryStoreContract('memory', () => {
  const store = memoryDirectoryStore();
  return Promise.resolve({ store, reopen: () => Promise.resolve(store), close: () => Promise.resolve() });
});
