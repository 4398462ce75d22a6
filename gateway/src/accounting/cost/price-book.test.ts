import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { DeploymentType, Endpoint } from '#model/endpoint.ts';
import type { PricedUsage } from '#model/price-book.ts';
import { noUnits, unknownUnits, type Units } from '#model/usage-record.ts';
import { endpointNamed } from '../../../test/support/model-objects.ts';
import type { InternalRate } from './internal-rates.ts';
import { entriesOf, type PriceRowValues } from './price-row.ts';
import { createPriceBook } from './price-book.ts';
import type { PriceEntry } from './price-entry.ts';

const day = (text: string): number => Date.parse(`${text}T00:00:00Z`);
const noon = Date.parse('2026-06-15T12:00:00Z');
const zones = { eu: ['westeurope', 'swedencentral'], us: ['eastus'] };

const row = (changes: Partial<PriceRowValues>): PriceRowValues => ({
  model: 'm',
  type: 'GlobalStandard',
  effectiveFrom: '2026-01-01',
  source: 'test',
  ...changes,
});
const list = (...rows: readonly PriceRowValues[]): readonly PriceEntry[] =>
  rows.flatMap((one) => entriesOf(one, 'list'));
const contracted = (...rows: readonly PriceRowValues[]): readonly PriceEntry[] =>
  rows.flatMap((one) => entriesOf(one, 'contracted'));

const bookOf = (entries: readonly PriceEntry[], ordinary: readonly string[] = ['input', 'output']) =>
  createPriceBook({ entries, zones, ordinaryMeters: () => ordinary });

const endpoint = endpointNamed('e', { model: 'm' });
const units = (changes: Partial<Units>): Units => ({ ...noUnits, ...changes });
const used = (changes: Partial<PricedUsage>): PricedUsage => ({
  endpoint,
  units: units({ input: 1000, output: 100 }),
  serviceTier: null,
  reportedModel: null,
  spilledFrom: null,
  product: null,
  at: noon,
  ...changes,
});

const inputPrice = (entries: readonly PriceEntry[], changes: Partial<PricedUsage> = {}): bigint | null =>
  bookOf(entries).cost(used({ units: units({ input: 1_000_000 }), ...changes })).nanoUsd;
const at = (changes: Partial<Endpoint>): Partial<PricedUsage> => ({
  endpoint: endpointNamed('x', { model: 'm', ...changes }),
});
const input = (amount: number, changes: Partial<PriceRowValues> = {}): PriceRowValues =>
  row({ nanoUsdPerMillion: { input: amount }, ...changes });
const of = (deploymentType: DeploymentType): Endpoint => endpointNamed('p', { model: 'm', deploymentType });

suite('what is charged', () => {
  const book = bookOf(
    list(
      row({
        nanoUsdPerMillion: {
          input: 1_000_000_000,
          cachedInput: 100_000_000,
          cacheWriteInput: 1_250_000_000,
          audioInput: 40_000_000_000,
          imageInput: 2_000_000_000,
          output: 8_000_000_000,
          audioOutput: 80_000_000_000,
        },
        nanoUsdPerCall: { web_search: 14_000_000 },
      }),
    ),
  );
  const meters = (changes: Partial<Units>): readonly (readonly [string, number, bigint])[] =>
    book.cost(used({ units: units(changes) })).lines.map((line) => [line.meter, line.units, line.nanoUsd]);

  test('each part of the input at its own price, and only the rest as input', () => {
    const parts = { cachedInput: 300, cacheWriteInput: 200, audioInput: 50, imageInput: 40 };
    assert.deepEqual(meters({ input: 1000, ...parts, output: 0 }), [
      ['input', 410, 410_000n],
      ['cachedInput', 300, 30_000n],
      ['cacheWriteInput', 200, 250_000n],
      ['audioInput', 50, 2_000_000n],
      ['imageInput', 40, 80_000n],
    ]);
  });

  test('a part that the provider did not report is charged with the rest, at the full rate', () => {
    const unreported = { cachedInput: null, cacheWriteInput: null, audioInput: null, imageInput: null };
    assert.deepEqual(meters({ input: 1000, ...unreported, output: 10, reasoning: null, audioOutput: null }), [
      ['input', 1000, 1_000_000n],
      ['output', 10, 80_000n],
    ]);
  });

  test('reasoning is output; audio output is taken out of it', () => {
    assert.deepEqual(meters({ input: 0, output: 100, reasoning: 60, audioOutput: 10 }), [
      ['output', 90, 720_000n],
      ['audioOutput', 10, 800_000n],
    ]);
  });

  test('reasoning has its own line where it has its own price', () => {
    const apart = bookOf(list(row({ nanoUsdPerMillion: { input: 1, output: 1_000_000, reasoning: 2_000_000 } })));
    const { lines, nanoUsd } = apart.cost(used({ units: units({ output: 100, reasoning: 60 }) }));
    assert.deepEqual(
      lines.map((line) => [line.meter, line.units]),
      [
        ['output', 40],
        ['reasoning', 60],
      ],
    );
    assert.equal(nanoUsd, 160n);
  });

  test('calls of tools that the provider runs, by the call', () => {
    const cost = book.cost(used({ units: units({ toolCalls: { web_search: 3 } }) }));
    assert.deepEqual(
      cost.lines.map((line) => [line.meter, line.units, line.nanoUsd]),
      [['toolCall:web_search', 3, 42_000_000n]],
    );
    assert.equal(cost.nanoUsd, 42_000_000n);
  });

  test('nothing, where nothing was used', () => {
    assert.deepEqual(book.cost(used({ units: noUnits })), {
      pricing: 'token',
      lines: [],
      nanoUsd: 0n,
      listNanoUsd: 0n,
      internalNanoUsd: 0n,
      unpriced: [],
    });
  });
});

suite('what cannot be priced is never 0', () => {
  const book = bookOf(list(row({ nanoUsdPerMillion: { input: 1_000_000, output: 2_000_000 } })));
  const cases: readonly (readonly [string, Partial<PricedUsage>, readonly string[]])[] = [
    ['unknown usage', { units: unknownUnits }, ['usage unknown']],
    ['unknown input', { units: units({ input: null, output: 5 }) }, ['usage unknown']],
    ['unknown output', { units: units({ input: 5, output: null }) }, ['usage unknown']],
    ['a used part without a price', { units: units({ input: 5, cachedInput: 2 }) }, ['cachedInput']],
    [
      'several of them, all named',
      { units: units({ input: 5, cachedInput: 2, output: 3, audioOutput: 1, toolCalls: { file_search: 1 } }) },
      ['cachedInput', 'audioOutput', 'toolCall:file_search'],
    ],
    [
      'parts that are more than the input',
      { units: units({ input: 5, cachedInput: 3, cacheWriteInput: 3 }) },
      ['the parts of the input are more than the input'],
    ],
    [
      'parts that are more than the output, priced apart or not',
      { units: units({ output: 5, reasoning: 6 }) },
      ['the parts of the output are more than the output'],
    ],
    [
      'a negative part',
      { units: units({ input: 5, cachedInput: -1 }) },
      ['a unit is not a whole number of at least 0'],
    ],
    ['a fraction', { units: units({ input: 5.5 }) }, ['a unit is not a whole number of at least 0']],
    ['another model', { endpoint: endpointNamed('x', { model: 'other' }) }, ['input', 'output']],
    [
      'another deployment type',
      { endpoint: endpointNamed('x', { model: 'm', deploymentType: 'Standard' }) },
      ['input', 'output'],
    ],
    ['another tier', { serviceTier: 'priority' }, ['input', 'output']],
    ['a day before the first price', { at: day('2025-12-31') }, ['input', 'output']],
  ];
  for (const [why, changes, unpriced] of cases) {
    test(why, () => {
      const cost = book.cost(used(changes));
      assert.equal(cost.nanoUsd, null);
      assert.deepEqual(cost.unpriced, unpriced);
    });
  }

  test('what is priced about such a call still has its lines', () => {
    const cost = book.cost(used({ units: units({ input: 5, cachedInput: 2 }) }));
    assert.deepEqual(
      cost.lines.map((line) => [line.meter, line.units]),
      [['input', 3]],
    );
  });
});

suite('which price applies', () => {
  const chain = list(
    input(1),
    input(2, { zone: 'eu' }),
    input(3, { region: 'westeurope' }),
    input(4, { region: 'westeurope', modelVersion: 'v2' }),
  );
  const narrowing: readonly (readonly [string, Partial<Endpoint>, bigint])[] = [
    ['the general one elsewhere', { region: 'japaneast' }, 1n],
    ['that of the zone in its regions', { region: 'swedencentral' }, 2n],
    ['that of the region in it', { region: 'westeurope' }, 3n],
    ['that of the version there', { region: 'westeurope', modelVersion: 'v2' }, 4n],
    ['not that of another version', { region: 'westeurope', modelVersion: 'v1' }, 3n],
  ];
  for (const [why, changes, expected] of narrowing) {
    test(`the most specific: ${why}`, () => assert.equal(inputPrice(chain, at(changes)), expected));
  }

  test('a more specific price beats a later one', () => {
    const entries = list(input(1, { effectiveFrom: '2026-06-01' }), input(2, { region: 'westeurope' }));
    assert.equal(inputPrice(entries, at({ region: 'westeurope' })), 2n);
  });

  test('among equals the latest that has begun, from the first millisecond of its day', () => {
    const entries = list(
      input(1),
      input(2, { effectiveFrom: '2026-07-01' }),
      input(3, { effectiveFrom: '2026-08-01' }),
    );
    const change = day('2026-07-01');
    const book = bookOf(entries);
    const prices = [change - 1, change, change + 1, day('2026-08-01'), change - 1].map(
      (moment) => book.cost(used({ units: units({ input: 1_000_000 }), at: moment })).nanoUsd,
    );
    assert.deepEqual(prices, [1n, 2n, 2n, 3n, 1n], 'also back and forth, with one book');
  });

  test('a price ends before effectiveTo, and the one before it holds again', () => {
    const entries = list(input(5), input(1, { effectiveFrom: '2026-06-01', effectiveTo: '2026-06-15' }));
    assert.equal(inputPrice(entries, { at: day('2026-06-15') - 1 }), 1n);
    assert.equal(inputPrice(entries, { at: day('2026-06-15') }), 5n);
  });

  test('the tier as served; unsaid, auto and standard are the default', () => {
    const entries = list(input(1), input(2, { serviceTier: 'priority' }));
    const served = [null, 'default', 'auto', 'standard', 'priority', 'flex'].map((serviceTier) =>
      inputPrice(entries, { serviceTier }),
    );
    assert.deepEqual(served, [1n, 1n, 1n, 1n, 2n, null]);
  });

  test('batch prices are not for calls', () => {
    assert.equal(inputPrice(list(input(1), input(9, { mode: 'batch' }))), 1n);
  });

  test('the price of the model that the reply names, where the book says so', () => {
    const entries = list(
      input(1, { model: 'router' }),
      input(7, { model: 'gpt-5-mini', resolveBy: 'reportedModel' }),
      input(8, { model: 'gpt-5-mini', modelVersion: '2025-08-07', resolveBy: 'reportedModel' }),
      input(9, { model: 'gpt-5', resolveBy: 'deployment' }),
    );
    const router = endpointNamed('r', { model: 'router' });
    const named = ['gpt-5-mini', 'gpt-5-mini-2025-08-07', 'gpt-5-mini-2026-01-01', 'gpt-5', null].map((reportedModel) =>
      inputPrice(entries, { endpoint: router, reportedModel }),
    );
    assert.deepEqual(named, [7n, 8n, 7n, 1n, 1n]);
  });
});

suite('long context is priced as a whole request', () => {
  const entries = list(
    row({
      nanoUsdPerMillion: { input: 1_000_000, cachedInput: 100_000, output: 4_000_000 },
      nanoUsdPerCall: { web_search: 5 },
    }),
    row({ minInputTokens: 1001, nanoUsdPerMillion: { input: 2_000_000, output: 6_000_000 } }),
  );
  const book = bookOf(entries);
  const cost = (changes: Partial<Units>) => book.cost(used({ units: units(changes) }));

  test('the threshold itself is the first that costs more', () => {
    assert.equal(cost({ input: 1000, output: 10 }).nanoUsd, 1000n + 40n);
    assert.equal(cost({ input: 1001, output: 10 }).nanoUsd, 2002n + 60n);
  });

  test('a meter without a long-context price is unpriced there, not cheap', () => {
    assert.deepEqual(cost({ input: 1001, cachedInput: 5 }).unpriced, ['cachedInput']);
  });

  test('a tier without a long-context price is unpriced there, not cheap, where another tier has one', () => {
    const priority = row({ serviceTier: 'priority', nanoUsdPerMillion: { input: 3_000_000, output: 9_000_000 } });
    const both = bookOf([...entries, ...list(priority)]);
    const inPriority = (tokens: number) =>
      both.cost(used({ units: units({ input: tokens, output: 10 }), serviceTier: 'priority' }));
    assert.equal(inPriority(1000).nanoUsd, 3000n + 90n);
    assert.equal(inPriority(1001).nanoUsd, null);
    assert.deepEqual(inPriority(1001).unpriced, ['input', 'output']);
  });

  test('a call of a tool costs the same in any context', () => {
    assert.equal(cost({ input: 1001, toolCalls: { web_search: 2 } }).nanoUsd, 2002n + 10n);
  });

  test('a contract that knows no long context holds throughout', () => {
    const both = bookOf([...entries, ...contracted(row({ nanoUsdPerMillion: { input: 500_000 } }))]);
    const { lines, nanoUsd } = both.cost(used({ units: units({ input: 2000, output: 10 }) }));
    assert.deepEqual(
      lines.map((line) => [line.layer, line.meter, line.nanoUsd]),
      [
        ['list', 'input', 4000n],
        ['contracted', 'input', 1000n],
        ['list', 'output', 60n],
      ],
    );
    assert.equal(nanoUsd, 1060n);
  });
});

suite('contracted prices', () => {
  const entries = [
    ...list(row({ nanoUsdPerMillion: { input: 1_000_000, output: 4_000_000 } })),
    ...contracted(row({ nanoUsdPerMillion: { output: 3_000_000, cachedInput: 50_000 } })),
  ];

  test('are charged where they cover, the list price elsewhere; both are on the record', () => {
    const cost = bookOf(entries).cost(used({ units: units({ input: 100, cachedInput: 20, output: 10 }) }));
    assert.deepEqual(
      cost.lines.map((line) => [line.layer, line.meter, line.units, line.nanoUsd]),
      [
        ['list', 'input', 80, 80n],
        ['contracted', 'cachedInput', 20, 1n],
        ['list', 'output', 10, 40n],
        ['contracted', 'output', 10, 30n],
      ],
    );
    assert.equal(cost.nanoUsd, 111n);
  });
});

const internal = (...rows: readonly PriceRowValues[]): readonly PriceEntry[] =>
  rows.flatMap((one) => entriesOf(one, 'internal'));
/** In millionths: 125,000 is 12.5 %. */
const rate = (margin: bigint, changes: Partial<InternalRate> = {}): InternalRate => ({
  id: `rate ${margin}`,
  effectiveFrom: day('2026-01-01'),
  product: null,
  model: null,
  margin,
  ...changes,
});
const withRates = (entries: readonly PriceEntry[], ...rates: readonly InternalRate[]) =>
  createPriceBook({ entries, rates, zones, ordinaryMeters: () => ['input', 'output'] });

suite('internal rates', () => {
  // The example of docs/prices.md, line by line.
  const listed = row({ nanoUsdPerMillion: { input: 750_000_000, cachedInput: 75_000_000, output: 4_500_000_000 } });
  const agreed = row({ nanoUsdPerMillion: { input: 697_500_000, cachedInput: 69_750_000, output: 4_185_000_000 } });

  test('are a margin on the line that is paid, after its rounding; the three layers stand beside each other', () => {
    const book = withRates([...list(listed), ...contracted(agreed)], rate(125_000n));
    const cost = book.cost(used({ units: units({ input: 1500, cachedInput: 500, output: 200 }) }));
    assert.deepEqual(
      cost.lines.map((line) => [line.meter, line.layer, line.nanoUsd]),
      [
        ['input', 'list', 750_000n],
        ['input', 'contracted', 697_500n],
        // 697,500 × 1.125 = 784,687.5: half to even
        ['input', 'internal', 784_688n],
        ['cachedInput', 'list', 37_500n],
        ['cachedInput', 'contracted', 34_875n],
        ['cachedInput', 'internal', 39_234n],
        ['output', 'list', 900_000n],
        ['output', 'contracted', 837_000n],
        ['output', 'internal', 941_625n],
      ],
    );
    assert.deepEqual([cost.listNanoUsd, cost.nanoUsd, cost.internalNanoUsd], [1_687_500n, 1_569_375n, 1_765_547n]);
  });

  const rates = [
    rate(100_000n),
    rate(200_000n, { effectiveFrom: day('2026-06-01') }),
    rate(300_000n, { model: 'm' }),
    rate(400_000n, { product: 'web' }),
    rate(0n, { product: 'research', effectiveFrom: day('2026-07-01') }),
    rate(-1_000_000n, { product: 'gifts' }),
  ];
  const cases: readonly (readonly [string, Partial<PricedUsage>, bigint | null])[] = [
    ['before all of them: unknown, not 0', { at: day('2025-12-31') }, null],
    ['of a model, before a general one, also a later one', {}, 1300n],
    ['of a product, before one of a model', { product: 'web' }, 1400n],
    ['of a product, before its own begins', { product: 'research' }, 1300n],
    ['of a product, from its first moment', { product: 'research', at: day('2026-07-01') }, 1000n],
    ['that gives it away', { product: 'gifts' }, 0n],
    ['of another model: the general one in force', { endpoint: endpointNamed('o', { model: 'o' }) }, 1200n],
  ];
  const perToken = { effectiveFrom: '2025-01-01', nanoUsdPerMillion: { input: 1_000_000 } };
  const book = withRates(list(row(perToken), row({ model: 'o', ...perToken })), ...rates);
  for (const [why, changes, expected] of cases) {
    test(`the rate ${why}`, () => {
      assert.equal(book.cost(used({ units: units({ input: 1000 }), ...changes })).internalNanoUsd, expected);
    });
  }

  test('an internal price goes before every rate, for its meter', () => {
    const own = internal(row({ nanoUsdPerMillion: { input: 9_000_000 } }));
    const cost = withRates([...list(listed), ...own], rate(1_000_000n)).cost(
      used({ units: units({ input: 100, output: 1 }) }),
    );
    assert.deepEqual(
      cost.lines.filter((line) => line.layer === 'internal').map((line) => [line.meter, line.nanoUsd]),
      [
        ['input', 900n],
        ['output', 9000n],
      ],
    );
  });

  test('what has only an internal price is unpriced all the same', () => {
    const cost = bookOf(internal(row({ nanoUsdPerMillion: { input: 1_000_000 } }))).cost(
      used({ units: units({ input: 10 }) }),
    );
    assert.deepEqual(
      [cost.nanoUsd, cost.listNanoUsd, cost.internalNanoUsd, cost.unpriced],
      [null, null, 10n, ['input']],
    );
  });

  test('without any, nothing is known of what is charged inside', () => {
    assert.equal(bookOf(list(listed)).cost(used({})).internalNanoUsd, null);
  });

  test('the id of the book changes with a margin', () => {
    assert.notEqual(withRates(list(listed), rate(1n)).id, withRates(list(listed), rate(2n)).id);
  });
});

suite('what is sold by images, seconds or characters', () => {
  const media = bookOf(
    list(
      row({ model: 'images', nanoUsdPerImage: { 'hd/1024x1024': 80_000_000, 'standard/1024x1024': 40_000_000 } }),
      row({ model: 'sound', nanoUsdPerMillion: { seconds: 100_000_000_000 } }),
      row({ model: 'speech', nanoUsdPerMillion: { characters: 15_000_000_000 } }),
      row({ model: 'tokens', nanoUsdPerMillion: { input: 1_000_000, output: 2_000_000 } }),
      row({ model: 'both', nanoUsdPerMillion: { input: 1_000_000, output: 2_000_000, seconds: 3_000_000 } }),
    ),
  );
  const cost = (model: string, used_: Partial<Units>) =>
    media.cost(used({ endpoint: endpointNamed('e', { model }), units: units(used_) }));
  const cases: readonly (readonly [string, string, Partial<Units>, bigint | null, readonly string[]])[] = [
    [
      'images by quality and size',
      'images',
      { images: { 'hd/1024x1024': 2, 'standard/1024x1024': 1 } },
      200_000_000n,
      [],
    ],
    ['a size without a price', 'images', { images: { 'hd/1x1': 1 } }, null, ['image:hd/1x1']],
    [
      'images, whatever the tokens are',
      'images',
      { input: null, output: null, images: { 'hd/1024x1024': 1 } },
      80_000_000n,
      [],
    ],
    ['seconds', 'sound', { seconds: 61 }, 6_100_000n, []],
    ['seconds that nobody counted', 'sound', { seconds: null }, null, ['usage unknown']],
    ['seconds, though tokens are not known', 'sound', { input: null, output: null, seconds: 10 }, 1_000_000n, []],
    ['characters', 'speech', { characters: 1000 }, 15_000_000n, []],
    [
      'tokens alone, where images are sold by tokens',
      'tokens',
      { input: 100, output: 10, images: { 'high/1x1': 3 } },
      120n,
      [],
    ],
    ['tokens alone, where the seconds are not known', 'tokens', { input: 100, output: 10, seconds: null }, 120n, []],
    ['tokens and seconds where both are sold', 'both', { input: 100, output: 10, seconds: 7 }, 141n, []],
    [
      'nothing that has a price',
      'none',
      { images: { 'hd/1024x1024': 1 }, seconds: 2 },
      null,
      ['seconds', 'image:hd/1024x1024'],
    ],
  ];
  for (const [why, model, usage, nanoUsd, unpriced] of cases) {
    test(why, () => {
      const result = cost(model, usage);
      assert.deepEqual([result.nanoUsd, result.unpriced], [nanoUsd, unpriced]);
    });
  }
});

suite('batch deployments', () => {
  const entries = list(
    row({ type: 'GlobalBatch', nanoUsdPerMillion: { input: 500_000, output: 500_000 } }),
    row({ nanoUsdPerMillion: { input: 1_000_000, output: 1_000_000 } }),
  );

  test('are charged batch prices', () => {
    const cost = bookOf(entries).cost(used({ endpoint: of('GlobalBatch'), units: units({ input: 1000 }) }));
    assert.equal(cost.nanoUsd, 500n);
  });

  test('have nothing but batch prices', () => {
    assert.deepEqual(bookOf(entries).missing(of('DataZoneBatch'), noon), ['input', 'output']);
  });
});

suite('prices for every model', () => {
  const entries = list(
    row({ model: '*', nanoUsdPerCall: { file_search: 2_500_000 } }),
    row({ model: 'm', nanoUsdPerMillion: { input: 1_000_000, output: 1_000_000 } }),
    row({ model: 'special', nanoUsdPerCall: { file_search: 1 } }),
  );
  const calls = (model: string) =>
    bookOf(entries).cost(
      used({ endpoint: endpointNamed('e', { model }), units: units({ toolCalls: { file_search: 2 } }) }),
    ).nanoUsd;

  test('hold where the model has none of its own', () => assert.equal(calls('m'), 5_000_000n));
  test('give way to one of the model', () => assert.equal(calls('special'), 2n));
});

test('an endpoint that only an old record names costs the same, and is looked up by what it says', () => {
  const book = bookOf(list(row({ nanoUsdPerMillion: { input: 1_000_000, output: 1_000_000 } })));
  const costs = Array.from({ length: 3 }, () => {
    const remembered = { model: 'm', modelVersion: null, deploymentType: 'GlobalStandard' as const, region: 'eastus' };
    return book.cost(used({ endpoint: remembered })).nanoUsd;
  });
  assert.deepEqual(costs, [1100n, 1100n, 1100n]);
});

suite('provisioned deployments', () => {
  const entries = list(
    row({ nanoUsdPerMillion: { input: 1_000_000, output: 1_000_000 } }),
    row({ type: 'DataZoneStandard', nanoUsdPerMillion: { input: 2_000_000, output: 2_000_000 } }),
  );
  const book = bookOf(entries);

  for (const type of ['ProvisionedManaged', 'DataZoneProvisionedManaged', 'GlobalProvisionedManaged'] as const) {
    test(`a call to ${type} costs nothing itself, whatever is known of it`, () => {
      for (const some of [units({ input: 1000, output: 10 }), unknownUnits]) {
        assert.deepEqual(book.cost(used({ endpoint: of(type), units: some })), {
          pricing: 'ptu',
          lines: [],
          nanoUsd: 0n,
          listNanoUsd: 0n,
          internalNanoUsd: 0n,
          unpriced: [],
        });
      }
      assert.deepEqual(book.missing(of(type), noon), []);
    });
  }

  const spilled = (type: DeploymentType) =>
    book.cost(used({ endpoint: of(type), spilledFrom: 'p', units: units({ input: 1000 }) }));

  test('a call that spilled over is priced as pay-as-you-go in the same scope', () => {
    assert.equal(spilled('GlobalProvisionedManaged').nanoUsd, 1000n);
    assert.equal(spilled('DataZoneProvisionedManaged').nanoUsd, 2000n);
    assert.equal(spilled('GlobalProvisionedManaged').pricing, 'token');
    assert.deepEqual(spilled('ProvisionedManaged').unpriced, ['input'], 'there is no regional price in this book');
  });
});

suite('what is missing for admission', () => {
  const book = bookOf(
    list(
      row({ nanoUsdPerMillion: { input: 1 } }),
      row({ effectiveFrom: '2026-07-01', nanoUsdPerMillion: { output: 1 } }),
    ),
  );

  test('the ordinary meters without a price at that moment', () => {
    assert.deepEqual(book.missing(endpoint, noon), ['output']);
    assert.deepEqual(book.missing(endpoint, day('2026-07-01')), []);
    assert.deepEqual(book.missing(endpoint, day('2025-01-01')), ['input', 'output']);
    assert.deepEqual(book.missing(endpointNamed('x', { model: 'other' }), noon), ['input', 'output']);
  });

  test('an embedding model needs no output price', () => {
    const embeddings = bookOf(list(row({ nanoUsdPerMillion: { input: 1 } })), ['input']);
    assert.deepEqual(embeddings.missing(endpoint, noon), []);
  });
});

suite('the book as a whole', () => {
  const entries = list(row({ nanoUsdPerMillion: { input: 1, output: 2 } }));

  test('its id changes with any price and not with their order', () => {
    const { id } = bookOf(entries);
    assert.equal(bookOf(entries.toReversed()).id, id);
    assert.notEqual(bookOf(entries.slice(1)).id, id);
    assert.notEqual(bookOf(list(row({ nanoUsdPerMillion: { input: 1, output: 3 } }))).id, id);
  });

  const conflicting: readonly (readonly [string, readonly PriceRowValues[], boolean])[] = [
    ['two alike', [row({ nanoUsdPerMillion: { input: 1 } }), row({ nanoUsdPerMillion: { input: 2 } })], true],
    [
      'alike from different days',
      [row({ nanoUsdPerMillion: { input: 1 } }), row({ effectiveFrom: '2026-02-01', nanoUsdPerMillion: { input: 2 } })],
      false,
    ],
    [
      'a version everywhere and every version somewhere',
      [
        row({ modelVersion: 'v', nanoUsdPerMillion: { input: 1 } }),
        row({ region: 'westeurope', effectiveFrom: '2026-02-01', nanoUsdPerMillion: { input: 2 } }),
      ],
      true,
    ],
    [
      'the same, but one ends before the other begins',
      [
        row({ modelVersion: 'v', effectiveTo: '2026-02-01', nanoUsdPerMillion: { input: 1 } }),
        row({ region: 'westeurope', effectiveFrom: '2026-02-01', nanoUsdPerMillion: { input: 2 } }),
      ],
      false,
    ],
    [
      'a region alone and among others, from one day',
      [
        row({ regions: ['eastus', 'westeurope'], nanoUsdPerMillion: { input: 1 } }),
        row({ region: 'westeurope', nanoUsdPerMillion: { input: 2 } }),
      ],
      true,
    ],
    [
      'a region alone and among others, from another day',
      [
        row({ regions: ['eastus', 'westeurope'], nanoUsdPerMillion: { input: 1 } }),
        row({ region: 'westeurope', effectiveFrom: '2026-02-01', nanoUsdPerMillion: { input: 2 } }),
      ],
      false,
    ],
    [
      'two regions',
      [
        row({ region: 'westeurope', nanoUsdPerMillion: { input: 1 } }),
        row({ region: 'eastus', nanoUsdPerMillion: { input: 2 } }),
      ],
      false,
    ],
    [
      'a version in a zone, every version in a region of it',
      [
        row({ zone: 'eu', modelVersion: 'v', nanoUsdPerMillion: { input: 1 } }),
        row({ region: 'westeurope', nanoUsdPerMillion: { input: 2 } }),
      ],
      true,
    ],
    [
      'the same in a region outside the zone',
      [
        row({ zone: 'eu', modelVersion: 'v', nanoUsdPerMillion: { input: 1 } }),
        row({ region: 'eastus', nanoUsdPerMillion: { input: 2 } }),
      ],
      false,
    ],
  ];
  for (const [why, rows, refused] of conflicting) {
    test(`${refused ? 'refuses' : 'takes'} ${why}`, () => {
      if (refused) assert.throws(() => bookOf(list(...rows)), /equally specific/);
      else assert.equal(bookOf(list(...rows)).entries.length, rows.length);
    });
  }
});

suite('the edition of the prices of an endpoint', () => {
  const given = { product: 'p', at: noon };
  const before = bookOf(list(input(1_000)));
  const edition = before.edition(endpoint, given);

  const same: readonly (readonly [string, readonly PriceEntry[]])[] = [
    [
      'the same price from elsewhere, and from another day on',
      list(input(1_000, { source: 'b', effectiveFrom: '2026-02-01' })),
    ],
    ['another price of another model', list(input(1_000), input(7, { model: 'other' }))],
    ['another price of another deployment type', list(input(1_000), input(7, { type: 'Standard' }))],
    ['a price that is not in force yet', list(input(1_000), input(7, { effectiveFrom: '2027-01-01' }))],
  ];
  for (const [name, entries] of same)
    test(`is the same with ${name}`, () => assert.equal(bookOf(entries).edition(endpoint, given), edition));

  const other: readonly (readonly [string, readonly PriceEntry[]])[] = [
    ['another amount', list(input(1_001))],
    ['another meter beside it', list(row({ nanoUsdPerMillion: { input: 1_000, output: 1 } }))],
    ['another layer', [...list(input(1_000)), ...contracted(input(900))]],
    ['another tier', list(input(1_000), input(7, { serviceTier: 'priority' }))],
    ['a long-context price', list(input(1_000), input(7, { minInputTokens: 1_000 }))],
    ['no price', []],
  ];
  for (const [name, entries] of other)
    test(`is another with ${name}`, () => assert.notEqual(bookOf(entries).edition(endpoint, given), edition));

  test('is another once a price has begun, in the same book', () => {
    const book = bookOf(list(input(1_000), input(7, { effectiveFrom: '2026-07-01' })));
    assert.equal(book.edition(endpoint, given), edition);
    assert.notEqual(book.edition(endpoint, { ...given, at: day('2026-07-01') }), edition);
  });

  test('is another for a product that is charged a margin', () => {
    const margin: InternalRate = { id: 'r', effectiveFrom: 0, product: 'dear', model: null, margin: 100_000n };
    const book = createPriceBook({ entries: list(input(1_000)), rates: [margin], zones, ordinaryMeters: () => [] });
    assert.equal(book.edition(endpoint, given), edition);
    assert.notEqual(book.edition(endpoint, { ...given, product: 'dear' }), edition);
  });
});
