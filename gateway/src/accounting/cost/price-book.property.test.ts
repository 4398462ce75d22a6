import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Endpoint } from '#model/endpoint.ts';
import type { PricedUsage } from '#model/price-book.ts';
import type { Units } from '#model/usage-record.ts';
import { endpointNamed } from '../../../test/support/model-objects.ts';
import { createPriceBook } from './price-book.ts';
import { findConflicts, type PriceEntry } from './price-entry.ts';

const zones = { eu: ['westeurope', 'swedencentral'], us: ['eastus'] };
const partsOfInput = ['cachedInput', 'cacheWriteInput', 'audioInput', 'imageInput'] as const;

const entry = fc.record({
  layer: fc.constantFrom('list', 'contracted'),
  modelVersion: fc.constantFrom(null, 'v1'),
  place: fc.constantFrom(
    null,
    { kind: 'zone', name: 'eu' } as const,
    { kind: 'region', name: 'westeurope' } as const,
    { kind: 'region', name: 'eastus' } as const,
  ),
  serviceTier: fc.constantFrom('default', 'priority'),
  minInputTokens: fc.constantFrom(0, 0, 500),
  meter: fc.constantFrom('input', 'output', 'output', 'input', 'cachedInput', 'reasoning', 'audioOutput', 'toolCall:t'),
  nanoUsdPerMillion: fc.bigInt(0n, 300_000_000_000n),
  effectiveFrom: fc.integer({ min: 0, max: 4 }),
  effectiveTo: fc.constantFrom(null, null, 3, 5),
});

/** What every book has in the same way: without it, few of the drawn calls would have a price at all. */
const general = fc.record({
  meter: fc.constantFrom('input', 'output', 'cachedInput', 'audioOutput', 'toolCall:t'),
  nanoUsdPerMillion: fc.bigInt(0n, 300_000_000_000n),
});

type Drawn = Omit<PriceEntry, 'id' | 'model' | 'deploymentType' | 'mode' | 'resolveBy' | 'source'>;
const everywhere: Omit<Drawn, 'meter' | 'nanoUsdPerMillion'> = {
  layer: 'list',
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
      model: 'm',
      deploymentType: 'GlobalStandard',
      mode: 'online',
      resolveBy: 'deployment',
      source: 'drawn',
    };
    if (findConflicts([...kept, made], zones).length === 0) kept.push(made);
  }
  return kept;
}

const entriesArbitrary = fc
  .tuple(fc.array(general, { minLength: 4, maxLength: 12 }), fc.array(entry, { maxLength: 12 }))
  .map(([base, special]) => withoutConflicts([...base.map((one) => ({ ...everywhere, ...one })), ...special]));

const count = fc.oneof(fc.integer({ min: 0, max: 1200 }), fc.integer({ min: 0, max: 2 ** 40 }));
const part = fc.oneof(fc.constant(null), fc.constant(0), fc.integer({ min: 0, max: 300 }));
const unitsArbitrary: fc.Arbitrary<Units> = fc.record({
  input: count,
  cachedInput: part,
  cacheWriteInput: fc.constantFrom(null, 0),
  audioInput: fc.constantFrom(null, 0),
  imageInput: fc.constantFrom(null, 0),
  output: count,
  reasoning: part,
  audioOutput: part,
  seconds: fc.constant(0),
  characters: fc.constant(0),
  images: fc.constant({}),
  toolCalls: fc.oneof(fc.constant({}), fc.record({ t: fc.integer({ min: 0, max: 9 }) })),
});

const tierFits = (one: PriceEntry, usage: PricedUsage): boolean => one.serviceTier === (usage.serviceTier ?? 'default');
const versionFits = (one: PriceEntry, { endpoint }: PricedUsage): boolean =>
  one.modelVersion === null || one.modelVersion === endpoint.modelVersion;
const placeFits = ({ place }: PriceEntry, { endpoint: { region } }: PricedUsage): boolean =>
  place === null || place.name === region || (place.name === 'eu' && zones.eu.includes(region));
const timeFits = (one: PriceEntry, { at }: PricedUsage): boolean =>
  one.effectiveFrom <= at && (one.effectiveTo === null || at < one.effectiveTo);
const rules = [versionFits, placeFits, timeFits];

function weight({ modelVersion, place }: PriceEntry): number {
  const ofPlace = place?.kind === 'region' ? 200 : 100;
  return (modelVersion === null ? 0 : 100) + (place === null ? 0 : ofPlace);
}

function slowPrice(entries: readonly PriceEntry[], usage: PricedUsage, meter: string): PriceEntry | undefined {
  const input = usage.units.input ?? 0;
  for (const layer of ['contracted', 'list']) {
    const applicable = entries.filter(
      (one) => one.layer === layer && one.minInputTokens <= input && rules.every((fits) => fits(one, usage)),
    );
    const band = Math.max(0, ...applicable.map((one) => one.minInputTokens));
    const [found] = applicable
      .filter((one) => tierFits(one, usage))
      .filter((one) => one.meter === meter && (one.minInputTokens === band || meter.startsWith('toolCall:')))
      .toSorted((a, b) => weight(b) - weight(a) || b.effectiveFrom - a.effectiveFrom);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The rules of the money document once more, as plainly as possible: every entry, every meter, no memory. */
function slowCost(entries: readonly PriceEntry[], usage: PricedUsage): bigint | null {
  const { input, output, toolCalls, images: _images, ...parts } = usage.units;
  if (input === null || output === null) return null;
  const known = (meter: keyof typeof parts): number => parts[meter] ?? 0;
  const rest = input - partsOfInput.reduce((sum, one) => sum + known(one), 0);
  const restOut = output - known('reasoning') - known('audioOutput');
  if (rest < 0 || restOut < 0) return null;
  const apart = slowPrice(entries, usage, 'reasoning') !== undefined;
  const charges: [string, number][] = [
    ['input', rest],
    ...partsOfInput.map((one): [string, number] => [one, known(one)]),
    ['output', apart ? restOut : restOut + known('reasoning')],
    ['reasoning', apart ? known('reasoning') : 0],
    ['audioOutput', known('audioOutput')],
    ...Object.entries(toolCalls).map(([tool, calls]): [string, number] => [`toolCall:${tool}`, calls]),
  ];
  let total = 0n;
  for (const [meter, quantity] of charges.filter(([, one]) => one !== 0)) {
    const found = slowPrice(entries, usage, meter);
    if (found === undefined) return null;
    total += halfEven(BigInt(quantity) * found.nanoUsdPerMillion);
  }
  return total;
}

function halfEven(millionths: bigint): bigint {
  const [whole, left] = [millionths / 1_000_000n, millionths % 1_000_000n];
  const up = left > 500_000n || (left === 500_000n && whole % 2n === 1n);
  return up ? whole + 1n : whole;
}

const endpoints: readonly Endpoint[] = ['westeurope', 'swedencentral', 'eastus', 'japaneast'].flatMap((region) =>
  [null, 'v1'].map((modelVersion) => endpointNamed(`${region}-${modelVersion}`, { model: 'm', region, modelVersion })),
);

test('agrees with a slow reading of the rules, whatever the prices, the usage and the order of calls', () => {
  const usage = fc.record({
    endpoint: fc.constantFrom(...endpoints),
    units: unitsArbitrary,
    serviceTier: fc.constantFrom(null, 'default', null, 'priority'),
    reportedModel: fc.constantFrom(null, 'm'),
    spilledFrom: fc.constant(null),
    at: fc.integer({ min: -1, max: 6 }),
  });
  let pricedCalls = 0;
  fc.assert(
    fc.property(entriesArbitrary, fc.array(usage, { minLength: 1, maxLength: 12 }), (entries, calls) => {
      const book = createPriceBook({ entries, zones, ordinaryMeters: () => ['input', 'output'] });
      for (const call of calls) {
        const cost = book.cost(call);
        const expected = slowCost(entries, call);
        assert.equal(cost.nanoUsd, expected);
        assert.equal(cost.unpriced.length > 0, expected === null);
        if (expected !== null && expected > 0n) pricedCalls += 1;
      }
    }),
    { numRuns: 2000 },
  );
  assert.ok(pricedCalls > 2000, `only ${pricedCalls} calls cost anything: the draw proves nothing`);
});
