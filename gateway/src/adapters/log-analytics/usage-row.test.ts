import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { march, storedRecord, usageRecord } from '../../../test/support/records.ts';
import { usageRow } from './usage-row.ts';

const table: { readonly columns: readonly { readonly name: string; readonly type: string }[] } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../../infra/data/usage-table.json'), 'utf8'),
);

const rowOf = (changes: Parameters<typeof usageRecord>[1] = {}): Record<string, unknown> => ({
  ...usageRow(storedRecord(usageRecord('one', changes))),
});

test('a row has the columns of the table that the templates make, no more and no fewer', () => {
  assert.deepEqual(Object.keys(rowOf()).toSorted(), table.columns.map(({ name }) => name).toSorted());
});

test('every value is of its column’s type', () => {
  const row = rowOf({ spilledFrom: 'ptu', reportedModel: 'gpt-5.4-mini-2026-03-17' });
  const fits: Readonly<Record<string, (value: unknown) => boolean>> = {
    string: (value) => typeof value === 'string',
    boolean: (value) => typeof value === 'boolean',
    int: Number.isSafeInteger,
    long: Number.isSafeInteger,
    datetime: (value) => typeof value === 'string' && new Date(value).toISOString() === value,
  };
  for (const { name, type } of table.columns)
    assert.ok(row[name] === null || fits[type]?.(row[name]) === true, `${name}: ${String(row[name])} is no ${type}`);
});

test('what is unknown is null and never 0, and what is a sum of it is null, too', () => {
  const row = rowOf({ units: { output: null }, cost: { nanoUsd: null, unpriced: ['output'] } });
  assert.deepEqual(
    [row['OutputTokens'], row['TotalTokens'], row['CostNanoUsd'], row['Unpriced']],
    [null, null, null, 'output'],
  );
});

test('times, costs and places are those of the record', () => {
  const row = rowOf();
  const record = usageRecord('one');
  assert.equal(row['At'], new Date(march).toISOString());
  assert.equal(row['EventTime'], new Date(record.finishedAt).toISOString());
  assert.equal(row['CostNanoUsd'], Number(record.cost.nanoUsd));
  assert.equal(row['TotalMs'], Math.round(record.timing.totalMs));
  assert.deepEqual([row['Organisation'], row['CostCentre']], ['contoso', 'contoso/marketing']);
});

test('a cost that no JSON number can hold exactly is refused, not rounded', () => {
  assert.throws(() => rowOf({ cost: { nanoUsd: 2n ** 53n + 1n } }), RangeError);
});
