import type { Checkpoint, LedgerStore } from '#accounting/ledger/ports.ts';
import { countWrongRollUps, findRecords, pageOfRecords, selectFigures } from './ledger-queries.ts';
import { ledgerMigrations, type LedgerTables } from './ledger-schema.ts';
import { LedgerWriter } from './ledger-writer.ts';
import { migrate } from './migrate.ts';
import type { SqliteDatabase } from './open.ts';

/** The embedded store. Brings its tables to this version; the database stays its owner's to close. */
export async function createSqliteLedgerStore(database: SqliteDatabase): Promise<LedgerStore> {
  await migrate(database, ledgerMigrations);
  const kysely = database.kysely.$extendTables<LedgerTables>();
  const writer = await database.exclusive(() => new LedgerWriter(database.connection));
  return {
    async checkpoint(): Promise<Checkpoint | null> {
      const row = await kysely.selectFrom('ledger_checkpoint').selectAll().executeTakeFirst();
      if (row === undefined) return null;
      return {
        instance: row.instance,
        shipped: { segment: row.shipped_segment, offset: row.shipped_offset },
        lowWater: { segment: row.low_segment, offset: row.low_offset },
        settles: row.settles,
      };
    },
    append: async (records, checkpoint) => await database.exclusive(() => writer.append(records, checkpoint)),
    find: async (keys) => await findRecords(kysely, keys),
    page: async (after, limit) => await pageOfRecords(kysely, { after, limit }),
    figures: async (query) => await selectFigures(kysely, query),
    wrongRollUps: async () => await countWrongRollUps(kysely),
  };
}
