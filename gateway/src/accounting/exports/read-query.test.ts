import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Failure } from '#kernel/errors.ts';
import { readExport, type AskedExport, type ReadExport } from './read-query.ts';

const settings: AskedExport['settings'] = {
  timeZone: 'Europe/Amsterdam',
  currencies: {},
  now: Date.parse('2026-11-23T10:00:00Z'),
  configured: { 'cost-centre': ['contoso/sales', 'contoso/sales/online'], consumer: ['web-shop'] },
};
/** What was used, but is in no configuration any more. */
const store = {
  values: async (dimension: string) =>
    await Promise.resolve(dimension === 'cost-centre' ? ['contoso/closed'] : ['old-shop']),
};

const read = async (kind: AskedExport['kind'], asked: AskedExport['asked']): Promise<ReadExport> =>
  await readExport({ kind, asked, settings, organisation: 'contoso' }, store);

const at = (text: string): number => Date.parse(text);
const november = { from: at('2026-10-31T23:00:00Z'), to: at('2026-11-30T23:00:00Z') };

suite('what is asked of an export', () => {
  test('is a month of the organisation, of everything, unless more is said', async () => {
    assert.deepEqual(await read('focus', { month: '2026-11' }), {
      kind: 'focus',
      period: november,
      filter: [],
      filterTexts: [],
      profile: 'provider',
      costCentrePath: null,
      waitMs: 5000,
    });
  });

  for (const [from, to, expected] of [
    ['2026-11-01', '2026-12-01', november],
    ['2026-11', '2026-12', november],
    ['2026', '2026-11', { from: at('2025-12-31T23:00:00Z'), to: november.from }],
    ['2026-11-22T10:00:00+01:00', 'today', { from: at('2026-11-22T09:00:00Z'), to: at('2026-11-22T23:00:00Z') }],
  ] as const)
    test(`is the time from ${from} to ${to}`, async () => {
      assert.deepEqual((await read('csv', { from, to })).period, expected);
    });

  test('is a filter in the words that are signed, each value once, in an order of its own', async () => {
    const filter = ['consumer=web-shop', 'consumer=old-shop', 'consumer=web-shop', 'cost-centre==contoso/sales'];
    const asked = await read('json', { month: '2026-11', filter });
    assert.deepEqual(asked.filterTexts, ['consumer=old-shop', 'consumer=web-shop', 'cost-centre==contoso/sales']);
    assert.deepEqual(asked.filter, [
      { dimension: 'consumer', values: ['web-shop', 'old-shop'], exact: false },
      { dimension: 'cost-centre', values: ['contoso/sales'], exact: true },
    ]);
  });

  for (const [costCentre, path] of [
    ['sales', 'contoso/sales'],
    ['online', 'contoso/sales/online'],
    ['contoso/sales', 'contoso/sales'],
    ['closed', 'contoso/closed'],
    ['contoso/closed', 'contoso/closed'],
  ] as const)
    test(`is the statement of ${costCentre}, which is ${path}`, async () => {
      const asked = await read('statement', { month: '2026-11', costCentre });
      assert.equal(asked.kind, 'statement-html');
      assert.equal(asked.costCentrePath, path);
      assert.deepEqual(asked.filterTexts, [`cost-centre=${path}`]);
    });

  test('is the statement of everybody where no cost centre is named, or the organisation is', async () => {
    for (const more of [{}, { costCentre: 'contoso' }]) {
      const asked = await read('statement', { month: '2026-11', format: 'csv', ...more });
      assert.deepEqual([asked.kind, asked.costCentrePath, asked.filter], ['statement-csv', 'contoso', []]);
    }
  });

  for (const [kind, asked, problems] of [
    ['focus', {}, [/^month: say which, or both from and to/]],
    ['csv', { from: '2026-11' }, [/^month: say which, or both from and to/]],
    ['statement', {}, [/^month: say which, such as 2026-11/]],
    ['csv', { month: '2026-13', profile: 'provider' }, [/^profile: there is no such parameter/, /^month: .*no month/]],
    ['csv', { month: '2026-11', from: '2026-11-01' }, [/^month: it says the whole period/]],
    ['csv', { from: '2026-11-02', to: '2026-11-01' }, [/^from: the period is empty/]],
    ['statement', { month: '2026-11', costCentre: 'nobody' }, [/^costCentre: neither .* has a cost centre 'nobody'/]],
    ['focus', { month: '2026-11', profile: 'mine', waitMs: '1e9' }, [/^profile: /, /^waitMs: /]],
    [
      'json',
      { month: '2026-11', filter: ['end-user=abc', 'consumer=nobody', 'colour=red'] },
      [/^filter: 'colour' is not known/, /^filter: exports are not made for single end users/, /^filter: consumer: /],
    ],
  ] as const)
    test(`is refused with everything that is wrong: ${kind} ${JSON.stringify(asked)}`, async () => {
      await assert.rejects(read(kind, asked), (thrown) => {
        assert.ok(thrown instanceof Failure);
        assert.equal(thrown.code, 'admin_invalid');
        const { details = [] } = thrown.options;
        assert.equal(details.length, problems.length, details.join('\n'));
        for (const [index, pattern] of problems.entries()) assert.match(details[index] ?? '', pattern);
        return true;
      });
    });
});
