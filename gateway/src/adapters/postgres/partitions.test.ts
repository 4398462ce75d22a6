import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sql } from 'kysely';
import type { Checkpoint } from '#accounting/ledger/ports.ts';
import { addressOf, openPostgresLedger } from '../../../test/support/postgres-database.ts';
import { orSkip, postgresServer } from '../../../test/support/postgres-server.ts';
import { march, shippedRecord, usageRecord } from '../../../test/support/records.ts';
import { monthOf } from './partitions.ts';

const months: readonly (readonly [at: number, name: string])[] = [
  [Date.UTC(2026, 2, 1) - 1, '2026_02'],
  [Date.UTC(2026, 2, 1), '2026_03'],
  [Date.UTC(2026, 3, 1) - 1, '2026_03'],
  [0, '1970_01'],
  [-1, '1969_12'],
  [Date.UTC(1900, 0), '1900_01'],
  [Date.UTC(1900, 0) - 1, 'before'],
  [Date.UTC(10_000, 0) - 1, '9999_12'],
  [Date.UTC(10_000, 0), 'after'],
  [Number.MIN_SAFE_INTEGER, 'before'],
  [Number.MAX_SAFE_INTEGER, 'after'],
];
test('every instant has its month, and its month holds it', () => {
  for (const [at, name] of months) {
    const month = monthOf(at);
    assert.equal(month.name, name);
    assert.ok((month.from ?? -Infinity) <= at && at < (month.to ?? Infinity), String(at));
  }
});

const checkpoint: Checkpoint = {
  instance: 'journal',
  shipped: { segment: 1, offset: 1 },
  lowWater: { segment: 1, offset: 1 },
  settles: 1,
};

describe('partitions', orSkip, () => {
  test('are there for whatever time something is written for, and only then', async (context) => {
    const { url } = await (await postgresServer()).createDatabase();
    const opened = await openPostgresLedger(addressOf(url));
    const { store, database } = opened;
    context.after(() => opened.close());
    const records = months.map(([at], index) => usageRecord(`record-${index}`, { at }));
    assert.equal(await store.append(records.map(shippedRecord), checkpoint), records.length);
    const found = await store.page({ filter: [], period: { from: null, to: null }, after: null, limit: 99 });
    assert.deepEqual(
      found.map((one) => one.at),
      months.map(([at]) => at).toSorted((one, other) => one - other),
    );
    assert.equal(await store.wrongRollUps(), 0);
    const { rows } = await sql<{ name: string }>`
      select inhrelid::regclass::text as name from pg_inherits where inhparent = 'usage_record'::regclass
      order by 1`.execute(database.kysely);
    assert.deepEqual(
      rows.map((row) => row.name),
      [...new Set(months.map(([, name]) => `usage_record_${name}`))].toSorted(),
    );
  });

  test('are made once by several gateways at the turn of a month, while others write and read', async (context) => {
    const { url } = await (await postgresServer()).createDatabase();
    const gateways = await Promise.all([1, 2, 3, 4].map(() => openPostgresLedger(addressOf(url))));
    context.after(() => Promise.all(gateways.map((one) => one.close())));
    const days = [0, 31, 61, 92, 122].map((day) => march + day * 86_400_000);
    await Promise.all(
      gateways.flatMap(({ store }, gateway) =>
        days.map(async (at, day) => {
          const record = usageRecord(`record-${gateway}-${day}`, { at });
          await store.append([shippedRecord(record)], { ...checkpoint, instance: `journal-${gateway}` });
          await store.figures({ by: [], filter: [], spans: [{ from: null, to: null, source: 'records', bucket: 0 }] });
        }),
      ),
    );
    const [first] = gateways;
    const all = await first?.store.figures({
      by: [],
      filter: [],
      spans: [{ from: null, to: null, source: 'quarters', bucket: 0 }],
    });
    assert.equal(all?.[0]?.figures.attempts, 20n);
  });

  test('that somebody has dropped are made again at the next try', async (context) => {
    const { url } = await (await postgresServer()).createDatabase();
    const opened = await openPostgresLedger(addressOf(url));
    const { store, database } = opened;
    context.after(() => opened.close());
    await store.append([shippedRecord(usageRecord('a'))], checkpoint);
    await sql`drop table usage_record_2026_03`.execute(database.kysely);
    const next = shippedRecord(usageRecord('b', { at: march + 1 }));
    await assert.rejects(store.append([next], checkpoint), /no partition/);
    assert.equal(await store.append([next], checkpoint), 1);
  });
});
