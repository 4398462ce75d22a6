import { sql } from 'kysely';
import type { Checkpoint, LedgerStore } from '#accounting/ledger/ports.ts';
import type { JournalColumns } from '../sql/ledger-schema.ts';
import { adjustmentsOf, findAdjustments, pageOfAdjustments } from './adjustment-queries.ts';
import { selectExtent, selectFigures } from './figure-queries.ts';
import { takeLease } from './leases.ts';
import { LedgerWriter } from './ledger-writer.ts';
import { selectLines } from './line-queries.ts';
import type { PostgresDatabase } from './open.ts';
import { attemptsOf, findRecords, pageOfRecords, selectValues, unendedRecords } from './record-queries.ts';
import { fromStored, toStored } from './text.ts';
import { countWrongRollUps } from './wrong-roll-ups.ts';

/** A store that several gateways may fill at once. Its tables are this version's; the database is its owner's to close. */
export function createPostgresLedgerStore(database: PostgresDatabase): LedgerStore {
  const { kysely } = database;
  const writer = new LedgerWriter(database);
  return {
    async checkpoint(instance): Promise<Checkpoint | null> {
      const { rows } = await sql<JournalColumns>`
        select * from ledger_journal where instance = ${toStored(instance)}`.execute(kysely);
      const [row] = rows;
      if (row === undefined) return null;
      return {
        instance,
        shipped: { segment: row.shipped_segment, offset: row.shipped_offset },
        lowWater: { segment: row.low_segment, offset: row.low_offset },
        settles: row.settles,
      };
    },
    async journals() {
      const { rows } = await sql<{ instance: string }>`select instance from ledger_journal`.execute(kysely);
      return rows.map(({ instance }) => fromStored(instance));
    },
    append: async (entries, checkpoint, from) => await writer.append(entries, checkpoint, from),
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
    wrongRollUps: async () => await database.patiently(countWrongRollUps),
    lease: async (work, holder, forMs) => await takeLease(database, { work, holder, forMs }),
  };
}
