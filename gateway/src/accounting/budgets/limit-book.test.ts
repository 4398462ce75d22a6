import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { mergeLimits } from '#compose/limits/limit-book.ts';
import type { CallerLimits } from '#model/limits.ts';
import type { ChargedTo } from '#model/usage-record.ts';
import { realLoader } from '../../../test/golden/config/config-cases.ts';
import { createLimitBook } from './limit-book.ts';

const rest = `
endpoints: { weu: { resource: 'https://contoso-weu.openai.azure.com', region: westeurope, deployment: gpt, model: gpt-4o, type: Standard, auth: { key: '\${TWIN_KEY}' } } }
models: { gpt: { tiers: [[weu]] } }
`;

function bookOf(yaml: string) {
  const result = realLoader().loadText(yaml + rest, '/tollgate.yaml', { TWIN_KEY: 'a-key' });
  assert.ok(result.ok, JSON.stringify(result));
  return mergeLimits(result.loaded.config, { limits: [], topUps: [] }, 1).book;
}

const caller: ChargedTo = {
  subscription: 'web',
  product: 'standard',
  consumer: 'web-team',
  costCentrePath: 'contoso/sales/marketing',
  endUser: null,
};

const ids = ({ budgets, rates, concurrency }: CallerLimits): readonly string[] => [
  ...budgets.map(({ id }) => id),
  ...rates.map(({ id }) => id),
  ...concurrency.map(({ id }) => id),
];

const every = 'budget: { amount: 1 USD, every: day }';
const book = bookOf(`
organisation: contoso
timeZone: Europe/Amsterdam
fiscalYearStart: 04-06
budget: { amount: 2_000.000000001 USD, every: year, hard: true, warnAt: [100, 50, 50] }
limits: { concurrentRequests: 9, rates: [{ tokens: 5, per: 1h, window: sliding }, { requests: 2, per: 1s, burst: 4 }] }
costCentres: { sales: { ${every} }, marketing: { parent: sales, ${every} }, legal: { ${every} } }
consumers: { web-team: { budgets: { small: { amount: 1 USD, every: day }, large: { amount: 1 USD, every: month, timeZone: Asia/Tokyo } } } }
products:
  standard:
    models: [gpt]
    limits: { requestsPerMinute: 60, tokensPerMinute: 1_000, quotas: [{ tokens: 7, every: week }] }
    perSubscription: { ${every} }
    perEndUser: { budget: { amount: 0.10 USD, every: day, hard: true, carryOver: { since: 2026-11-02, atMost: 1 USD } } }
  other: { models: [gpt], ${every} }
subscriptions:
  web: { product: standard, consumer: web-team, costCentre: marketing, ${every} }
  app: { product: other, consumer: app-team, costCentre: legal }
`);

describe('the limits of a caller', () => {
  test('are those of every node on its path, the narrowest first', () => {
    assert.deepEqual(ids(book.of(caller)), [
      'product/standard/end-user//day',
      'product/standard/subscription/web/day',
      'subscription/web/day',
      'product/standard/tokens-per-week',
      'consumer/web-team/small',
      'consumer/web-team/large',
      'cost-centre/marketing/day',
      'cost-centre/sales/day',
      'organisation/contoso/year',
      'product/standard/tokens-per-60s',
      'product/standard/requests-per-60s',
      'organisation/contoso/tokens-per-3600s-sliding',
      'organisation/contoso/requests-per-1s',
      'organisation/contoso/concurrent-requests',
    ]);
    const app = {
      ...caller,
      subscription: 'app',
      product: 'other',
      consumer: 'app-team',
      costCentrePath: 'contoso/legal',
    };
    assert.deepEqual(
      book.of(app).budgets.map(({ id }) => id),
      ['product/other/day', 'cost-centre/legal/day', 'organisation/contoso/year'],
    );
  });

  test('hold everything that the file says', () => {
    const { budgets, rates } = book.of({ ...caller, endUser: '3f2a' });
    assert.deepEqual(budgets.at(-1), {
      id: 'organisation/contoso/year',
      node: { kind: 'organisation', name: 'contoso', product: null },
      name: 'year',
      calendar: { every: 'year', timeZone: 'Europe/Amsterdam', fiscalYearStart: { month: 4, day: 6 } },
      unit: 'nano-usd',
      amount: 2_000_000_000_001n,
      hard: true,
      layer: 'contracted',
      warnAt: [50, 100],
      carryOver: null,
      topUps: new Map(),
    });
    assert.deepEqual(budgets[0]?.node, { kind: 'end-user', name: '3f2a', product: 'standard' });
    assert.deepEqual(budgets[0]?.carryOver, { since: Date.parse('2026-11-01T23:00:00Z'), atMost: 1_000_000_000n });
    assert.equal(budgets.find(({ name }) => name === 'large')?.calendar.timeZone, 'Asia/Tokyo');
    assert.deepEqual(rates.at(-1), {
      id: 'organisation/contoso/requests-per-1s',
      node: { kind: 'organisation', name: 'contoso', product: null },
      unit: 'requests',
      amount: 2,
      perMs: 1000,
      shape: 'bucket',
      burst: 4,
    });
  });

  test('are one value per caller, so that what is derived from them can be kept', () => {
    assert.equal(book.of(caller), book.of(caller));
    const [one, other] = ['a', 'a'].map((endUser) => book.of({ ...caller, endUser }).budgets[0]);
    assert.equal(one, other);
  });

  test('of ten thousand cost centres are read in one go', () => {
    const centres = Array.from({ length: 10_000 }, (_one, at) => {
      const parent = at < 100 ? '' : `parent: centre-${at % 100}, `;
      return `  centre-${at}: { ${parent}budget: { amount: ${at} USD, every: month, hard: true } }`;
    });
    const many = bookOf(`organisation: contoso\ncostCentres:\n${centres.join('\n')}\n`);
    assert.equal(many.budgets.length, 10_000);
    const path = 'contoso/centre-99/centre-9999';
    assert.deepEqual(
      many.of({ ...caller, costCentrePath: path }).budgets.map(({ amount }) => amount),
      [9_999_000_000_000n, 99_000_000_000n],
    );
  });

  test('cannot be set for what is no node', () => {
    const nodes = new Map([['planet/earth', book.budgets as never]]);
    const nothing = new Map();
    assert.throws(
      () =>
        createLimitBook({
          version: 1,
          timeZone: 'UTC',
          fiscalYearStart: { month: 1, day: 1 },
          nodes,
          perSubscription: nothing,
          perEndUser: nothing,
          topUps: nothing,
        }),
      /'planet\/earth' is no node/,
    );
  });
});
