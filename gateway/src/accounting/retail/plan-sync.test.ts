import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import * as fc from 'fast-check';
import { listPricesOf, parseListPrices, type ListPrices, type PriceFile } from '#accounting/cost/list-prices.ts';
import { mergeLists } from '#accounting/cost/merge-lists.ts';
import { findConflicts } from '#accounting/cost/price-entry.ts';
import { createPriceBook } from '#accounting/cost/price-book.ts';
import type { DeploymentType } from '#model/endpoint.ts';
import { noUnits } from '#model/usage-record.ts';
import { endpointNamed } from '../../../test/support/model-objects.ts';
import { parseMeterRules } from './meter-rules.ts';
import { planSync, type SyncPlan } from './plan-sync.ts';
import type { RetailItem } from './retail-item.ts';

const data = (name: string): string => readFileSync(new URL(`../../../data/${name}`, import.meta.url), 'utf8');
const rules = parseMeterRules(data('retail-meters.json'));
const shipped = parseListPrices(data('prices.json'));
const { zones } = shipped;
const nothing: ListPrices = { entries: [], zones, provisioned: [], notPriced: [] };

const item = (changes: Partial<RetailItem>): RetailItem => ({
  currencyCode: 'USD',
  retailPrice: '2.5',
  tierMinimumUnits: '0.0',
  regions: { eastus: 'id-eastus', westeurope: 'id-westeurope' },
  meterName: '5.4 inp Gl 1M Tokens',
  productName: 'Azure OpenAI GPT5',
  skuName: '5.4 inp Gl',
  unitOfMeasure: '1M',
  type: 'Consumption',
  effectiveStartDate: '2026-03-01T00:00:00Z',
  ...changes,
});

interface State {
  readonly file: PriceFile | undefined;
  readonly list: ListPrices;
}

/** Reads one list after another, each on top of what the one before it left. */
function plan(items: readonly RetailItem[], state: State, day = '2026-11-25'): SyncPlan {
  const source = { key: `azure-${day}`, words: `Azure, read ${day}` };
  return planSync({ items, rules, before: state.file, inForce: state.list, source });
}
function after(base: ListPrices, ...lists: readonly (readonly RetailItem[])[]): State {
  let state: State = { file: undefined, list: base };
  lists.forEach((items, index) => {
    const { file } = plan(items, state, `2026-11-${index + 10}`);
    state = { file, list: mergeLists(base, listPricesOf(file)) };
    assert.deepEqual(findConflicts(state.list.entries, zones), []);
  });
  return state;
}

const counts = ({ added, changed, ended, missing, unchanged }: SyncPlan): object => ({
  added: added.length,
  changed: changed.length,
  ended: ended.length,
  missing: missing.length,
  unchanged,
});

const bookOf = (list: ListPrices) => createPriceBook({ entries: list.entries, zones, ordinaryMeters: () => ['input'] });
/** 10^-9 USD for a million tokens of input, as the price book says. */
function charged(
  list: ListPrices,
  where: { readonly region?: string; readonly day: string; readonly type?: DeploymentType },
) {
  const endpoint = endpointNamed('e', {
    model: 'gpt-5.4',
    region: where.region ?? 'westeurope',
    deploymentType: where.type ?? 'GlobalStandard',
  });
  const units = { ...noUnits, input: 1000 };
  const at = Date.parse(`${where.day}T12:00:00Z`);
  const call = { endpoint, units, serviceTier: null, reportedModel: null, spilledFrom: null, product: null, at };
  return bookOf(list).cost(call).nanoUsd;
}

suite('a first reading', () => {
  test('adds what has no price, and keeps the ids of the meters', () => {
    const state = after(nothing, [item({})]);
    assert.deepEqual(state.file?.prices, [
      {
        model: 'gpt-5.4',
        type: 'GlobalStandard',
        regions: ['eastus', 'westeurope'],
        effectiveFrom: '2026-03-01',
        source: 'azure-2026-11-10',
        nanoUsdPerMillion: { input: 2_500_000_000 },
        meterIds: { input: ['id-eastus', 'id-westeurope'] },
      },
    ]);
    assert.equal(charged(state.list, { day: '2026-03-01' }), 2_500_000n);
    assert.equal(charged(state.list, { day: '2026-02-28' }), null, 'nothing holds before its day');
  });

  test('on the shipped list changes nothing where Azure says the same', () => {
    assert.deepEqual(counts(plan([item({})], { file: undefined, list: shipped })), {
      added: 0,
      changed: 0,
      ended: 0,
      missing: 0,
      unchanged: 1,
    });
  });

  test('takes the hours of provisioned units apart', () => {
    const unit = item({ meterName: 'Provisioned Managed Global Unit', unitOfMeasure: '1/Hour', retailPrice: '1.0' });
    const state = after(nothing, [unit]);
    assert.deepEqual(state.file?.prices, []);
    assert.deepEqual(state.file?.provisioned, [
      {
        type: 'GlobalProvisionedManaged',
        regions: ['eastus', 'westeurope'],
        effectiveFrom: '2026-03-01',
        source: 'azure-2026-11-10',
        nanoUsdPerUnitHour: 1_000_000_000,
        meterIds: ['id-eastus', 'id-westeurope'],
      },
    ]);
  });
});

suite('a later reading', () => {
  const cheaper = item({ retailPrice: '2.0', effectiveStartDate: '2026-12-01T00:00:00Z' });

  test('of the same list changes nothing', () => {
    const state = after(nothing, [item({})]);
    assert.deepEqual(counts(plan([item({})], state)), { added: 0, changed: 0, ended: 0, missing: 0, unchanged: 1 });
  });

  test('of a new price begins it on its own day, and closes nothing before', () => {
    const state = after(nothing, [item({})], [cheaper]);
    assert.equal(charged(state.list, { day: '2026-11-30' }), 2_500_000n);
    assert.equal(charged(state.list, { day: '2026-12-01' }), 2_000_000n);
    const changes = plan([cheaper], after(nothing, [item({})])).changed;
    assert.deepEqual(
      changes.map(({ price, before }) => [price.from, price.amount, before]),
      [['2026-12-01', 2_000_000_000n, 2_500_000_000n]],
    );
  });

  test('that corrects a price of the same day replaces it', () => {
    const state = after(nothing, [item({})], [item({ retailPrice: '2.6' })]);
    assert.equal(charged(state.list, { day: '2026-11-30' }), 2_600_000n);
    assert.equal(state.file?.prices.length, 1);
  });

  test('without a meter keeps its price in force and names it', () => {
    const other = item({ meterName: '5.4 opt Gl 1M Tokens', retailPrice: '15.0' });
    const state = after(nothing, [item({}), other]);
    const next = plan([other], state);
    assert.deepEqual(
      next.missing.map((one) => [one.model, one.meter]),
      [['gpt-5.4', 'input']],
    );
    const kept = mergeLists(nothing, listPricesOf(next.file));
    assert.equal(charged(kept, { day: '2026-11-30' }), 2_500_000n);
  });

  test('with an end puts the end in force', () => {
    const ending = item({ effectiveEndDate: '2027-01-01T00:00:00Z' });
    assert.equal(plan([ending], after(nothing, [item({})])).ended.length, 1);
    const state = after(nothing, [item({})], [ending]);
    assert.equal(charged(state.list, { day: '2026-12-31' }), 2_500_000n);
    assert.equal(charged(state.list, { day: '2027-01-01' }), null);
  });

  test('where one region costs something else is charged there alone, and also when that is over again', () => {
    const west = item({ regions: { westeurope: 'w' }, retailPrice: '3.0', effectiveStartDate: '2026-06-01T00:00:00Z' });
    const east = item({ regions: { eastus: 'e' } });
    const again = item({ retailPrice: '2.4', effectiveStartDate: '2026-09-01T00:00:00Z' });
    const state = after(nothing, [item({})], [east, west], [again]);
    const prices = (['2026-05-31', '2026-06-01', '2026-09-01'] as const).map((day) => [
      charged(state.list, { day, region: 'eastus' }),
      charged(state.list, { day, region: 'westeurope' }),
    ]);
    assert.deepEqual(prices, [
      [2_500_000n, 2_500_000n],
      [2_500_000n, 3_000_000n],
      [2_400_000n, 2_400_000n],
    ]);
  });
});

test('unread meters are named with why, the unknown ones first', () => {
  const { unmapped } = plan(
    [
      item({ meterName: '4.1 ft inp Dz Tokens', unitOfMeasure: '1K' }),
      item({ meterName: '7-nova Inp Gl 1M Tokens' }),
      item({}),
    ],
    { file: undefined, list: nothing },
  );
  assert.deepEqual(
    unmapped.map(({ why, known, items }) => [why, known, items.map((one) => one.meterName)]),
    [
      ['no rule knows its model', false, ['7-nova Inp Gl 1M Tokens']],
      ['fine-tuned deployments are not priced yet', true, ['4.1 ft inp Dz Tokens']],
    ],
  );
});

test('after any readings, every call costs what the latest list says of its day, or what a list before said', () => {
  const regions = ['eastus', 'westus', 'westeurope', 'swedencentral', 'japaneast', 'usgovvirginia'];
  const places = [
    ['5.4 inp Gl 1M Tokens', 'GlobalStandard'],
    ['5.4 inp Dz 1M Tokens', 'DataZoneStandard'],
  ] as const;
  const days = ['2026-01-01', '2026-02-01', '2026-03-01', '2026-04-01'];
  // As Azure's list is: for each region one price and its day.
  const listArbitrary = fc.array(
    fc.record({
      place: fc.constantFrom(...places),
      region: fc.constantFrom(...regions),
      price: fc.constantFrom('1.0', '2.0', '3.5'),
      day: fc.constantFrom(...days),
    }),
    { minLength: 1, maxLength: 12 },
  );
  fc.assert(
    fc.property(fc.array(listArbitrary, { minLength: 1, maxLength: 4 }), (drawn) => {
      // What a reader who keeps every region's days in a table of his own would say.
      const table = new Map<string, string>();
      const lists = drawn.map((prices) => {
        const single = new Map(prices.map((one) => [`${one.place[1]}|${one.region}`, one]));
        for (const [key, one] of single) table.set(`${key}|${one.day}`, one.price);
        return [...single.values()].map((one) =>
          item({
            meterName: one.place[0],
            regions: { [one.region]: '' },
            retailPrice: one.price,
            effectiveStartDate: `${one.day}T00:00:00Z`,
          }),
        );
      });
      const { list } = after(nothing, ...lists);
      for (const [key, price] of table) {
        const [type, region, day] = key.split('|') as [DeploymentType, string, string];
        assert.equal(charged(list, { type, region, day }), BigInt(Number(price) * 1000) * 1000n, key);
      }
    }),
    { numRuns: 300 },
  );
});
