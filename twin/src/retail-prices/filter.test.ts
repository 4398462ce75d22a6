import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseFilter } from './filter.ts';

const items = [
  { meterName: 'gpt 4o Inp glbl', armRegionName: 'eastus', serviceName: 'Foundry Models', type: 'Consumption' },
  { meterName: 'gpt 4o Outp glbl', armRegionName: 'westus', serviceName: 'Foundry Models', type: 'Consumption' },
  { meterName: "O'Neil disk", armRegionName: 'eastus', serviceName: 'Storage', type: 'Reservation' },
].map((item) => ({ ...item, isPrimaryMeterRegion: 'true' }));

/** The filter, and which of the items it lets through. */
const kept: readonly (readonly [string, readonly number[]])[] = [
  ["armRegionName eq 'eastus'", [0, 2]],
  ["armRegionName ne 'eastus'", [1]],
  ["priceType eq 'Reservation'", [2]],
  ["serviceName eq 'Foundry Models' and armRegionName eq 'eastus'", [0]],
  ["armRegionName eq 'westus' or armRegionName eq 'eastus'", [0, 1, 2]],
  // `and` binds closer than `or`.
  ["serviceName eq 'Storage' or serviceName eq 'Foundry Models' and armRegionName eq 'westus'", [1, 2]],
  ["(serviceName eq 'Storage' or serviceName eq 'Foundry Models') and armRegionName eq 'westus'", [1]],
  ["contains(meterName, 'Outp')", [1]],
  ["contains(meterName, 'Outp') eq true", [1]],
  ["contains(meterName, 'Outp') eq false", [0, 2]],
  ["contains(meterName, 'Outp') ne true", [0, 2]],
  ["startswith(meterName,'gpt 4o')", [0, 1]],
  ["StartsWith(meterName, 'gpt 4o I') AND ArmRegionName EQ 'eastus'", [0]],
  ["meterName eq 'O''Neil disk'", [2]],
  // Values are compared with their case, and in full.
  ["serviceName eq 'foundry models'", []],
  ["meterName eq 'gpt 4o'", []],
  ["contains(meterName, 'outp')", []],
  ["meterName eq 'no such'", []],
  // The currency is a parameter: a filter on it is taken and finds nothing.
  ["currencyCode eq 'USD'", []],
  ['isPrimaryMeterRegion eq true', [0, 1, 2]],
];

void suite('$filter', () => {
  for (const [filter, expected] of kept) {
    test(filter, () => {
      const holds = parseFilter(filter);
      assert.ok(holds !== undefined);
      assert.deepEqual(
        items.flatMap((item, at) => (holds(item) ? [at] : [])),
        expected,
      );
    });
  }
});

void suite('a $filter that Azure refuses', () => {
  const twenty = Array.from({ length: 20 }, (_, at) => `meterName eq '${at}'`).join(' or ');
  test('20 comparisons are taken, 21 are not', () => {
    assert.ok(parseFilter(twenty) !== undefined);
    assert.equal(parseFilter(`${twenty} or meterName eq '20'`), undefined);
  });
  for (const filter of [
    'nonsense',
    "noSuchField eq 'x'",
    "meterName eq 'not closed",
    'meterName eq x',
    "meterName gt 'x'",
    "not contains(meterName, 'x')",
    "meterName in ('a', 'b')",
    "(meterName eq 'a'",
    "meterName eq 'a')",
    "meterName eq 'a' meterName eq 'b'",
    "meterName eq 'a' and",
    "endswith(meterName, 'a')",
    "contains(meterName 'a')",
    "contains(meterName, 'a') eq 'yes'",
    'retailPrice eq 5',
    "meterName eq 'a' & meterName eq 'b'",
  ]) {
    test(filter, () => assert.equal(parseFilter(filter), undefined));
  }
});
