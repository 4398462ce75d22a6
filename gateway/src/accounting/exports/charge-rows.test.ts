import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as fc from 'fast-check';
import { ledgerLines } from '#model/ledger-lines.ts';
import { lineStanding, type CostLine, type PriceLayer } from '#model/money.ts';
import { noUnits } from '#model/usage-record.ts';
import { chargeRows, chargedInside, type ChargeRow, type ChargeLine } from './charge-rows.ts';
import { chargeSeries } from '../../../test/support/charges.ts';

const series = chargeSeries();
const { cost, layer, unpriced } = lineStanding;

function line(changes: Partial<ChargeLine>): ChargeLine {
  const standing = cost | layer;
  const plain = { series, outcome: 'completed' as const, layer: 'list' as const, meter: 'input', standing };
  return { ...plain, priceId: 'list/a', units: 10n, nanoUsd: 100n, ...changes };
}

const part = (priced: ChargeRow['list']): string =>
  priced === null ? '–' : `${priced.priceId}=${priced.nanoUsd}${priced.counts ? '' : '!'}`;

const shown = (rows: readonly ChargeRow[]): readonly string[] =>
  rows.map(({ meter, units, list, charged, internal, unpriced: open }) => {
    return `${meter} ${units} ${part(list)} ${part(charged)} ${part(internal)}${open ? ' unpriced' : ''}`;
  });

suite('lines of the ledger, side by side', () => {
  test('an internal rate stays with the calls that it is charged for, though others of the series have none', () => {
    const [inside, paid] = [lineStanding.inside, 'ptu'];
    const rows = chargeRows([
      line({ priceId: paid, nanoUsd: 0n, units: 90n, standing: cost | layer | inside }),
      line({ standing: cost | layer | inside }),
      line({ layer: 'internal', priceId: 'internal/a', nanoUsd: 112n, standing: layer | inside }),
      line({ units: 20n, nanoUsd: 200n }),
    ]);
    assert.deepEqual(shown(rows), [
      'input 20 list/a=200 list/a=200 –',
      'input 10 list/a=100 list/a=100 internal/a=112',
      'input 90 ptu=0 ptu=0 –',
    ]);
    assert.deepEqual(rows.map(chargedInside), [200n, 112n, 0n]);
  });

  test('a list price alone is charged', () => {
    assert.deepEqual(shown(chargeRows([line({})])), ['input 10 list/a=100 list/a=100 –']);
  });

  test('a contracted price takes the place of the list price, an internal rate stands beside both', () => {
    const rows = chargeRows([
      line({ standing: layer }),
      line({ layer: 'contracted', priceId: 'contracted/a', nanoUsd: 80n }),
      line({ layer: 'internal', priceId: 'internal/a', nanoUsd: 120n, standing: layer }),
    ]);
    assert.deepEqual(shown(rows), ['input 10 list/a=100 contracted/a=80 internal/a=120']);
  });

  test('two list prices under one contracted price are two rows, and nothing is lost in cutting', () => {
    const rows = chargeRows([
      line({ standing: layer, units: 1n, nanoUsd: 10n }),
      line({ standing: layer, units: 2n, nanoUsd: 30n, priceId: 'list/b' }),
      line({ layer: 'contracted', priceId: 'contracted/a', units: 3n, nanoUsd: 100n }),
    ]);
    assert.deepEqual(shown(rows), ['input 1 list/a=10 contracted/a=33 –', 'input 2 list/b=30 contracted/a=67 –']);
  });

  test('what has no list price has none in its row', () => {
    const rows = chargeRows([line({ layer: 'contracted', priceId: 'contracted/a' })]);
    assert.deepEqual(shown(rows), ['input 10 – contracted/a=100 –']);
  });

  test('calls whose cost is not known are apart from those whose cost is, also of one price', () => {
    const rows = chargeRows([
      line({}),
      line({ standing: unpriced, units: 7n, nanoUsd: 70n }),
      line({ standing: unpriced, meter: 'output', priceId: '', units: 5n, nanoUsd: 0n }),
    ]);
    assert.deepEqual(shown(rows).toSorted(), [
      'input 10 list/a=100 list/a=100 –',
      'input 7 list/a=70! – – unpriced',
      'output 5 – – – unpriced',
    ]);
  });

  test('what is taken back is not mixed with what is added', () => {
    const rows = chargeRows([
      line({ units: -10n, nanoUsd: -100n }),
      line({ priceId: 'list/b', units: 10n, nanoUsd: 70n }),
    ]);
    assert.deepEqual(shown(rows), ['input -10 list/a=-100 list/a=-100 –', 'input 10 list/b=70 list/b=70 –']);
  });

  test('series that differ only in what a charge does not show are one', () => {
    const rows = chargeRows([line({}), line({ series: chargeSeries() })]);
    assert.deepEqual(shown(rows), ['input 20 list/a=200 list/a=200 –']);
  });
});

/** Calls with prices of every kind, as price books make them. */
const callArbitrary = fc.record({
  meters: fc.uniqueArray(fc.constantFrom('input', 'cachedInput', 'output'), { minLength: 1 }),
  units: fc.integer({ min: 1, max: 1_000_000 }),
  listed: fc.constantFrom('none', 'a', 'b'),
  contracted: fc.constantFrom('none', 'none', 'a', 'b'),
  internal: fc.constantFrom('none', 'a', 'b'),
  missing: fc.constantFrom(0, 0, 0, 1),
  nano: fc.bigInt(0n, 10n ** 12n),
  consumer: fc.constantFrom('web', 'batch'),
  ptu: fc.constantFrom(false, false, false, true),
});
type Call = typeof callArbitrary extends fc.Arbitrary<infer Value> ? Value : never;

interface Booked {
  readonly lines: readonly ChargeLine[];
  readonly cost: bigint | null;
  readonly list: bigint | null;
  readonly internal: bigint | null;
}

const plus = (sum: bigint | null | undefined, amount: bigint | null): bigint | null =>
  sum === null || sum === undefined || amount === null ? null : sum + amount;

function booked(call: Call): Booked {
  const lines: CostLine[] = [];
  let [total, list, internal]: (bigint | null)[] = [0n, 0n, 0n];
  const unpricedMeters: string[] = [];
  call.meters.forEach((meter, index) => {
    const at = (name: PriceLayer, kind: string): bigint | null => {
      if (kind === 'none' || (call.missing === 1 && index === 0)) return null;
      const nanoUsd = call.nano / BigInt(index + (name === 'list' ? 1 : 2));
      lines.push({ layer: name, meter, units: call.units, priceId: `${name}/${kind}/${meter}`, nanoUsd });
      return nanoUsd;
    };
    const [ofList, ofContract, ofRate] = [
      at('list', call.listed),
      at('contracted', call.contracted),
      at('internal', call.internal),
    ];
    list = plus(list, ofList);
    internal = plus(internal, ofRate);
    if (ofContract === null && ofList === null) unpricedMeters.push(meter);
    total = plus(total, ofContract ?? ofList);
  });
  const units = { ...noUnits, input: call.units * 2, cachedInput: call.units, output: call.units };
  const valued = call.ptu
    ? { pricing: 'ptu' as const, costNano: 0n, listNano: 0n, internalNano: 0n, unpriced: [], lines: [] }
    : {
        pricing: 'token' as const,
        costNano: total ?? null,
        listNano: total === null ? null : (list ?? null),
        internalNano: internal ?? null,
        unpriced: unpricedMeters,
        lines,
      };
  const of = chargeSeries({ consumer: call.consumer });
  return {
    lines: ledgerLines(valued, units).map((one) => ({
      ...one,
      series: of,
      outcome: 'completed',
      units: BigInt(one.units),
    })),
    cost: valued.costNano,
    list: valued.listNano,
    internal: valued.internalNano,
  };
}

const total = (amounts: readonly (bigint | null)[]): bigint =>
  amounts.reduce<bigint>((sum, one) => sum + (one ?? 0n), 0n);

const counted = (rows: readonly ChargeRow[], side: 'list' | 'charged' | 'internal'): bigint =>
  total(rows.map((row) => (row[side]?.counts === true ? row[side].nanoUsd : 0n)));

suite('charges of arbitrary calls', () => {
  test('add up to what the records say, on every layer, whatever met', () => {
    fc.assert(
      fc.property(fc.array(callArbitrary, { maxLength: 30 }), (calls) => {
        const all = calls.map(booked);
        const rows = chargeRows(all.flatMap((one) => one.lines));
        assert.equal(counted(rows, 'charged'), total(all.map((one) => one.cost)));
        assert.equal(counted(rows, 'list'), total(all.map((one) => one.list)));
        assert.equal(counted(rows, 'internal'), total(all.map((one) => one.internal)));
        assert.equal(total(rows.map(chargedInside)), total(all.map((one) => one.internal ?? one.cost)));
      }),
    );
  });

  test('keep the units and the amount of every price', () => {
    fc.assert(
      fc.property(fc.array(callArbitrary, { maxLength: 30 }), (calls) => {
        const lines = calls.flatMap((call) => booked(call).lines);
        const rows = chargeRows(lines);
        const sums = new Map<string, readonly [bigint, bigint]>();
        const note = (key: string, units: bigint, nanoUsd: bigint): void => {
          const [a, b] = sums.get(key) ?? [0n, 0n];
          sums.set(key, [a + units, b + nanoUsd]);
        };
        for (const one of lines) if (one.priceId !== '') note(`${one.layer} ${one.priceId}`, one.units, one.nanoUsd);
        for (const { units, list, charged, internal } of rows) {
          if (list !== null) note(`list ${list.priceId}`, -units, -list.nanoUsd);
          if (charged?.priceId.startsWith('contracted/') === true)
            note(`contracted ${charged.priceId}`, -units, -charged.nanoUsd);
          if (internal !== null) note(`internal ${internal.priceId}`, -units, -internal.nanoUsd);
        }
        // The contracted price of calls whose cost is not known is not shown: it charges nothing.
        const left = [...sums].filter(([key, [units]]) => units !== 0n && !key.startsWith('contracted '));
        assert.deepEqual(left, []);
      }),
    );
  });
});
