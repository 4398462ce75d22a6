import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { seededRandom } from '#kernel/random.ts';
import { always } from '../support/routing.ts';
import { configFor, keys, startStack, type RunningStack } from '../support/running-gateway.ts';
import { askFor, SharedClock, type Got } from '../support/virtual-load.ts';

const chat = { model: 'gpt-5.4-mini', version: '2026-03-17' };
/** A call is 2 tokens out and some 20 in; the provisioned deployment works off about 9 calls a second. */
const limited = { ...chat, requestsPerMinute: 600, requestWindowSeconds: 10 } as const;
const estate = {
  provisioned: {
    region: 'swedencentral',
    deployments: { chat: { ...chat, type: 'ProvisionedManaged', ptu: 10, tokensPerMinutePerPtu: 2_000 } },
  },
  'region-a': { region: 'swedencentral', deployments: { chat: limited } },
  'region-b': { region: 'westeurope', deployments: { chat: limited } },
} as const;

const endpoint = (twin: string, name: string, [resource, type]: readonly [string, string]): string =>
  `  ${name}: { resource: '${twin}/${resource}', region: westeurope, deployment: chat, model: gpt-5.4-mini, type: ${type}, auth: { key: '\${TEST_TWIN_KEY}' } }`;

const config = (twin: string): string =>
  configFor(twin, {
    endpoints: [
      endpoint(twin, 'ptu', ['provisioned', 'ProvisionedManaged']),
      endpoint(twin, 'a', ['region-a', 'DataZoneStandard']),
      endpoint(twin, 'b', ['region-b', 'DataZoneStandard']),
    ].join('\n'),
    models: '  gpt-5.4-mini: { tiers: [[ptu], [a], [b]] }',
    products:
      '  standard: { models: [gpt-5.4-mini], unpriced: allow-and-flag }\n  small: { models: [gpt-5.4-mini], unpriced: allow-and-flag }',
  });

const body = {
  model: 'gpt-5.4-mini',
  max_completion_tokens: 16,
  reasoning_effort: 'none',
  messages: [{ role: 'user', content: 'twin:tokens=2' }],
};

const slices = 10;
interface Counts {
  served: number;
  throttled: number;
}
type Place = 'provisioned' | 'region-a' | 'region-b';
interface Second {
  readonly got: readonly Got[];
  readonly attempts: Readonly<Record<Place, Counts>>;
}

/** Seconds in which 40 calls come instead of 5. */
const flood = { from: 8, to: 55 } as const;
const sum = (counts: readonly number[]): number => counts.reduce((total, one) => total + one, 0);
const firstOf = (counts: readonly number[]): number => counts.findIndex((count) => count > 0);
const idle = (): Counts => ({ served: 0, throttled: 0 });
const isPlace = (name: string): name is Place => name === 'provisioned' || name === 'region-a' || name === 'region-b';

describe('a provisioned deployment saturates, region A throttles, region B throttles, and it is over again', () => {
  const seconds: Second[] = [];
  let stack: RunningStack;
  const clock = new SharedClock();
  const closing: (() => unknown)[] = [];
  let cursor: number | undefined;

  /** A second with so many calls, spread evenly. */
  async function second(calls: number): Promise<void> {
    const got: Got[] = [];
    for (let at = 0; at < slices; at += 1) {
      const here = Math.floor(((at + 1) * calls) / slices) - Math.floor((at * calls) / slices);
      const asked = Array.from({ length: here }, () => askFor({ url: stack.url, key: keys.marketing }, body));
      got.push(...(await Promise.all(asked)));
      clock.advance(1_000 / slices);
    }
    const report = stack.twin.usage(cursor);
    cursor = report.cursor;
    const attempts = { provisioned: idle(), 'region-a': idle(), 'region-b': idle() };
    for (const { resource, status } of report.attempts) {
      if (!isPlace(resource)) continue;
      attempts[resource][status === 200 ? 'served' : 'throttled'] += 1;
    }
    seconds.push({ got, attempts });
  }

  before(async () => {
    stack = await startStack(
      { after: (fn) => void closing.push(fn as () => unknown) },
      { config, twin: { resources: estate, clock }, overrides: { clock, random: seededRandom(7) } },
    );
    for (let at = 0; at < flood.to + 35; at += 1) await second(at >= flood.from && at < flood.to ? 40 : 5);
  });

  after(async () => {
    for (const close of closing) await close();
  });

  const every = (name: Place, kind: keyof Counts): readonly number[] =>
    seconds.map(({ attempts }) => attempts[name][kind]);
  const gotAt = (status: number): readonly number[] =>
    seconds.map(({ got }) => got.filter((one) => one.status === status).length);

  test('the provisioned deployment has it all to itself while it has room', () => {
    assert.deepEqual(
      every('provisioned', 'served').slice(0, flood.from),
      Array.from({ length: flood.from }, () => 5),
    );
    assert.equal(sum(every('region-a', 'served').slice(0, flood.from)), 0);
  });

  test('then region A takes what it cannot, then region B, and no client notices before all are exhausted', () => {
    const [a, b] = [firstOf(every('region-a', 'served')), firstOf(every('region-b', 'served'))];
    const throttledA = firstOf(every('region-a', 'throttled'));
    const throttledB = firstOf(every('region-b', 'throttled'));
    const exhausted = firstOf(gotAt(429));
    assert.ok(
      flood.from < a && a < b && throttledA <= b && b < throttledB && throttledB < exhausted,
      `${a} ${b} ${exhausted}`,
    );
    assert.equal(sum(every('provisioned', 'throttled').slice(0, exhausted)), 0, 'it is left before it refuses');
    assert.equal(sum(gotAt(200)) + sum(gotAt(429)), sum(seconds.map(({ got }) => got.length)), 'nothing else ever');
  });

  test('while all are exhausted each serves what it can, is asked little more, and clients are told to come back', () => {
    const during = seconds.slice(firstOf(gotAt(429)), flood.to);
    const of = (name: Place, kind: keyof Counts): readonly number[] =>
      during.map(({ attempts }) => attempts[name][kind]);
    assert.ok(sum(of('provisioned', 'served')) >= 8 * during.length);
    for (const region of ['region-a', 'region-b'] as const) {
      assert.ok(sum(of(region, 'served')) >= 0.6 * 10 * during.length, `${region}: ${of(region, 'served').join(' ')}`);
      // Four calls at one instant find out together, first ones and retries.
      assert.ok(Math.max(...of(region, 'throttled')) <= 8, `${region}: ${of(region, 'throttled').join(' ')}`);
    }
    assert.ok(Math.max(...of('provisioned', 'throttled')) <= 20, of('provisioned', 'throttled').join(' '));
    const refused = during.flatMap(({ got }) => got.filter(({ status }) => status === 429));
    // The provisioned one has room again every few hundred milliseconds; less than a second cannot be said.
    assert.ok(
      refused.every(({ retryAfter, text }) => retryAfter === 1 && JSON.parse(text).error.code === 'upstream_throttled'),
    );
  });

  test('when it is over everything goes back to the provisioned deployment, step by step and never more than it takes', () => {
    assert.equal(sum(gotAt(429).slice(flood.to)), 0);
    const back = every('provisioned', 'served').slice(flood.to);
    assert.ok(
      back.some((served) => served > 0 && served < 5),
      back.join(' '),
    );
    assert.equal(sum(every('provisioned', 'throttled').slice(flood.to + 1)), 0);
    assert.deepEqual(back.slice(-8), [5, 5, 5, 5, 5, 5, 5, 5]);
  });

  test('and every call of it is in the ledger', async () => {
    const truth = stack.twin.usage().total;
    const { total } = await stack.usage();
    assert.deepEqual([total.inputTokens, total.outputTokens], [truth.inputTokens, truth.outputTokens]);
    const refused = seconds.flatMap(({ attempts }) => Object.values(attempts).map(({ throttled }) => throttled));
    assert.equal(total.attempts, sum(gotAt(200)) + sum(refused));
    assert.deepEqual((await stack.verify()).problems, []);
  });
});

test('where all are throttled the client is told the lowest wait, and that is when it is served again', async (context) => {
  const clock = new SharedClock();
  const stack = await startStack(context, {
    config,
    twin: { resources: estate, clock },
    overrides: { clock, random: always(0) },
  });
  for (const [resource, retryAfter] of [
    ['provisioned', 9],
    ['region-a', 4],
    ['region-b', 7],
  ] as const)
    stack.twin.addFault({ kind: 'status', status: 429, retryAfter, match: { resource } });
  const ask = async (): Promise<Got> => await askFor({ url: stack.url, key: keys.marketing }, body);
  const first = await ask();
  assert.deepEqual([first.status, first.retryAfter], [429, 4]);
  assert.equal(stack.twin.usage().attempts.length, 3);
  clock.advance(1_500);
  const second = await ask();
  assert.deepEqual([second.status, second.retryAfter], [429, 3]);
  assert.equal(stack.twin.usage().attempts.length, 3, 'nobody is asked in the meantime');
  clock.advance(2_500);
  assert.equal((await ask()).status, 200);
  assert.equal(stack.twin.usage().attempts.at(-1)?.resource, 'region-a');
});
