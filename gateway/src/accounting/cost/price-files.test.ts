import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { listPricesOf, parseListPrices, readPriceFile, type ListPrices } from './list-prices.ts';
import { mergeLists } from './merge-lists.ts';
import { entriesOf, type PriceRowValues } from './price-row.ts';
import { findConflicts } from './price-entry.ts';

const shippedText = readFileSync(new URL('../../../data/prices.json', import.meta.url), 'utf8');
const shipped = parseListPrices(shippedText);
const { zones } = shipped;

const file = (rows: readonly object[], changes: object = {}): string =>
  [
    '{',
    '  "comment": "test", "sources": {"a": "a list"}, "zones": {"eu": ["westeurope"]},',
    '  "prices": [',
    rows.map((one) => `    ${JSON.stringify(one)}`).join(',\n'),
    `  ]${Object.keys(changes).length === 0 ? '' : `, ${JSON.stringify(changes).slice(1, -1)}`}`,
    '}',
  ].join('\n');
const row = {
  model: 'm',
  type: 'GlobalStandard',
  effectiveFrom: '2026-01-01',
  source: 'a',
  nanoUsdPerMillion: { input: 1 },
};

suite('a price file', () => {
  test('is refused wherever it was cut off', () => {
    for (let at = 0; at < shippedText.length - 2; at += 997) {
      const result = readPriceFile(shippedText.slice(0, at), zones);
      assert.equal(result.ok, false, `cut at ${at}`);
      if (!result.ok) {
        const [problem] = result.problems;
        assert.equal(problem?.line, shippedText.slice(0, at).split('\n').length, `cut at ${at}`);
        assert.match(problem.message, at < 2 ? /not JSON|not whole/ : /not whole/);
        assert.match(problem.fix, /prices sync/);
      }
    }
    assert.ok(readPriceFile(shippedText, zones).ok);
  });

  test('is refused with the line of everything that is wrong in it', () => {
    const text = file([
      { ...row, source: 'nobody' },
      { ...row, zone: 'mars' },
      { ...row, zone: 'eu', regions: ['eastus'] },
      { ...row, effectiveTo: '2025-01-01' },
      { ...row, nanoUsdPerMillion: {} },
    ]);
    const result = readPriceFile(text, zones);
    assert.ok(!result.ok);
    assert.deepEqual(
      result.problems.map(({ line, path, message }) => [line, path.join('.'), message]),
      [
        [4, 'prices.0', 'its source is none of `sources`'],
        [5, 'prices.1', 'there is no such data zone'],
        [6, 'prices.2', 'it is for a zone and for regions'],
        [7, 'prices.3', 'it ends before it begins'],
        [8, 'prices.4', 'it prices nothing'],
      ],
    );
  });

  const shapes: readonly (readonly [string, object, RegExp])[] = [
    ['a fraction', { ...row, nanoUsdPerMillion: { input: 1.5 } }, /int/],
    ['a negative amount', { ...row, nanoUsdPerMillion: { input: -1 } }, />=0|greater/],
    ['an amount beyond exact numbers', { ...row, nanoUsdPerMillion: { input: 2 ** 60 } }, /int/],
    ['no model', { ...row, model: undefined }, /string/],
    ['a type that is none', { ...row, type: 'Global' }, /GlobalStandard/],
    ['a day that is none', { ...row, effectiveFrom: '2026-02-30' }, /date/],
    ['a member that nobody knows', { ...row, surprise: 1 }, /surprise/],
  ];
  for (const [why, broken, message] of shapes) {
    test(`is refused with the line: ${why}`, () => {
      const result = readPriceFile(file([row, broken]), zones);
      assert.ok(!result.ok);
      assert.equal(result.problems[0]?.line, 5);
      assert.match(result.problems[0].message, message);
    });
  }

  test('that is no object, or something else, is refused', () => {
    for (const text of ['', 'null', '[]', '"text"', '{}', '\u0000']) assert.equal(readPriceFile(text, zones).ok, false);
  });
});

const listOf = (...rows: readonly Partial<PriceRowValues>[]): ListPrices => ({
  entries: rows.flatMap((one) =>
    entriesOf({ model: 'm', type: 'Standard', effectiveFrom: '2026-01-01', source: 's', ...one }, 'list'),
  ),
  zones,
  provisioned: [],
  notPriced: [],
});
const amounts = (list: ListPrices): string[] =>
  list.entries
    .map(({ place, effectiveFrom, nanoUsdPerMillion }) => {
      const where = place?.kind === 'zone' ? place.name : (place?.names.join(',') ?? 'everywhere');
      return `${where} ${new Date(effectiveFrom).toISOString().slice(0, 10)} ${nanoUsdPerMillion}`;
    })
    .toSorted();

suite('a list that was read, on the shipped one', () => {
  test('holds where both have a price for one place and day; the rest stands side by side', () => {
    const merged = mergeLists(
      listOf(
        { regions: ['eastus', 'westus', 'westus3'], nanoUsdPerMillion: { input: 1 } },
        { nanoUsdPerMillion: { input: 2 } },
        { zone: 'eu', nanoUsdPerMillion: { input: 3 } },
      ),
      listOf(
        { regions: ['westus'], nanoUsdPerMillion: { input: 11 } },
        { zone: 'eu', nanoUsdPerMillion: { input: 13 } },
        { regions: ['eastus'], effectiveFrom: '2026-02-01', nanoUsdPerMillion: { input: 14 } },
      ),
    );
    assert.deepEqual(amounts(merged), [
      'eastus 2026-02-01 14',
      'eastus,westus3 2026-01-01 1',
      'eu 2026-01-01 13',
      'everywhere 2026-01-01 2',
      'westus 2026-01-01 11',
    ]);
    assert.deepEqual(findConflicts(merged.entries, zones), []);
  });

  test('that is the same list changes nothing, and leaves no two prices for one thing', () => {
    const merged = mergeLists(shipped, shipped);
    assert.deepEqual(merged.entries, shipped.entries);
    assert.deepEqual(merged.provisioned, shipped.provisioned);
    const ids = merged.entries.map((one) => one.id);
    assert.equal(new Set(ids).size, ids.length);
  });

  test('may take hours of provisioned units region by region', () => {
    const unit = { type: 'GlobalProvisionedManaged' as const, effectiveFrom: '2026-01-01', source: 's' };
    const merged = mergeLists(
      { ...listOf(), provisioned: [{ ...unit, regions: ['eastus', 'westus'], nanoUsdPerUnitHour: 1 }] },
      { ...listOf(), provisioned: [{ ...unit, regions: ['westus'], nanoUsdPerUnitHour: 2 }] },
    );
    assert.deepEqual(
      merged.provisioned.map((one) => [one.regions, one.nanoUsdPerUnitHour]),
      [
        [['eastus'], 1],
        [['westus'], 2],
      ],
    );
  });

  test('is read back as it was written', () => {
    const read = readPriceFile(shippedText, zones);
    assert.ok(read.ok);
    assert.deepEqual(listPricesOf(read.file), shipped);
  });
});
