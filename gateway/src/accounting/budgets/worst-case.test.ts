import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import type { PriceEntry } from '#accounting/cost/price-entry.ts';
import type { PriceRowValues } from '#accounting/cost/price-row.ts';
import type { Admission } from '#model/admission.ts';
import type { Endpoint } from '#model/endpoint.ts';
import { noUnits, type Units } from '#model/usage-record.ts';
import { callerOf, exchangeOf, subscriptionWith } from '../../../test/support/exchanges.ts';
import { endpointNamed, routeOver } from '../../../test/support/model-objects.ts';
import { bookOf, pricesOf } from '../../../test/support/price-books.ts';
import type { CallBounds } from './call-bounds.ts';
import { WorstCase } from './worst-case.ts';

const at = Date.UTC(2026, 10, 25);

function admissionOf(endpoints: readonly Endpoint[], body: object = {}): Admission {
  return {
    exchange: exchangeOf({ messages: [], ...body }),
    caller: callerOf(subscriptionWith()),
    route: routeOver([endpoints.map((one) => [one, 1] as const)]),
    edits: new Map(),
    binding: null,
  };
}

function boundsWith(changes: Partial<CallBounds> = {}): CallBounds {
  const bounds = { input: 1000, output: 100, toolCalls: {}, audio: false, images: false, ...changes };
  return { ...bounds, inputWith: () => bounds.input };
}

interface Asked {
  readonly entries: readonly PriceEntry[];
  readonly endpoints?: readonly Endpoint[];
  readonly body?: object;
  readonly bounds?: Partial<CallBounds>;
}

function worst({ entries, endpoints = [endpointNamed('weu')], body = {}, bounds = {} }: Asked): bigint | null {
  const asked = boundsWith(bounds);
  return new WorstCase(bookOf(entries)).of(admissionOf(endpoints, body), { bounds: asked, input: asked.input, at });
}

/** What rounding may add. */
const rounding = 10n;
const usd = (dollars: number): bigint => BigInt(dollars * 1000) * 1_000_000n;
const prices = (amounts: Readonly<Record<string, bigint>>, row: Partial<PriceRowValues> = {}) =>
  pricesOf(amounts, 'list', row);

/** 1,000 tokens of input and 100 of output. */
const ordinary = { input: usd(2), output: usd(10) };

describe('the most that a call may cost is', () => {
  const cases: readonly (readonly [what: string, asked: Asked, nano: bigint | null])[] = [
    ['its bounds at their prices', { entries: prices(ordinary) }, 2_000_000n + 1_000_000n],
    [
      'that of writing the prompt into the cache, where that costs more',
      { entries: prices({ ...ordinary, cachedInput: usd(1), cacheWriteInput: usd(3) }) },
      3_000_000n + 1_000_000n,
    ],
    [
      'not that of reading it from the cache',
      { entries: prices({ ...ordinary, cachedInput: usd(1) }) },
      2_000_000n + 1_000_000n,
    ],
    [
      'that of reasoning, where that costs more than output',
      { entries: prices({ ...ordinary, reasoning: usd(20) }) },
      2_000_000n + 2_000_000n,
    ],
    [
      'that of sound, where there may be sound',
      { entries: prices({ ...ordinary, audioInput: usd(40), audioOutput: usd(80) }), bounds: { audio: true } },
      40_000_000n + 8_000_000n,
    ],
    [
      'not that of sound, where there is none',
      { entries: prices({ ...ordinary, audioInput: usd(40), audioOutput: usd(80) }) },
      2_000_000n + 1_000_000n,
    ],
    [
      'that of pictures, where there are pictures',
      { entries: prices({ ...ordinary, imageInput: usd(5) }), bounds: { images: true } },
      5_000_000n + 1_000_000n,
    ],
    [
      'that of the dearest deployment that may serve it',
      {
        entries: [...prices(ordinary), ...prices({ input: usd(3), output: usd(30) }, { type: 'Standard' })],
        endpoints: [endpointNamed('weu'), endpointNamed('regional', { deploymentType: 'Standard' })],
      },
      3_000_000n + 3_000_000n,
    ],
    [
      'not known, where one of them has no price',
      {
        entries: prices(ordinary),
        endpoints: [endpointNamed('weu'), endpointNamed('regional', { deploymentType: 'Standard' })],
      },
      null,
    ],
    [
      'that of the priority tier, which a deployment may have as its own',
      { entries: [...prices(ordinary), ...prices({ input: usd(4), output: usd(20) }, { serviceTier: 'priority' })] },
      4_000_000n + 2_000_000n,
    ],
    [
      'that of the tier that it asks for',
      {
        entries: [...prices(ordinary), ...prices({ input: usd(4), output: usd(20) }, { serviceTier: 'priority' })],
        body: { service_tier: 'default' },
      },
      2_000_000n + 1_000_000n,
    ],
    [
      'not known, where the tier that it asks for has no price',
      { entries: prices(ordinary, { serviceTier: 'priority' }), body: { service_tier: 'default' } },
      null,
    ],
    [
      'that of a long context, where it may be one',
      {
        entries: [...prices(ordinary), ...prices({ input: usd(4), output: usd(15) }, { minInputTokens: 200_000 })],
        bounds: { input: 300_000 },
      },
      1_200_000_000n + 1_500_000n,
    ],
    [
      'with what its tools cost by the call',
      {
        entries: [...prices(ordinary), ...prices({}, { nanoUsdPerCall: { web_search: usd(0.01) } })],
        bounds: { toolCalls: { web_search: 3 } },
      },
      2_000_000n + 1_000_000n + 30_000_000n,
    ],
    [
      'not known, where a tool has no price',
      { entries: prices(ordinary), bounds: { toolCalls: { web_search: 3 } } },
      null,
    ],
    [
      'that of what a provisioned deployment may let spill over, though itself costs nothing by the call',
      { entries: prices(ordinary), endpoints: [endpointNamed('ptu', { deploymentType: 'GlobalProvisionedManaged' })] },
      2_000_000n + 1_000_000n,
    ],
  ];
  for (const [what, asked, nano] of cases)
    test(what, () => {
      assert.equal(worst(asked), nano === null ? null : nano + rounding);
    });

  test('that of the dearer layer, contracted or list', () => {
    const entries = [...prices(ordinary), ...pricesOf({ input: usd(1), output: usd(50) }, 'contracted')];
    assert.equal(worst({ entries }), 6_000_000n + rounding);
  });
});

test('no call that stays within its bounds costs more, whatever its tokens are made of', () => {
  const amount = fc.integer({ min: 0, max: 100_000 }).map(usd);
  const meters = ['cachedInput', 'cacheWriteInput', 'audioInput', 'imageInput', 'reasoning', 'audioOutput'] as const;
  const priced = fc.record({
    input: amount,
    output: amount,
    ...Object.fromEntries(meters.map((meter) => [meter, amount])),
  });
  const share = fc.integer({ min: 0, max: 100 });
  fc.assert(
    fc.property(
      fc.record({ list: priced, contracted: fc.option(priced), priority: fc.option(priced) }),
      fc.record({
        input: fc.nat(300_000),
        output: fc.nat(100_000),
        of: fc.array(share, { minLength: 6, maxLength: 6 }),
      }),
      fc.constantFrom(null, 'priority', 'default'),
      ({ list, contracted, priority }, { input, output, of }, serviceTier) => {
        const entries = [
          ...prices(list),
          ...(contracted === null ? [] : pricesOf(contracted, 'contracted')),
          ...(priority === null ? [] : prices(priority, { serviceTier: 'priority' })),
        ];
        const book = bookOf(entries);
        const endpoint = endpointNamed('weu');
        const bounds = boundsWith({ input, output, audio: true, images: true });
        const most = new WorstCase(book).of(admissionOf([endpoint]), { bounds, input, at });
        // Parts of the input are disjoint, and so are those of the output.
        let [inputLeft, outputLeft] = [input, output];
        const units: Record<string, number> = { input, output };
        meters.forEach((meter, place) => {
          const isOutput = meter === 'reasoning' || meter === 'audioOutput';
          const part = Math.floor(((isOutput ? outputLeft : inputLeft) * (of[place] ?? 0)) / 100);
          units[meter] = part;
          if (isOutput) outputLeft -= part;
          else inputLeft -= part;
        });
        const used: Units = { ...noUnits, ...units };
        const { nanoUsd, listNanoUsd } = book.cost({
          endpoint,
          units: used,
          serviceTier: serviceTier === 'default' ? null : serviceTier,
          reportedModel: null,
          spilledFrom: null,
          product: 'standard',
          at,
        });
        for (const cost of [nanoUsd, listNanoUsd])
          if (cost !== null) assert.ok(most !== null && cost <= most, `${cost} above ${most}`);
      },
    ),
    { numRuns: 500 },
  );
});
