import { readAccountKey } from './account.ts';
import { settledOf } from './loader.ts';
import type { CounterStore, JournalAccount, KnownGateway, SpendingLedger } from './ports.ts';

export interface GatewaysOptions {
  readonly store: CounterStore;
  readonly ledger: SpendingLedger;
}

/** What one gateway has in one account. */
export interface GatewayAccount extends JournalAccount {
  /** What nobody else may spend. */
  readonly outstanding: bigint;
}

export interface CountingGateway extends KnownGateway {
  readonly isOwn: boolean;
  /** Where something is outstanding. */
  readonly accounts: readonly GatewayAccount[];
}

/** Gateways that count with the same store, and those that have and are gone. */
export class Gateways {
  readonly #options: GatewaysOptions;

  constructor(options: GatewaysOptions) {
    this.#options = options;
  }

  /** Rejects with the store's errors. */
  async list(): Promise<readonly CountingGateway[]> {
    const { store, ledger } = this.#options;
    const found: CountingGateway[] = [];
    for (const gateway of await store.gateways())
      found.push({
        ...gateway,
        isOwn: gateway.journal === ledger.journal,
        accounts: await this.#outstandingOf(gateway.journal),
      });
    return found;
  }

  /**
   * What a gateway was granted that is gone for good is for others, but for what it has said, or the ledger has of it.
   * Resolves with what was outstanding; undefined, with nothing done, where it is heard, or was meanwhile.
   */
  async writeOff(journal: string): Promise<readonly GatewayAccount[] | undefined> {
    const { store, ledger } = this.#options;
    const accounts = await this.#outstandingOf(journal);
    for (const { key, sums } of accounts) {
      const read = readAccountKey(key);
      if (read === undefined) continue;
      const { budget, start, end } = read;
      const { own, others } = await ledger.spending({ node: budget.node, from: start, to: end, whose: 'all' });
      const known = journal === ledger.journal ? own : others.get(journal);
      const settled = known === undefined ? sums : settledOf(budget, known);
      if (!(await store.writeOff(journal, key, settled))) return undefined;
    }
    return accounts;
  }

  async #outstandingOf(journal: string): Promise<readonly GatewayAccount[]> {
    const accounts = await this.#options.store.accountsOf(journal);
    return accounts.flatMap((account) => {
      const outstanding = account.granted - account.sums.spent - account.sums.unknown;
      return outstanding > 0n ? [{ ...account, outstanding }] : [];
    });
  }
}
