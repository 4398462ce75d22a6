import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Endpoint } from '#model/endpoint.ts';
import type { PricedUsage } from '#model/price-book.ts';
import type { Units } from '#model/usage-record.ts';
import { endpointNamed } from '../../../test/support/model-objects.ts';
import type { InternalRate } from './internal-rates.ts';
import { createPriceBook } from './price-book.ts';
import { findConflicts, type PriceEntry } from './price-entry.ts';

const zones = { eu: ['westeurope', 'swedencentral'], us: ['eastus'] };
const meters = [
  'input',
  'output',
  'output',
  'input',
  'cachedInput',
  'reasoning',
  'audioOutput',
  'toolCall:t',
  'seconds',
  'characters',
  'image:high/1024x1024',
];

const entry = fc.record({
  layer: fc.constantFrom('list', 'contracted', 'internal'),
  model: fc.constantFrom('m', 'm', 'm', '*'),
  modelVersion: fc.constantFrom(null, 'v1'),
  place: fc.constantFrom(
    null,
    { kind: 'zone', name: 'eu' } as const,
    { kind: 'regions', names: ['westeurope'] } as const,
    { kind: 'regions', names: ['eastus'] } as const,
    { kind: 'regions', names: ['eastus', 'westeurope'] } as const,
  ),
  serviceTier: fc.constantFrom('default', 'priority'),
  minInputTokens: fc.constantFrom(0, 0, 500),
  meter: fc.constantFrom(...meters),
  nanoUsdPerMillion: fc.bigInt(0n, 300_000_000_000n),
  effectiveFrom: fc.integer({ min: 0, max: 4 }),
  effectiveTo: fc.constantFrom(null, null, 3, 5),
});

/** What every book has in the same way: without it, few of the drawn calls would have a price at all. */
const general = fc.record({
  meter: fc.constantFrom('input', 'output', 'cachedInput', 'audioOutput', 'toolCall:t'),
  nanoUsdPerMillion: fc.bigInt(0n, 300_000_000_000n),
});

type Drawn = Omit<PriceEntry, 'id' | 'deploymentType' | 'mode' | 'resolveBy' | 'source' | 'meterIds'>;
const everywhere: Omit<Drawn, 'meter' | 'nanoUsdPerMillion'> = {
  layer: 'list',
  model: 'm',
  modelVersion: null,
  place: null,
  serviceTier: 'default',
  minInputTokens: 0,
  effectiveFrom: -1,
  effectiveTo: null,
};

function withoutConflicts(drawn: readonly Drawn[]): readonly PriceEntry[] {
  const kept: PriceEntry[] = [];
  for (const [index, one] of drawn.entries()) {
    if (one.effectiveTo !== null && one.effectiveTo <= one.effectiveFrom) continue;
    const made: PriceEntry = {
      ...one,
      id: `p${index}`,
      deploymentType: 'GlobalStandard',
      mode: 'online',
      resolveBy: 'deployment',
      source: 'drawn',
      meterIds: [],
    };
    if (findConflicts([...kept, made], zones).length === 0) kept.push(made);
  }
  return kept;
}

const entriesArbitrary = fc
  .tuple(fc.array(general, { minLength: 3, maxLength: 12 }), fc.array(entry, { maxLength: 12 }))
  .map(([base, special]) => withoutConflicts([...base.map((one) => ({ ...everywhere, ...one })), ...special]));

const ratesArbitrary = fc
  .uniqueArray(
    fc.record({
      effectiveFrom: fc.integer({ min: -1, max: 4 }),
      product: fc.constantFrom(null, 'web', 'batch'),
      model: fc.constantFrom(null, 'm', 'other'),
      margin: fc.bigInt(-1_000_000n, 10_000_000n),
    }),
    { maxLength: 5, selector: (one) => `${one.effectiveFrom} ${one.product} ${one.model}` },
  )
  .map((drawn): readonly InternalRate[] => drawn.map((one, index) => ({ ...one, id: `r${index}` })));

const count = fc.oneof(fc.integer({ min: 0, max: 1200 }), fc.integer({ min: 0, max: 2 ** 40 }));
const part = fc.oneof(fc.constant(null), fc.constant(0), fc.integer({ min: 0, max: 300 }));
const unitsArbitrary: fc.Arbitrary<Units> = fc.record({
  input: fc.oneof({ arbitrary: count, weight: 9 }, { arbitrary: fc.constant(null), weight: 1 }),
  cachedInput: part,
  cacheWriteInput: fc.constantFrom(null, 0),
  audioInput: fc.constantFrom(null, 0),
  imageInput: fc.constantFrom(null, 0),
  output: count,
  reasoning: part,
  audioOutput: part,
  seconds: fc.constantFrom(0, 0, 0, 7, null),
  characters: fc.constantFrom(0, 0, 0, 1234, null),
  toolCalls: fc.oneof(fc.constant({}), fc.record({ t: fc.integer({ min: 0, max: 9 }) })),
  images: fc.oneof(fc.constant({}), fc.record({ 'high/1024x1024': fc.integer({ min: 0, max: 4 }) })),
});

const tierFits = (one: PriceEntry, usage: PricedUsage): boolean => one.serviceTier === (usage.serviceTier ?? 'default');
const versionFits = (one: PriceEntry, { endpoint }: PricedUsage): boolean =>
  one.modelVersion === null || one.modelVersion === endpoint.modelVersion;
const placeFits = ({ place }: PriceEntry, { endpoint: { region } }: PricedUsage): boolean =>
  place === null || (place.kind === 'regions' ? place.names.includes(region) : zones.eu.includes(region));
const timeFits = (one: PriceEntry, { at }: PricedUsage): boolean =>
  one.effectiveFrom <= at && (one.effectiveTo === null || at < one.effectiveTo);
const rules = [versionFits, placeFits, timeFits];

function weight({ model, modelVersion, place }: PriceEntry): number {
  const ofPlace = place?.kind === 'regions' ? 200 : 100;
  return (model === '*' ? 0 : 1000) + (modelVersion === null ? 0 : 100) + (place === null ? 0 : ofPlace);
}

const contextFree = (meter: string): boolean => /:|^seconds$|^characters$/.test(meter);

function slowPrice(
  entries: readonly PriceEntry[],
  usage: PricedUsage,
  what: { readonly layer: string; readonly meter: string },
): PriceEntry | undefined {
  const input = usage.units.input ?? 0;
  const applicable = entries.filter(
    (one) => one.layer === what.layer && one.minInputTokens <= input && rules.every((fits) => fits(one, usage)),
  );
  const band = Math.max(0, ...applicable.map((one) => one.minInputTokens));
  return applicable
    .filter((one) => tierFits(one, usage) && one.meter === what.meter)
    .filter((one) => one.minInputTokens === band || contextFree(what.meter))
    .toSorted((a, b) => weight(b) - weight(a) || b.effectiveFrom - a.effectiveFrom)[0];
}

const layers = ['list', 'contracted', 'internal'];

type Quantity = readonly [meter: string, quantity: number];

function slowTokens(units: Units, apart: boolean): readonly Quantity[] | null {
  const { input, output, cachedInput, cacheWriteInput, audioInput, imageInput, reasoning, audioOutput } = units;
  if (input === null || output === null) return null;
  const parts: Quantity[] = [
    ['cachedInput', cachedInput ?? 0],
    ['cacheWriteInput', cacheWriteInput ?? 0],
    ['audioInput', audioInput ?? 0],
    ['imageInput', imageInput ?? 0],
  ];
  const [thought, spoken] = [reasoning ?? 0, audioOutput ?? 0];
  const rest = input - parts.reduce((sum, [, one]) => sum + one, 0);
  const restOut = output - thought - spoken;
  if (rest < 0 || restOut < 0) return null;
  const written: Quantity[] = apart
    ? [
        ['output', restOut],
        ['reasoning', thought],
      ]
    : [['output', restOut + thought]];
  return [['input', rest], ...parts, ...written, ['audioOutput', spoken]];
}

/** What is charged, by meter; null where the usage cannot be charged at all. */
function slowCharges({ units }: PricedUsage, has: (meter: string) => boolean): readonly Quantity[] | null {
  const tokensSold = ['input', 'output', 'audioOutput'].some(has);
  const workSold = ['seconds', 'characters', 'image:high/1024x1024'].some(has);
  const tokens = tokensSold || !workSold ? slowTokens(units, has('reasoning')) : [];
  if (tokens === null) return null;
  const work = [
    ['seconds', units.seconds] as const,
    ['characters', units.characters] as const,
    ...Object.entries(units.images).map(([kind, made]) => [`image:${kind}`, made] as const),
  ].filter(([meter]) => !tokensSold || has(meter));
  if (work.some(([meter, quantity]) => quantity === null && has(meter))) return null;
  const calls = Object.entries(units.toolCalls).map(([tool, made]): Quantity => [`toolCall:${tool}`, made]);
  const known = work.flatMap(([meter, quantity]): Quantity[] => (quantity === null ? [] : [[meter, quantity]]));
  return [...tokens, ...known, ...calls].filter(([, quantity]) => quantity !== 0);
}

interface SlowCost {
  readonly paid: bigint | null;
  readonly list: bigint | null;
  readonly internal: bigint | null;
}
const nothingKnown: SlowCost = { paid: null, list: null, internal: null };
const plus = (sum: bigint | null, amount: bigint | undefined): bigint | null =>
  sum === null || amount === undefined ? null : sum + amount;

/** The rules once more, as plainly as possible: every entry, every meter, every layer by itself, no memory. */
function slowCost(entries: readonly PriceEntry[], rates: readonly InternalRate[], usage: PricedUsage): SlowCost {
  const exists = (meter: string): boolean => layers.some((layer) => slowPrice(entries, usage, { layer, meter }));
  const charges = slowCharges(usage, exists);
  if (charges === null) return nothingKnown;
  const amountOn = (layer: string, meter: string, quantity: number): bigint | undefined => {
    const own = slowPrice(entries, usage, { layer, meter });
    const found = own ?? (meter === 'reasoning' ? slowPrice(entries, usage, { layer, meter: 'output' }) : undefined);
    return found === undefined ? undefined : halfEven(BigInt(quantity) * found.nanoUsdPerMillion);
  };
  const rate = slowRate(rates, usage);
  let { paid, list, internal }: SlowCost = { paid: 0n, list: 0n, internal: 0n };
  for (const [meter, quantity] of charges) {
    const onList = amountOn('list', meter, quantity);
    const due = amountOn('contracted', meter, quantity) ?? onList;
    const inside = amountOn('internal', meter, quantity);
    const withMargin = due === undefined || rate === undefined ? undefined : halfEven(due * (1_000_000n + rate.margin));
    paid = plus(paid, due);
    list = plus(list, onList);
    internal = plus(internal, inside ?? withMargin);
  }
  return { paid, list, internal };
}

const worth = (one: InternalRate): number => (one.product === null ? 0 : 2) + (one.model === null ? 0 : 1);

function slowRate(rates: readonly InternalRate[], { endpoint, product, at }: PricedUsage): InternalRate | undefined {
  return rates
    .filter((one) => one.effectiveFrom <= at)
    .filter((one) => one.product === null || one.product === product)
    .filter((one) => one.model === null || one.model === endpoint.model)
    .toSorted((a, b) => worth(b) - worth(a) || b.effectiveFrom - a.effectiveFrom)[0];
}

function halfEven(millionths: bigint): bigint {
  const [whole, left] = [millionths / 1_000_000n, millionths % 1_000_000n];
  const up = left > 500_000n || (left === 500_000n && whole % 2n === 1n);
  return up ? whole + 1n : whole;
}

const endpoints: readonly Endpoint[] = ['westeurope', 'swedencentral', 'eastus', 'japaneast'].flatMap((region) =>
  [null, 'v1'].map((modelVersion) => endpointNamed(`${region}-${modelVersion}`, { model: 'm', region, modelVersion })),
);

const usageArbitrary = fc.record({
  endpoint: fc.constantFrom(...endpoints),
  units: unitsArbitrary,
  serviceTier: fc.constantFrom(null, 'default', null, 'priority'),
  reportedModel: fc.constantFrom(null, 'm'),
  spilledFrom: fc.constant(null),
  product: fc.constantFrom(null, 'web', 'batch'),
  at: fc.integer({ min: -1, max: 6 }),
});

test('agrees with a slow reading of the rules on all layers, whatever the prices, the usage and the order of calls', () => {
  const seen = { paid: 0, list: 0, internal: 0 };
  fc.assert(
    fc.property(
      entriesArbitrary,
      ratesArbitrary,
      fc.array(usageArbitrary, { minLength: 1, maxLength: 12 }),
      (entries, rates, calls) => {
        const book = createPriceBook({ entries, rates, zones, ordinaryMeters: () => ['input', 'output'] });
        for (const call of calls) {
          const cost = book.cost(call);
          const expected = slowCost(entries, rates, call);
          assert.deepEqual(
            { paid: cost.nanoUsd, list: cost.listNanoUsd, internal: cost.internalNanoUsd },
            expected,
            JSON.stringify(call),
          );
          assert.equal(cost.unpriced.length > 0, expected.paid === null);
          // An endpoint that only an old record remembers costs the same.
          const { model, modelVersion, deploymentType, region } = call.endpoint;
          const remembered = { ...call, endpoint: { model, modelVersion, deploymentType, region } };
          assert.deepEqual(book.cost(remembered), cost);
          for (const layer of ['paid', 'list', 'internal'] as const) if ((expected[layer] ?? 0n) > 0n) seen[layer] += 1;
        }
      },
    ),
    { numRuns: 2000 },
  );
  assert.ok(
    seen.paid > 2000 && seen.list > 2000 && seen.internal > 800,
    `too few calls cost anything: ${JSON.stringify(seen)}`,
  );
});

const sum = (amounts: readonly bigint[]): bigint => amounts.reduce((total, one) => total + one, 0n);

test('the lines of a call add up to its cost on every layer', () => {
  fc.assert(
    fc.property(entriesArbitrary, ratesArbitrary, usageArbitrary, (entries, rates, call) => {
      const book = createPriceBook({ entries, rates, zones, ordinaryMeters: () => ['input', 'output'] });
      const { lines, nanoUsd, listNanoUsd, internalNanoUsd } = book.cost(call);
      const on = (layer: string): readonly bigint[] =>
        lines.filter((one) => one.layer === layer).map((one) => one.nanoUsd);
      if (listNanoUsd !== null) assert.equal(sum(on('list')), listNanoUsd);
      if (internalNanoUsd !== null) assert.equal(sum(on('internal')), internalNanoUsd);
      const contracted = new Set(lines.filter((one) => one.layer === 'contracted').map((one) => one.meter));
      const paid = lines.filter((one) => one.layer === (contracted.has(one.meter) ? 'contracted' : 'list'));
      if (nanoUsd !== null) assert.equal(sum(paid.map((one) => one.nanoUsd)), nanoUsd);
    }),
    { numRuns: 1000 },
  );
});
