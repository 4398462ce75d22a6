import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listing, table, type Column } from './table.ts';

interface Row {
  readonly name: string;
  readonly count: number | null;
}

const columns: readonly Column<Row>[] = [
  { title: 'name', name: 'name', value: (row) => row.name },
  { title: 'count', name: 'count', align: 'right', value: (row) => row.count },
];
const rows = [
  { name: 'marketing', count: 12 },
  { name: 'é', count: null },
];
const plain = { colour: false };

test('columns line up, numbers to the right, unknown is a dash', () => {
  assert.equal(table(plain, { columns, rows }), 'name       count\nmarketing     12\né              –\n');
});

test('the total stands under a line', () => {
  assert.equal(
    table(plain, { columns, rows: rows.slice(0, 1), total: { name: 'total', count: 1234567 } }),
    'name         count\nmarketing       12\n──────────────────\ntotal      1234567\n',
  );
});

test('without rows it says so', () => {
  assert.equal(table(plain, { columns, rows: [], empty: 'Nothing yet.' }), 'Nothing yet.\n');
});

test('colours are used only where the terminal shows them', () => {
  assert.ok(table({ colour: true }, { columns, rows }).startsWith('\u001B[1mname'));
  assert.ok(!table(plain, { columns, rows }).includes('\u001B'));
});

test('a value cannot drive the terminal', () => {
  const shown = table(plain, { columns, rows: [{ name: '\u001B[2Jgone\u0007', count: 1 }] });
  assert.ok(shown.includes('\uFFFD[2Jgone\uFFFD'));
  assert.ok(!shown.includes('\u001B') && !shown.includes('\u0007'));
});

test('the same rows as JSON are the reply itself, as CSV they have no total', () => {
  const json = { rows, futureField: true };
  const total = { name: 'total', count: 1 };
  assert.deepEqual(JSON.parse(listing(plain, { format: 'json', json, columns, rows, total })), json);
  assert.equal(listing(plain, { format: 'csv', json, columns, rows, total }), 'name,count\r\nmarketing,12\r\né,\r\n');
});
