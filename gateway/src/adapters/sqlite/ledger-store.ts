import type { Checkpoint, LedgerStore } from '#accounting/ledger/ports.ts';
import { adjustmentsOf, findAdjustments, pageOfAdjustments } from './adjustment-queries.ts';
import { countWrongRollUps, selectExtent, selectFigures, selectLines } from './figure-queries.ts';
import { ledgerMigrations } from './ledger-migrations.ts';
import type { LedgerTables } from '../sql/ledger-schema.ts';
import { Leases } from '../sql/leases.ts';
import { LedgerWriter } from './ledger-writer.ts';
import { migrate } from './migrate.ts';
import { attemptsOf, findRecords, pageOfRecords, selectValues, unendedRecords } from './record-queries.ts';
import type { SqliteDatabase } from './open.ts';

/** The embedded store. Brings its tables to this version; the database stays its owner's to close. */
export async function createSqliteLedgerStore(database: SqliteDatabase): Promise<LedgerStore> {
  await migrate(database, ledgerMigrations);
  const kysely = database.kysely.$extendTables<LedgerTables>();
  const writer = await database.exclusive(() => new LedgerWriter(database.connection));
  const leases = new Leases();
  return {
    async checkpoint(instance): Promise<Checkpoint | null> {
      const row = await kysely
        .selectFrom('ledger_journal')
        .selectAll()
        .where('instance', '=', instance)
        .executeTakeFirst();
      if (row === undefined) return null;
      return {
        instance: row.instance,
        shipped: { segment: row.shipped_segment, offset: row.shipped_offset },
        lowWater: { segment: row.low_segment, offset: row.low_offset },
        settles: row.settles,
      };
    },
    async journals() {
      const rows = await kysely.selectFrom('ledger_journal').select('instance').execute();
      return rows.map(({ instance }) => instance);
    },
    append: async (entries, checkpoint, from) =>
      await database.exclusive(() => writer.append(entries, checkpoint, from)),
    find: async (keys) => await findRecords(kysely, keys),
    findAdjustments: async (ids) => await findAdjustments(kysely, ids),
    adjustmentsOf: async (keys) => await adjustmentsOf(kysely, keys),
    attemptsOf: async (requestId) => await attemptsOf(kysely, requestId),
    unended: async (query) => await unendedRecords(kysely, query),
    page: async (query) => await pageOfRecords(kysely, query),
    pageOfAdjustments: async (query) => await pageOfAdjustments(kysely, query),
    values: async (dimension) => await selectValues(kysely, dimension),
    figures: async (query) => await selectFigures(kysely, query),
    lines: async (query) => await selectLines(kysely, query),
    extent: async () => await selectExtent(kysely),
    wrongRollUps: async () => await countWrongRollUps(kysely),
    lease: async (work, holder, forMs) => await Promise.resolve(leases.take(work, holder, forMs)),
  };
}
