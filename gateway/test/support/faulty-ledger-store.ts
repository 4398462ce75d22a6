import type { LedgerStore, ShippedEntry } from '../../src/accounting/ledger/ports.ts';

/** What a store does with what it is sent, as a test says; it is asked as ever. */
export class StoreFaults {
  /** It refuses everything. */
  down = false;
  /** It carries out so many appends and loses the answer, as one whose connection breaks behind the commit. */
  lostAnswers = 0;
  /** How many entries each append was sent, in their order. */
  readonly batches: number[] = [];
  #held: PromiseWithResolvers<void> | undefined;

  /** It answers nothing until `release`. */
  hold(): void {
    this.#held ??= Promise.withResolvers();
  }

  release(): void {
    this.#held?.resolve();
    this.#held = undefined;
  }

  async append(entries: readonly ShippedEntry[], really: () => Promise<number>): Promise<number> {
    this.batches.push(entries.length);
    await this.#held?.promise;
    if (this.down) throw new Error('connect ECONNREFUSED');
    const added = await really();
    if (this.lostAnswers === 0) return added;
    this.lostAnswers -= 1;
    throw new Error('Connection terminated unexpectedly');
  }
}

/** Any store, behind faults. */
export function withStoreFaults(store: LedgerStore, faults: StoreFaults): LedgerStore {
  const append: LedgerStore['append'] = async (entries, checkpoint, from) =>
    await faults.append(entries, async () => await store.append(entries, checkpoint, from));
  return new Proxy(store, {
    get(target, name) {
      if (name === 'append') return append;
      const member: unknown = Reflect.get(target, name);
      // Stores are classes with private members, too.
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}
