import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ledgerLines, type Valued } from './ledger-lines.ts';
import { lineStanding, type CostLine } from './money.ts';
import { noUnits, type Units } from './usage-record.ts';

const line = (layer: CostLine['layer'], meter: string): CostLine => ({
  layer,
  meter,
  units: 1,
  priceId: `${layer}/${meter}`,
  nanoUsd: 5n,
});
const known: Valued = {
  pricing: 'token',
  costNano: 5n,
  listNano: 5n,
  internalNano: null,
  unpriced: [],
  lines: [line('list', 'input')],
};
const units: Units = {
  ...noUnits,
  input: 1000,
  cachedInput: 400,
  audioInput: 100,
  output: 300,
  reasoning: 200,
  audioOutput: 50,
  toolCalls: { web_search: 2 },
  images: { 'high/1024x1024': 3 },
};

function shown(valued: Partial<Valued>, used: Partial<Units> = {}): readonly string[] {
  return ledgerLines({ ...known, ...valued }, { ...units, ...used }).map(
    (one) => `${one.layer} ${one.meter} ${one.units} ${one.priceId} ${one.standing}`,
  );
}

const { cost, layer, unpriced, inside } = lineStanding;

suite('the lines that the ledger adds up', () => {
  const cases: readonly (readonly [string, Partial<Valued>, readonly string[]])[] = [
    ['a list price is charged where nothing is contracted', {}, [`list input 1 list/input ${cost | layer}`]],
    [
      'a list price beside a contracted one is part of the list sum alone',
      { lines: [line('list', 'input'), line('contracted', 'input')] },
      [`list input 1 list/input ${layer}`, `contracted input 1 contracted/input ${cost | layer}`],
    ],
    [
      'a list sum that is not known has no parts',
      { listNano: null, lines: [line('list', 'input'), line('contracted', 'output')] },
      [`list input 1 list/input ${cost}`, `contracted output 1 contracted/output ${cost | layer}`],
    ],
    [
      'internal rates are no part of the cost',
      { internalNano: 5n, lines: [line('list', 'input'), line('internal', 'input')] },
      [`list input 1 list/input ${cost | layer | inside}`, `internal input 1 internal/input ${layer | inside}`],
    ],
    [
      'what an unpriced call used stands there without a price',
      { costNano: null, listNano: null, unpriced: ['output', 'toolCall:web_search', 'image:high/1024x1024'] },
      [
        `list input 1 list/input ${unpriced}`,
        `list output 250  ${unpriced}`,
        `list toolCall:web_search 2  ${unpriced}`,
        `list image:high/1024x1024 3  ${unpriced}`,
      ],
    ],
    [
      'parts with a meter of their own are no part of the rest',
      { costNano: null, listNano: null, lines: [], unpriced: ['input', 'cachedInput', 'audioInput'] },
      [`list input 500  ${unpriced}`, `list cachedInput 400  ${unpriced}`, `list audioInput 100  ${unpriced}`],
    ],
    [
      'reasoning is apart where it has a price of its own, or lacks one',
      { costNano: null, listNano: null, lines: [], unpriced: ['output', 'reasoning'] },
      [`list output 50  ${unpriced}`, `list reasoning 200  ${unpriced}`],
    ],
    ['a reason is no meter', { costNano: null, listNano: null, lines: [], unpriced: ['usage unknown'] }, []],
    [
      'what a provisioned deployment served stands there, at nothing',
      { pricing: 'ptu', costNano: 0n, listNano: 0n, lines: [] },
      [
        `list input 500 ptu ${cost | layer}`,
        `list cachedInput 400 ptu ${cost | layer}`,
        `list audioInput 100 ptu ${cost | layer}`,
        `list output 250 ptu ${cost | layer}`,
        `list audioOutput 50 ptu ${cost | layer}`,
        `list toolCall:web_search 2 ptu ${cost | layer}`,
        `list image:high/1024x1024 3 ptu ${cost | layer}`,
      ],
    ],
  ];
  for (const [what, valued, expected] of cases) test(what, () => assert.deepEqual(shown(valued), expected));

  test('units that are not known have no line', () => {
    const unknown = { input: null, output: null, cachedInput: null, audioInput: null, audioOutput: null };
    assert.deepEqual(shown({ costNano: null, lines: [], unpriced: ['input', 'output'] }, unknown), []);
  });
});
