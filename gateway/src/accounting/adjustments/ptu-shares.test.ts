import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import type { HourBasis } from './ptu-basis.ts';
import { costOfHour, hourPostings } from './ptu-postings.ts';
import { idleKnown, type HourUse, type TokenUse } from './ptu-shares.ts';
import { shareOut } from './share-out.ts';

const servedBy = {
  endpoint: 'ptu-weu',
  resource: 'contoso-weu',
  region: 'westeurope',
  deployment: 'mini-ptu',
  deploymentType: 'ProvisionedManaged',
  model: 'gpt-5.4-mini',
  modelVersion: null,
};

const part = { units: 50, seconds: 3600, nanoUsdPerUnitHour: '1000000000', priceId: 'contracted/ptu', list: null };

const basisWith = (changes: Partial<HourBasis> = {}): HourBasis => ({
  hour: '2026-11-23T10:00:00.000Z',
  servedBy,
  parts: [part],
  margins: [],
  rule: 'by-use',
  reserved: [],
  weights: { cachedInput: 1000, output: 1000 },
  tokensPerMinute: null,
  idleCostCentre: 'contoso',
  ...changes,
});

const callerOf = (consumer: string, subscription = `${consumer}-web`) => ({
  subscription,
  product: 'standard',
  consumer,
  costCentrePath: `contoso/${consumer}`,
});

const tokens = (input: number, output = 0, cachedInput = 0): TokenUse => ({
  input: BigInt(input),
  output: BigInt(output),
  cachedInput: BigInt(cachedInput),
});
const none = tokens(0);

function useBy(consumer: string, ...quarters: readonly TokenUse[]): HourUse {
  return {
    caller: callerOf(consumer),
    operation: 'responses',
    quarters: [0, 1, 2, 3].map((at) => quarters[at] ?? none),
  };
}

/** `marketing responses allocated 30.0 1800 s`, by consumer, in USD. */
function billOf(basis: HourBasis, uses: readonly HourUse[]): readonly string[] {
  return hourPostings(basis, uses).map(({ series, outcome, change, lines }) => {
    const usd = Number(change.cost) / 1e9;
    const seconds = lines.reduce((sum, one) => sum + one.units, 0);
    return `${series.caller.consumer || '-'} ${series.operation} ${outcome} ${usd} USD ${seconds} PTU-s`;
  });
}

describe('an hour of 50 units at 1 USD', () => {
  const cases: readonly {
    readonly name: string;
    readonly basis: Partial<HourBasis>;
    readonly uses: readonly HourUse[];
    readonly bill: readonly string[];
    readonly idle: string;
  }[] = [
    {
      name: 'by use, without a told capacity: those who used it pay for all of it',
      basis: {},
      uses: [useBy('finance', tokens(100, 150)), useBy('marketing', tokens(500), tokens(200, 50))],
      bill: ['finance responses allocated 12.5 USD 45000 PTU-s', 'marketing responses allocated 37.5 USD 135000 PTU-s'],
      idle: 'not-told',
    },
    {
      name: 'by use, with a capacity: what is left of it is idle',
      // 50 units × 20 tokens × 60 minutes = 60,000 tokens
      basis: { tokensPerMinute: 20 },
      uses: [useBy('finance', tokens(12_000)), useBy('marketing', none, tokens(6_000), none, tokens(12_000))],
      bill: [
        'finance responses allocated 10 USD 36000 PTU-s',
        'marketing responses allocated 15 USD 54000 PTU-s',
        '- none idle 25 USD 90000 PTU-s',
      ],
      idle: 'measured',
    },
    {
      name: 'by use, beyond the capacity that was told: nothing is idle',
      basis: { tokensPerMinute: 1 },
      uses: [useBy('finance', tokens(12_000)), useBy('marketing', tokens(36_000))],
      bill: ['finance responses allocated 12.5 USD 45000 PTU-s', 'marketing responses allocated 37.5 USD 135000 PTU-s'],
      idle: 'measured',
    },
    {
      name: 'an output token counts for eight, a cached one for nothing, where the capacity is told so',
      basis: { weights: { cachedInput: 0, output: 8000 } },
      uses: [useBy('finance', tokens(1_000, 0, 800)), useBy('marketing', tokens(400, 50))],
      bill: ['finance responses allocated 10 USD 36000 PTU-s', 'marketing responses allocated 40 USD 144000 PTU-s'],
      idle: 'not-told',
    },
    {
      name: 'nobody used it: all of it is idle, whatever the rule',
      basis: { rule: 'by-peak' },
      uses: [useBy('finance', none)],
      bill: ['- none idle 50 USD 180000 PTU-s'],
      idle: 'no-use',
    },
    {
      name: 'by peak: each by its own busiest quarter-hour',
      basis: { rule: 'by-peak' },
      uses: [useBy('finance', tokens(300), tokens(300), tokens(300), tokens(300)), useBy('marketing', tokens(900))],
      bill: ['finance responses allocated 12.5 USD 45000 PTU-s', 'marketing responses allocated 37.5 USD 135000 PTU-s'],
      idle: 'not-told',
    },
    {
      name: 'by peak, with a capacity: what the peaks leave of a quarter-hour is idle',
      // 15,000 tokens a quarter-hour
      basis: { rule: 'by-peak', tokensPerMinute: 20 },
      uses: [useBy('finance', tokens(3_000), tokens(3_000)), useBy('marketing', none, tokens(4_500))],
      bill: [
        'finance responses allocated 10 USD 36000 PTU-s',
        'marketing responses allocated 15 USD 54000 PTU-s',
        '- none idle 25 USD 90000 PTU-s',
      ],
      idle: 'measured',
    },
    {
      name: 'by reserved share: what is reserved is paid, used or not; the rest is idle where nobody else came',
      basis: {
        rule: 'by-reserved-share',
        reserved: [
          { by: 'consumer', name: 'finance', units: 20, caller: callerOf('finance') },
          { by: 'consumer', name: 'marketing', units: 25, caller: callerOf('marketing') },
        ],
      },
      uses: [useBy('finance', tokens(1))],
      bill: [
        'finance responses allocated 20 USD 72000 PTU-s',
        'marketing none allocated 25 USD 90000 PTU-s',
        '- none idle 5 USD 18000 PTU-s',
      ],
      idle: 'unreserved',
    },
    {
      name: 'by reserved share: those without a reservation share the rest by use',
      basis: {
        rule: 'by-reserved-share',
        reserved: [{ by: 'subscription', name: 'finance-web', units: 40, caller: callerOf('finance') }],
      },
      uses: [useBy('finance', tokens(1)), useBy('legal', tokens(300)), useBy('marketing', tokens(100))],
      bill: [
        'finance responses allocated 40 USD 144000 PTU-s',
        'legal responses allocated 7.5 USD 27000 PTU-s',
        'marketing responses allocated 2.5 USD 9000 PTU-s',
      ],
      idle: 'unreserved',
    },
  ];

  for (const one of cases)
    test(one.name, () => {
      const basis = basisWith(one.basis);
      assert.deepEqual(billOf(basis, one.uses), one.bill);
      assert.equal(idleKnown(basis, one.uses), one.idle);
    });
});

test('part of an hour costs its minutes, and what held at each price is a line of its own', () => {
  const basis = basisWith({
    parts: [
      { ...part, seconds: 1200 },
      { ...part, units: 100, seconds: 900, nanoUsdPerUnitHour: '700000001', priceId: 'contracted/later' },
    ],
  });
  const [one, ...others] = hourPostings(basis, [useBy('finance', tokens(5))]);
  assert.deepEqual(others, []);
  // 50 × 1200 s × 1 USD / 3600 s, and 100 × 900 s × 0.700000001 USD / 3600 s
  assert.equal(one?.change.cost, 16_666_666_667n + 17_500_000_025n);
  assert.deepEqual(
    one.lines.map(({ meter, units, priceId, nanoUsd }) => [meter, units, priceId, nanoUsd]),
    [
      ['ptu', 60_000, 'contracted/ptu', 16_666_666_667n],
      ['ptu', 90_000, 'contracted/later', 17_500_000_025n],
    ],
  );
});

test('list price and margin stand beside what is paid, the rate of the product before the general one', () => {
  const basis = basisWith({
    parts: [{ ...part, list: { nanoUsdPerUnitHour: '2000000000', priceId: 'list/ptu' } }],
    margins: [
      { id: 'internal/10%', effectiveFrom: 0, product: null, model: null, millionths: '100000' },
      { id: 'internal/-50%', effectiveFrom: 0, product: 'standard', model: null, millionths: '-500000' },
      { id: 'internal/later', effectiveFrom: Date.UTC(2027, 0), product: 'standard', model: null, millionths: '0' },
    ],
    tokensPerMinute: 20,
  });
  const bill = hourPostings(basis, [useBy('finance', tokens(12_000))]).map(({ change, lines }) => [
    change.cost,
    change.listCost,
    change.internalCost,
    lines.map((one) => `${one.layer} ${one.priceId} ${one.units} ${one.nanoUsd} ${one.standing}`),
  ]);
  const usd = 1_000_000_000n;
  assert.deepEqual(bill, [
    [
      10n * usd,
      20n * usd,
      5n * usd,
      [
        'contracted contracted/ptu 36000 10000000000 11',
        'list list/ptu 36000 20000000000 10',
        'internal internal/-50% 36000 5000000000 10',
      ],
    ],
    [
      40n * usd,
      80n * usd,
      44n * usd,
      [
        'contracted contracted/ptu 144000 40000000000 11',
        'list list/ptu 144000 80000000000 10',
        'internal internal/10% 144000 44000000000 10',
      ],
    ],
  ]);
});

test('a whole is shared out to its last unit, the largest remainders first', () => {
  assert.deepEqual(shareOut(10n, [1n, 1n, 1n]), [4n, 3n, 3n]);
  assert.deepEqual(shareOut(10n, [1n, 2n, 3n]), [2n, 3n, 5n]);
  assert.deepEqual(shareOut(0n, [7n, 0n]), [0n, 0n]);
  assert.deepEqual(shareOut(1n, [0n, 1n]), [0n, 1n]);
  assert.throws(() => shareOut(1n, [0n]), RangeError);
  assert.throws(() => shareOut(1n, [2n, -1n]), RangeError);
});

const tokenArbitrary = fc.record({
  input: fc.bigInt({ min: 0n, max: 10n ** 9n }),
  cachedInput: fc.bigInt({ min: 0n, max: 10n ** 6n }),
  output: fc.bigInt({ min: 0n, max: 10n ** 8n }),
});
const usesArbitrary = fc.uniqueArray(
  fc.record({
    consumer: fc.constantFrom('finance', 'marketing', 'legal', 'sales'),
    subscription: fc.constantFrom('web', 'app'),
    operation: fc.constantFrom<HourUse['operation']>('responses', 'embeddings'),
    quarters: fc.array(fc.oneof(fc.constant(none), tokenArbitrary), { minLength: 4, maxLength: 4 }),
  }),
  { selector: (one) => `${one.consumer} ${one.subscription} ${one.operation}`, maxLength: 10 },
);
const partsArbitrary = fc.array(
  fc.record({
    units: fc.integer({ min: 1, max: 3000 }),
    seconds: fc.integer({ min: 1, max: 20 }).map((minutes) => minutes * 60),
    nanoUsdPerUnitHour: fc.bigInt({ min: 0n, max: 10n ** 11n }).map(String),
    priceId: fc.constantFrom('first', 'second'),
    list: fc.option(
      fc.record({
        nanoUsdPerUnitHour: fc.bigInt({ min: 0n, max: 10n ** 11n }).map(String),
        priceId: fc.constant('list'),
      }),
    ),
  }),
  { minLength: 1, maxLength: 3 },
);
const reservedArbitrary = fc.uniqueArray(
  fc.record({
    by: fc.constant<'consumer'>('consumer'),
    name: fc.constantFrom('finance', 'marketing', 'board'),
    units: fc.integer({ min: 1, max: 400 }),
  }),
  { selector: (one) => one.name },
);

test('whatever was used by whomever: the shares add up to what the hour costs and lasted, none below 0', () => {
  fc.assert(
    fc.property(
      usesArbitrary,
      partsArbitrary,
      fc.record({
        rule: fc.constantFrom<HourBasis['rule']>('by-use', 'by-peak', 'by-reserved-share'),
        reserved: reservedArbitrary,
        tokensPerMinute: fc.option(fc.integer({ min: 1, max: 40_000 })),
        output: fc.integer({ min: 0, max: 16_000 }),
      }),
      (usedBy, parts, { rule, reserved, tokensPerMinute, output }) => {
        const basis = basisWith({
          parts,
          rule,
          reserved: reserved.map((one) => ({ ...one, caller: callerOf(one.name) })),
          tokensPerMinute,
          weights: { cachedInput: 0, output },
        });
        const uses = usedBy.map(({ consumer, subscription, operation, quarters }) => ({
          caller: callerOf(consumer, subscription),
          operation,
          quarters,
        }));
        const postings = hourPostings(basis, uses);
        const all = postings.flatMap((one) => one.lines);
        const lines = all.filter((one) => one.layer === 'contracted');
        assert.equal(
          all.filter((one) => one.layer === 'list').reduce((sum, one) => sum + one.nanoUsd, 0n),
          costOfHour({
            ...basis,
            parts: parts.flatMap((one) => (one.list === null ? [] : [{ ...one, ...one.list }])),
          }),
        );
        assert.equal(
          postings.reduce((sum, one) => sum + one.change.cost, 0n),
          costOfHour(basis),
        );
        assert.equal(
          lines.reduce((sum, one) => sum + one.nanoUsd, 0n),
          costOfHour(basis),
        );
        assert.equal(
          lines.reduce((sum, one) => sum + one.units, 0),
          parts.reduce((sum, one) => sum + one.units * one.seconds, 0),
        );
        assert.ok(lines.every((one) => one.units >= 0 && one.nanoUsd >= 0n));
      },
    ),
    { numRuns: 500 },
  );
});
