import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { reportDimensions, usageReportSchema, type UsageReport, type UsageRow } from '@tollgate/contract/usage.ts';
import type { LedgerStore } from '#accounting/ledger/ports.ts';
import { dayMs, quarterHourMs } from '#model/figures.ts';
import type { UsageRecord } from '#model/usage-record.ts';
import type { Asked } from './asked.ts';
import type { CurrencyRates } from './currency.ts';
import { MemoryLedgerStore } from '../../../test/support/memory-ledger-store.ts';
import { correction, march, posting, shippedRecord, usageRecord } from '../../../test/support/records.ts';
import { plainSettings, problemsOf, reportBench, type ReportBench } from '../../../test/support/report-sources.ts';

const bench = async (records: readonly UsageRecord[], store: LedgerStore = new MemoryLedgerStore()) =>
  await reportBench(records.map(shippedRecord), store);

async function report({ reports }: ReportBench, asked: Asked, settings = plainSettings): Promise<UsageReport> {
  const found = await reports.query({ waitMs: 0, ...asked }, settings);
  return usageReportSchema.parse(found);
}

const key = (row: UsageRow): string => Object.values(row.keys).join(' ');
const costs = ({ rows }: UsageReport): [string, string | null][] => rows.map((row) => [key(row), row.costNanoUsd]);

const unpriced = { lines: [], nanoUsd: null, listNanoUsd: null, unpriced: ['output'] };
const unknown = {
  measuredInput: 'unknown',
  measuredOutput: 'unknown',
  units: {
    input: null,
    cachedInput: null,
    cacheWriteInput: null,
    audioInput: null,
    imageInput: null,
    output: null,
    reasoning: null,
    audioOutput: null,
    seconds: null,
    characters: null,
  },
  cost: { lines: [], nanoUsd: null, listNanoUsd: null, unpriced: ['usage unknown'] },
} as const;

test('a report has every measure, states the lag, and waits as long as it is told', async () => {
  const record = usageRecord('a', {
    units: {
      cacheWriteInput: 20,
      audioInput: 30,
      imageInput: 40,
      audioOutput: 5,
      seconds: 6,
      characters: 7,
      toolCalls: { web_search: 2, file_search: 1 },
      images: { 'high/1024x1024': 3 },
    },
    cost: { internalNanoUsd: 299_000n },
  });
  const sources = await bench([record]);
  const found = await report(sources, { waitMs: 1234 });
  const figures = {
    amount: '0.00026',
    requests: 1,
    attempts: 1,
    inputTokens: 1000,
    cachedInputTokens: 400,
    cacheWriteInputTokens: 20,
    audioInputTokens: 30,
    imageInputTokens: 40,
    outputTokens: 50,
    reasoningTokens: 10,
    audioOutputTokens: 5,
    seconds: 6,
    characters: 7,
    images: 3,
    toolCalls: 3,
    costNanoUsd: '260000',
    pricedAttempts: 1,
    listCostNanoUsd: '260000',
    listPricedAttempts: 1,
    internalCostNanoUsd: '299000',
    internalPricedAttempts: 1,
    heldNanoUsd: '0',
    unpricedRequests: 0,
    unknownUsageRequests: 0,
    unknownUsageAttempts: 0,
    deliveredOnlyRequests: 0,
    estimatedRequests: 0,
  };
  assert.deepEqual(found, {
    by: ['consumer'],
    bucketLength: null,
    timeZone: 'UTC',
    from: null,
    to: null,
    filter: [],
    layer: 'contracted',
    currency: { code: 'USD', rates: [{ from: null, perUsd: '1' }] },
    rows: [{ key: 'marketing', bucket: null, keys: { consumer: 'marketing' }, ...figures }],
    rest: [],
    restGroups: 0,
    next: null,
    total: figures,
    roundingDifference: '0',
    lag: { records: 5, openAttempts: 3 },
  });
  assert.deepEqual(sources.waited, [1234]);
});

test('a report of up to two months of days is one statement; of a longer one, nothing is shipped between its parts', async () => {
  const store = new MemoryLedgerStore();
  const records = [0, 1, 100].map((day) => usageRecord(`${day}`, { at: march + day * dayMs }));
  let statements = 0;
  const counting: LedgerStore = new Proxy<LedgerStore>(store, {
    get(target, name: keyof LedgerStore) {
      if (name === 'figures') statements += 1;
      return target[name].bind(target);
    },
  });
  const sources = await bench(records, counting);
  for (const [asked, expected, held] of [
    [{ by: 'consumer', from: '2026-02-28T23:50:00Z', to: '2026-03-04T02:20:05Z' }, 1, 0],
    [{ bucket: 'day', from: '2026-02-28T23:50:00Z', to: '2026-03-04T02:20:05Z' }, 1, 0],
    [{ by: 'consumer,model', bucket: 'week' }, 1, 0],
    [{ bucket: 'day' }, 2, 1],
    [{ by: 'consumer', top: 1 }, 2, 1],
  ] as const) {
    const before = sources.held();
    statements = 0;
    await report(sources, asked);
    assert.deepEqual([statements, sources.held() - before], [expected, held], JSON.stringify(asked));
  }
});

test('every dimension has its keys, and several at once have them all', async () => {
  const sources = await bench([
    usageRecord('a'),
    usageRecord('b', {
      at: march + dayMs,
      outcome: 'client-left',
      operation: 'responses',
      caller: {
        consumer: 'finance',
        costCentrePath: 'contoso/finance',
        product: 'large',
        subscription: 'copilot',
        endUser: 'f00d',
      },
      servedBy: {
        endpoint: 'swc',
        resource: 'contoso-swc',
        region: 'swedencentral',
        deployment: 'large',
        deploymentType: 'Standard',
        model: 'gpt-5.4',
      },
    }),
  ]);
  const keys: Record<string, string[]> = {};
  for (const by of reportDimensions) keys[by] = (await report(sources, { by })).rows.map(key);
  assert.deepEqual(keys, {
    consumer: ['finance', 'marketing'],
    'cost-centre': ['contoso/finance', 'contoso/marketing'],
    product: ['large', 'standard'],
    subscription: ['copilot', 'marketing-web'],
    model: ['gpt-5.4', 'gpt-5.4-mini'],
    endpoint: ['swc', 'weu'],
    deployment: ['contoso-swc/large', 'contoso-weu/gpt-5.4-mini'],
    resource: ['contoso-swc', 'contoso-weu'],
    'deployment-type': ['GlobalStandard', 'Standard'],
    region: ['swedencentral', 'westeurope'],
    operation: ['chat.completions', 'responses'],
    outcome: ['client-left', 'completed'],
    'end-user': ['', 'f00d'],
  });
  const several = await report(sources, { by: 'region,consumer,day' });
  assert.deepEqual(
    several.rows.map((row) => [row.bucket?.label, row.keys]),
    [
      ['2026-03-01', { region: 'westeurope', consumer: 'marketing' }],
      ['2026-03-02', { region: 'swedencentral', consumer: 'finance' }],
    ],
  );
  assert.deepEqual(
    (await report(sources, { by: 'month' })).rows.map((row) => [row.key, row.keys]),
    [['2026-03', {}]],
  );
});

suite('what is not known', () => {
  test('a cost of nothing priced is null, not zero; a known cost of zero is zero', async () => {
    const sources = await bench([
      usageRecord('a', { caller: { consumer: 'unpriced' }, cost: unpriced }),
      usageRecord('b', { caller: { consumer: 'free' }, cost: { lines: [], nanoUsd: 0n } }),
      usageRecord('c', { caller: { consumer: 'both' } }),
      usageRecord('d', { caller: { consumer: 'both' }, cost: unpriced }),
    ]);
    const found = await report(sources, {});
    assert.deepEqual(
      found.rows.map((row) => [key(row), row.costNanoUsd, row.amount, row.unpricedRequests]),
      [
        ['both', '260000', '0.00026', 1],
        ['free', '0', '0', 0],
        ['unpriced', null, null, 1],
      ],
    );
    assert.equal(found.total.costNanoUsd, '260000');
  });

  test('units of nothing known are null; beside something known they add nothing, and are counted', async () => {
    const sources = await bench([
      usageRecord('a', { caller: { consumer: 'lost' }, ...unknown, reservedNano: 70n }),
      usageRecord('b', { caller: { consumer: 'both' }, ...unknown }),
      usageRecord('c', { caller: { consumer: 'both' } }),
      usageRecord('d', { caller: { consumer: 'half' }, ...unknown, units: { ...unknown.units, input: 9 } }),
    ]);
    assert.deepEqual(
      (await report(sources, {})).rows.map((row) => [
        key(row),
        row.inputTokens,
        row.outputTokens,
        row.toolCalls,
        row.unknownUsageAttempts,
        row.heldNanoUsd,
      ]),
      [
        ['both', 1000, 50, 0, 1, '0'],
        ['half', 9, null, null, 1, '0'],
        ['lost', null, null, null, 1, '70'],
      ],
    );
  });

  test('a retry of unknown usage is seen where it was sent, although its request is counted elsewhere', async () => {
    const sources = await bench(
      ['weu', 'swc'].map((endpoint, at) =>
        usageRecord(endpoint, { ...unknown, requestId: 'r', attempt: at + 1, servedBy: { endpoint } }),
      ),
    );
    assert.deepEqual(
      (await report(sources, { by: 'endpoint' })).rows.map((row) => [
        key(row),
        row.unknownUsageRequests,
        row.unknownUsageAttempts,
        row.inputTokens,
      ]),
      [
        ['swc', 0, 1, null],
        ['weu', 1, 1, null],
      ],
    );
  });

  test('what an adjustment costs is known, although no call has that price', async () => {
    const record = usageRecord('a', { cost: unpriced });
    const sources = await reportBench(
      [
        shippedRecord(record),
        {
          kind: 'adjustment',
          adjustment: correction(record, {
            kind: 'allocation',
            of: null,
            postings: [{ ...posting(record, { cost: 5n }), outcome: 'idle' }],
          }),
        },
      ],
      new MemoryLedgerStore(),
    );
    assert.deepEqual(costs(await report(sources, { by: 'outcome' })), [
      ['completed', null],
      ['idle', '5'],
    ]);
  });

  test('an empty report has no rows and a total of nothing', async () => {
    for (const asked of [{}, { bucket: 'day' }, { top: 3 }, { by: 'model', bucket: 'hour', top: 3 }]) {
      const found = await report(await bench([]), asked);
      assert.deepEqual([found.rows, found.rest, found.next], [[], [], null]);
      assert.deepEqual([found.total.requests, found.total.costNanoUsd, found.roundingDifference], [0, null, '0']);
    }
  });

  test('a sum beyond what JSON holds is refused, never rounded', async () => {
    const sources = await bench(['a', 'b'].map((id) => usageRecord(id, { units: { input: 2 ** 53 - 1 } })));
    assert.match((await problemsOf(report(sources, {}))).join(), /a count of 18014398509481982, which is beyond 2\^53/);
  });
});

const attempts = async (sources: ReportBench, asked: Asked): Promise<number> =>
  (await report(sources, asked)).total.attempts;

suite('periods', () => {
  test('their ends are instants; a fraction of a millisecond is not dropped', async () => {
    const sources = await bench([usageRecord('a', { at: march + 1 })]);
    for (const [from, to, expected] of [
      ['2026-03-01T00:00:00.001Z', '2026-03-01T00:00:00.002Z', 1],
      ['2026-03-01T00:00:00.0010001Z', '2026-03-01T00:00:00.003Z', 0],
      ['2026-03-01T00:00:00Z', '2026-03-01T00:00:00.0010001Z', 1],
      ['2026-03-01T00:00:00Z', '2026-03-01T00:00:00.001000Z', 0],
      ['2026-03-01T01:00:00+01:00', '2026-03-01T01:01:00+01:00', 1],
    ] as const)
      assert.equal(await attempts(sources, { from, to }), expected, `${from} ${to}`);
  });

  test('days, months and years begin where they do in the time zone: the asked one, else the organisation’s', async () => {
    const sources = await bench([usageRecord('a', { at: Date.UTC(2026, 1, 28, 23, 30) })]);
    const amsterdam = { ...plainSettings, timeZone: 'Europe/Amsterdam' };
    assert.equal(await attempts(sources, { month: '2026-03' }), 0);
    assert.equal(await attempts(sources, { month: '2026-03', timeZone: 'Europe/Amsterdam' }), 1);
    assert.equal((await report(sources, { month: '2026-03' }, amsterdam)).total.attempts, 1);
    assert.equal((await report(sources, { month: '2026-03', timeZone: 'UTC' }, amsterdam)).total.attempts, 0);
    const [row] = (await report(sources, { from: '2026-03-01', to: '2027', bucket: 'quarter' }, amsterdam)).rows;
    assert.deepEqual(row?.bucket, {
      label: '2026-Q1',
      from: '2026-02-28T23:00:00.000Z',
      to: '2026-03-31T22:00:00.000Z',
    });
  });

  test('today and yesterday are days of the time zone', async () => {
    const sources = await bench([usageRecord('a', { at: Date.UTC(2026, 10, 22, 23, 30) })]);
    assert.equal(await attempts(sources, { from: 'today' }), 0);
    assert.equal(await attempts(sources, { from: 'yesterday', to: 'today' }), 1);
    assert.equal(await attempts(sources, { from: 'today', to: 'now', timeZone: 'Europe/Amsterdam' }), 1);
  });
});

suite('currencies and layers', () => {
  const euro: CurrencyRates = {
    EUR: [
      { from: march, firstDay: '2026-03-01', units: 900_000_000_000n, usd: 10n ** 12n },
      { from: march + dayMs, firstDay: '2026-03-02', units: 10n ** 12n, usd: 3n * 10n ** 12n },
    ],
  };
  const settings = { ...plainSettings, currencies: euro };
  const records = [
    usageRecord('a', { cost: { nanoUsd: 10n, listNanoUsd: 20n, internalNanoUsd: 7n } }),
    usageRecord('b', { at: march + dayMs, cost: { nanoUsd: 10n } }),
    usageRecord('c', { at: march + dayMs, caller: { consumer: 'finance' }, cost: { nanoUsd: 5n, listNanoUsd: null } }),
  ];

  test('usage is converted at the rate of its time, from exact sums, and told beside the USD', async () => {
    const found = await report(await bench(records), { currency: 'EUR' }, settings);
    assert.deepEqual(found.currency, {
      code: 'EUR',
      rates: [
        { from: '2026-03-01T00:00:00.000Z', perUsd: '0.9' },
        { from: '2026-03-02T00:00:00.000Z', perUsd: '1/3' },
      ],
    });
    assert.deepEqual(
      found.rows.map((row) => [key(row), row.amount, row.costNanoUsd]),
      // 5/3 = 1.67; 9 + 10/3 = 12.33
      [
        ['finance', '0.000000002', '5'],
        ['marketing', '0.000000012', '20'],
      ],
    );
    assert.deepEqual([found.total.amount, found.total.costNanoUsd], ['0.000000014', '25']);
    assert.equal(found.roundingDifference, '0');
  });

  test('the total is converted from the total, and says by how much its rows differ from it', async () => {
    const thirds = ['a', 'b', 'c'].map((consumer) =>
      usageRecord(consumer, { at: march + dayMs, caller: { consumer }, cost: { nanoUsd: 1n } }),
    );
    const found = await report(await bench(thirds), { currency: 'EUR' }, settings);
    assert.deepEqual(
      found.rows.map((row) => row.amount),
      ['0', '0', '0'],
    );
    assert.deepEqual([found.total.amount, found.roundingDifference], ['0.000000001', '0.000000001']);
  });

  test('before its first rate nothing can be told in a currency', async () => {
    const sources = await bench([...records, usageRecord('early', { at: march - 1 })]);
    assert.deepEqual(await problemsOf(report(sources, { currency: 'EUR' }, settings)), [
      'currency: the first rate of EUR is that of 2026-03-01, and the report begins at 2026-02-28T23:45:00.000Z. Begin later, or add a rate to `currencies` of the configuration.',
    ]);
    assert.equal((await report(sources, { currency: 'EUR', from: '2026-03' }, settings)).total.attempts, 3);
    assert.equal((await report(sources, { currency: 'EUR', from: '2027' }, settings)).total.amount, null);
  });

  test('each layer has its costs and the count of attempts behind them; the amount is that of the asked one', async () => {
    const sources = await bench(records);
    for (const [layer, amount] of [
      ['contracted', '0.00000002'],
      ['list', '0.00026002'],
      ['internal', '0.000000007'],
    ] as const) {
      const [finance, marketing] = (await report(sources, { layer })).rows;
      assert.equal(marketing?.amount, amount);
      assert.deepEqual(
        [marketing.pricedAttempts, marketing.listPricedAttempts, marketing.internalPricedAttempts],
        [2, 2, 1],
      );
      assert.deepEqual(
        [finance?.listCostNanoUsd, finance?.internalCostNanoUsd, finance?.amount],
        [null, null, layer === 'contracted' ? '0.000000005' : null],
      );
    }
  });
});

suite('much', () => {
  const teams = ['a', 'b', 'c', 'd', 'e'];
  const records = teams.flatMap((consumer, at) =>
    [0, 1, 2].map((day) =>
      usageRecord(`${consumer}${day}`, {
        at: march + day * dayMs,
        caller: { consumer },
        cost: { nanoUsd: consumer === 'e' ? null : BigInt((at + 1) * 10 ** day), unpriced: [] },
      }),
    ),
  );

  test('the dearest rows by name, everything else added up, for each bucket', async () => {
    const found = await report(await bench(records), { by: 'consumer', top: 2, bucket: 'day' });
    assert.deepEqual(
      found.rows.map((row) => [row.bucket?.label, key(row), row.costNanoUsd]),
      [
        ['2026-03-01', 'd', '4'],
        ['2026-03-01', 'c', '3'],
        ['2026-03-02', 'd', '40'],
        ['2026-03-02', 'c', '30'],
        ['2026-03-03', 'd', '400'],
        ['2026-03-03', 'c', '300'],
      ],
    );
    assert.deepEqual(
      found.rest.map((row) => [row.bucket?.label, row.costNanoUsd, row.attempts]),
      [
        ['2026-03-01', '3', 3],
        ['2026-03-02', '30', 3],
        ['2026-03-03', '300', 3],
      ],
    );
    assert.deepEqual([found.restGroups, found.total.costNanoUsd, found.total.attempts], [3, '1110', 15]);
  });

  test('with fewer rows than asked for there is no rest, and what has no cost comes last', async () => {
    const found = await report(await bench(records), { top: 9 });
    assert.deepEqual(
      found.rows.map((row) => row.keys.consumer),
      ['d', 'c', 'b', 'a', 'e'],
    );
    assert.deepEqual([found.rest, found.restGroups], [[], 0]);
  });

  test('pages follow each other without a gap, each with the total of all', async () => {
    const sources = await bench(records);
    const whole = await report(sources, { by: 'consumer', bucket: 'day' });
    assert.equal(whole.rows.length, 15);
    for (const limit of [1, 2, 4, 15]) {
      const rows: UsageRow[] = [];
      let after: string | null = null;
      do {
        const asked: Asked = { by: 'consumer', bucket: 'day', limit, ...(after === null ? {} : { after }) };
        const page = await report(sources, asked);
        assert.deepEqual(page.total, whole.total);
        assert.ok(page.rows.length <= limit);
        rows.push(...page.rows);
        after = page.next;
      } while (after !== null);
      assert.deepEqual(rows, whole.rows, `pages of ${limit}`);
    }
  });

  test('a page of another question is refused', async () => {
    const sources = await bench(records);
    const { next } = await report(sources, { bucket: 'day', by: 'consumer', limit: 2 });
    assert.match(
      (await problemsOf(report(sources, { by: 'consumer', limit: 2, after: next }))).join(),
      /after: it belongs to another question/,
    );
    assert.match((await problemsOf(report(sources, { after: 'nonsense' }))).join(), /after: it is no `next`/);
    const [digest] = JSON.parse(Buffer.from(next ?? '', 'base64url').toString()) as string[];
    const forged = Buffer.from(JSON.stringify([digest, '2026-03-01', 'a', 'b'])).toString('base64url');
    const asked = { bucket: 'day', by: 'consumer', after: forged };
    assert.match((await problemsOf(report(sources, asked))).join(), /after: it is no `next`/);
  });

  test('rows of several rates are added up here; where they do not fit an answer, that is told', async () => {
    const rates: CurrencyRates = {
      EUR: [0, 1, 2].map((day) => ({
        from: march + day * dayMs,
        firstDay: `2026-03-0${day + 1}`,
        units: BigInt(day + 1),
        usd: 1n,
      })),
    };
    const settings = { ...plainSettings, currencies: rates };
    const sources = await bench(records);
    const found = await report(sources, { currency: 'EUR' }, settings);
    // 1 × 1 + 10 × 2 + 100 × 3
    assert.deepEqual(
      found.rows.map((row) => [key(row), row.amount]),
      [
        ['a', '0.000000321'],
        ['b', '0.000000642'],
        ['c', '0.000000963'],
        ['d', '0.000001284'],
        ['e', null],
      ],
    );
    const top = await report(sources, { currency: 'EUR', top: 1 }, settings);
    assert.deepEqual([top.rows[0]?.amount, top.rest[0]?.amount], ['0.000001284', '0.000001926']);
    assert.match(
      (await problemsOf(report(sources, { currency: 'EUR', limit: 4 }, settings))).join(),
      /limit: there are more than 4 rows, .* `top`, or by `bucket` month/,
    );
    const days = await report(sources, { by: 'consumer', currency: 'EUR', bucket: 'day', limit: 4 }, settings);
    assert.deepEqual([days.rows.length, days.next === null], [4, false]);
  });

  test('what would have too many pieces is refused with what to do', async () => {
    const sources = await bench([usageRecord('a'), usageRecord('b', { at: march + 450 * dayMs })]);
    assert.deepEqual(await problemsOf(report(sources, { bucket: 'quarter-hour' })), [
      'bucket: the period has more than 40000 pieces of a quarter-hour. Ask for a shorter period, or for longer pieces.',
    ]);
    assert.match(
      (await problemsOf(report(sources, { by: 'consumer', bucket: 'hour', top: 1 }))).join(),
      /top: 1 rows in each of 10801 buckets are more than 10000/,
    );
    assert.equal((await report(sources, { bucket: 'hour' })).rows.length, 2);
    assert.equal(quarterHourMs, 900_000);
  });
});

test('everything that is wrong with a question is told at once', async () => {
  const sources = await bench([usageRecord('a')]);
  const asked = {
    by: 'consumr,model,model',
    bucket: 'dag',
    timeZone: 'Europe/Amsterdm',
    from: '2026-02-30',
    to: 'someday',
    month: '2026-13',
    layer: 'net',
    currency: 'GBP',
    top: '0',
    limit: '10001',
    waitMs: '-1',
    filter: [
      'consumer=markting',
      'consumer=marketing',
      'outcome=done',
      'team=x',
      'region',
      'cost-centre=contoso',
      'cost-centre==contoso/marketing',
    ],
    after: 'x',
    fromm: 'x',
  };
  const settings = { ...plainSettings, currencies: { EUR: [] } };
  assert.deepEqual(await problemsOf(report(sources, asked, settings)), [
    "fromm: there is no such parameter. Did you mean 'from'?",
    "timeZone: 'Europe/Amsterdm' is no time zone of the IANA database, such as Europe/Amsterdam or UTC. Did you mean 'Europe/Amsterdam'?",
    "from: '2026-02-30' is no time: expected an RFC 3339 time with its zone, a day (2026-11-23), a month (2026-11), a year (2026), 'today', 'yesterday' or 'now'.",
    "to: 'someday' is no time: expected an RFC 3339 time with its zone, a day (2026-11-23), a month (2026-11), a year (2026), 'today', 'yesterday' or 'now'.",
    "month: '2026-13' is no month, such as 2026-11.",
    'month: it says the whole period: leave out `from`.',
    'month: it says the whole period: leave out `to`.',
    "filter: outcome: 'done' is not known. Known: completed, client-left, upstream-broke, timed-out, filtered-prompt, filtered-completion, refused-by-upstream, hedge-lost, gateway-lost, allocated, idle.",
    "filter: 'team' is not known. Known: consumer, cost-centre, product, subscription, model, endpoint, deployment, resource, deployment-type, region, operation, outcome, ….",
    "filter: 'region' is not of the form dimension=value.",
    "filter: cost-centre: '=' and '==' cannot be mixed.",
    "by: 'consumr' is not known. Did you mean 'consumer'?",
    "by: 'model' stands there twice.",
    "bucket: 'dag' is not known. Did you mean 'day'?",
    "layer: 'net' is not known. Known: list, contracted, internal.",
    "currency: there is no rate for 'GBP'. Known: USD, EUR. `currencies` of the configuration adds one.",
    "top: expected a whole number from 1 to 1000, not '0'.",
    "limit: expected a whole number from 1 to 10000, not '10001'.",
    "waitMs: expected a whole number from 0 to 60000, not '-1'.",
    'after: it is no `next` of a report.',
    "filter: consumer: nothing was ever used by 'markting', and the configuration has no such name. Did you mean 'marketing'?",
  ]);
  assert.deepEqual(sources.waited, [], 'nobody waits for a question that cannot be answered');
});

test('a reversed and an empty period are told as that', async () => {
  const sources = await bench([]);
  for (const [from, to] of [
    ['2026-03-02', '2026-03-01'],
    ['2026-03-01', '2026-03-01T00:00:00Z'],
  ])
    assert.match((await problemsOf(report(sources, { from, to }))).join(), /from: the period is empty: it begins at/);
});

test('a name that is configured but was never used is no mistake', async () => {
  const sources = await bench([usageRecord('a')]);
  const configured = { consumer: ['newcomers'], 'cost-centre': ['contoso/new/team'] };
  const asked = { filter: ['consumer=newcomers', 'cost-centre=contoso/new'] };
  assert.equal((await report(sources, asked, { ...plainSettings, configured })).total.requests, 0);
  assert.equal((await problemsOf(report(sources, asked))).length, 2);
});
