import { storeFile } from '#compose/ledger/stores.ts';
import type { LedgerStore, StoredRecord } from '#accounting/ledger/ports.ts';
import { createSqliteLedgerStore } from '#adapters/sqlite/ledger-store.ts';
import { openSqlite } from '#adapters/sqlite/open.ts';
import { addressOf, openPostgresLedger } from '../support/postgres-database.ts';
import { postgresServer } from '../support/postgres-server.ts';

/** The store behind the gateways of a campaign. */
export interface StoreUnderKills {
  /** For the `ledger` section, with a comma before it. */
  readonly config: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Everything that it holds, once nobody else uses it. */
  records(dataFolder: string): Promise<readonly StoredRecord[]>;
}

async function allRecords(store: LedgerStore): Promise<readonly StoredRecord[]> {
  const records: StoredRecord[] = [];
  for (let after = null as { at: number; id: string } | null; ;) {
    const page = await store.page({ filter: [], period: { from: null, to: null }, after, limit: 1000 });
    records.push(...page);
    const last = page.at(-1);
    if (last === undefined) return records;
    after = { at: last.at, id: last.id };
  }
}

export const sqliteUnderKills: StoreUnderKills = {
  config: '',
  environment: {},
  async records(dataFolder) {
    const database = openSqlite({ path: storeFile(dataFolder), durability: 'process' });
    try {
      return await allRecords(await createSqliteLedgerStore(database));
    } finally {
      await database.close();
    }
  },
};

/** On a database of its own. */
export async function postgresUnderKills(): Promise<StoreUnderKills> {
  const { url } = await (await postgresServer()).createDatabase();
  return {
    config: ", store: { postgres: { url: '${TEST_DATABASE_URL}', tls: off } }",
    environment: { TEST_DATABASE_URL: url },
    async records() {
      const opened = await openPostgresLedger(addressOf(url));
      try {
        return await allRecords(opened.store);
      } finally {
        await opened.close();
      }
    },
  };
}
