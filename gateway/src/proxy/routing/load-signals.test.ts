import assert from 'node:assert/strict';
import test from 'node:test';
import { LoadSignals } from './load-signals.ts';

const tokens = (remaining: string, limit?: string) => ({
  'x-ratelimit-remaining-tokens': remaining,
  ...(limit === undefined ? {} : { 'x-ratelimit-limit-tokens': limit }),
});
const inUse = (text: string) => ({ 'azure-openai-deployment-utilization': text });

// [what, headers, room, utilisation, headers that are odd]
const cases = [
  ['nothing is said', {}, 1, 0, []],
  ['a quarter of the tokens is left', tokens('2500', '10000'), 0.25, 0, []],
  ['none is left', tokens('0', '10000'), 0, 0, []],
  ['without a limit, the most that ever remained is one', tokens('2500'), 1, 0, []],
  ['a limit of 0 is none', tokens('2500', '0'), 1, 0, []],
  ['more remains than the limit', tokens('20000', '10000'), 1, 0, ['x-ratelimit-remaining-tokens']],
  ['less than nothing remains', tokens('-1', '10000'), 1, 0, ['x-ratelimit-remaining-tokens']],
  ['what remains is no number', tokens('many', '10000'), 1, 0, ['x-ratelimit-remaining-tokens']],
  ['the limit is no number', tokens('2500', 'x'), 1, 0, ['x-ratelimit-limit-tokens']],
  [
    'the scarcer of requests and tokens counts',
    { ...tokens('5000', '10000'), 'x-ratelimit-remaining-requests': '1', 'x-ratelimit-limit-requests': '10' },
    0.1,
    0,
    [],
  ],
  ['a provisioned deployment says how full it is', inUse('82.5%'), 0.175, 0.825, []],
  ['without a percent sign', inUse('82.5'), 0.175, 0.825, []],
  ['utilisation of 200 % is full', inUse('200%'), 0, 1, ['azure-openai-deployment-utilization']],
  ['utilisation that is no number', inUse('high'), 1, 0, ['azure-openai-deployment-utilization']],
  ['negative utilisation', inUse('-5%'), 1, 0, ['azure-openai-deployment-utilization']],
  [
    'limits of the deployment that Azure spilled over to are not its own',
    { ...tokens('0', '10000'), 'x-ms-spillover-from-deployment': 'ptu' },
    1,
    0,
    [],
  ],
] as const;

for (const [what, headers, room, utilization, oddities] of cases) {
  test(`what an endpoint says of its load: ${what}`, () => {
    const load = new LoadSignals();
    const odd: string[] = [];
    load.read(headers, 1_000, (header) => odd.push(header));
    assert.equal(Math.round(load.room(1_000) * 1000) / 1000, room);
    assert.equal(load.utilization(1_000), utilization);
    assert.deepEqual(odd, oddities);
  });
}

test('a provisioned deployment works off what it has taken in a minute', () => {
  const load = new LoadSignals();
  load.read(inUse('75%'), 0, assert.fail);
  assert.equal(load.utilization(15_000), 0.5);
  assert.equal(load.utilization(60_000), 0);
});

test('what was said of limits a minute ago says nothing', () => {
  const load = new LoadSignals();
  load.read(tokens('0', '10000'), 0, assert.fail);
  assert.equal(load.room(59_999), 0);
  assert.equal(load.room(60_000), 1);
});
