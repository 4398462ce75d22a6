import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nothingUsed, usageReportSchema, type UsageFigures, type UsageReport } from '@tollgate/contract/usage.ts';
import { fakeGateway, promised, refused, type Answer, type Asked } from '../../../test/support/fake-gateway.ts';
import { reportOf, rowOf } from '../../../test/support/reports.ts';
import { runCli, testContext } from '../../../test/support/run-cli.ts';
import { run } from '#run.ts';
import { marks, tableColumns, type Line, type TableShape } from './columns.ts';

const marketing: UsageFigures = {
  ...nothingUsed,
  requests: 1200,
  attempts: 1203,
  inputTokens: 1234567,
  cachedInputTokens: 1024,
  outputTokens: 98765,
  reasoningTokens: 64,
  costNanoUsd: '1234567891',
  pricedAttempts: 1203,
  amount: '1.234567891',
};

const example = (change: Partial<UsageReport> = {}): UsageReport =>
  reportOf({
    rows: [
      rowOf({ consumer: 'marketing' }, marketing),
      rowOf({ consumer: '' }, { requests: 1, attempts: 1, unpricedRequests: 1, inputTokens: 5, outputTokens: 7 }),
    ],
    total: { ...marketing, requests: 1201, attempts: 1204, unpricedRequests: 1 },
    ...change,
  });

const answering = (report: UsageReport): Record<string, Answer> => ({
  'GET usage': promised(usageReportSchema, report),
});

test('asks for what the options say: instants in UTC, days as they are, because the gateway knows their time zone', async (t) => {
  const gateway = await fakeGateway(t, answering(example()));
  const args = ['usage', '--by', 'model,day', '--from', '-7d', '--to', '2026-11-23T12:00:00+01:00', '--wait', '1.5'];
  const more = ['--layer', 'list', '--currency', 'EUR', '--top', '3', '--time-zone', 'Europe/Amsterdam'];
  const filter = ['--filter', 'region=westeurope', '--filter', 'cost-centre==contoso'];
  assert.equal((await runCli([...args, ...more, ...filter], gateway.environment)).status, 0);
  const [asked] = gateway.asked;
  assert.match(asked?.query['from'] ?? '', /^2026-11-16T10:20:30\.\d{3}Z$/);
  assert.deepEqual(
    { ...asked?.query, from: '' },
    {
      by: 'model,day',
      from: '',
      to: '2026-11-23T11:00:00.000Z',
      timeZone: 'Europe/Amsterdam',
      // The fake keeps the last of several.
      filter: 'cost-centre==contoso',
      layer: 'list',
      currency: 'EUR',
      top: '3',
      limit: '1000',
      waitMs: '1500',
    },
  );
  await runCli(['usage', '--from', '2026-11', '--to', 'today', '--format', 'csv'], gateway.environment);
  assert.deepEqual(gateway.asked[1]?.query, { from: '2026-11', to: 'today', waitMs: '5000' });
  await runCli(['usage', '--month', '2026-11', '--json'], gateway.environment);
  assert.deepEqual(gateway.asked[2]?.query, { month: '2026-11', waitMs: '5000' });
});

test('the table groups digits, names what has no key, and never shows an unpriced cost as 0', async (t) => {
  const gateway = await fakeGateway(t, answering(example()));
  const { out, err } = await runCli(['usage'], gateway.environment);
  const lines = out.split('\n');
  assert.match(lines[0] ?? '', /^consumer +requests +attempts +input +cached +output +reasoning +cost in USD +marks$/);
  assert.match(lines[1] ?? '', /^marketing +1,200 +1,203 +1,234,567 +1,024 +98,765 +64 +1\.234567891$/);
  assert.match(lines[2] ?? '', /^\(none\) +1 +1 +5 +0 +7 +0 +unpriced +1 unpriced$/);
  assert.match(lines[4] ?? '', /^total .* 1\.234567891 \+ unpriced +1 unpriced$/);
  assert.match(out, /unpriced 1 · of unknown usage 0 ·\ndelivered-only .* 0 · estimated \(~\) 0/);
  assert.equal(err, '');
});

test('what does not fit the terminal is left out, the least important first, and told', async (t) => {
  const gateway = await fakeGateway(t, answering(example()));
  const shown = async (columns: number): Promise<{ heading: string; widest: number; err: string }> => {
    const context = testContext(gateway.environment);
    const out = Object.assign(context.out, { columns });
    await run(['usage'], { ...context, out });
    const table = out.text.split('\n\n')[0]?.split('\n') ?? [];
    return { heading: table[0] ?? '', widest: Math.max(...table.map((line) => line.length)), err: context.err.text };
  };
  const narrow = await shown(80);
  assert.ok(narrow.widest <= 80, String(narrow.widest));
  assert.match(narrow.heading, /^consumer +requests +input +output +cost in USD +marks$/);
  assert.match(narrow.err, /no room for attempts, cached, reasoning:/);
  const wide = await shown(200);
  assert.equal(wide.err, '');
  assert.match(wide.heading, /reasoning/);
});

const halfOf = (day: string) => ({ label: day, from: `${day}T00:00:00.000Z`, to: `${day}T12:00:00.000Z` });

test('several dimensions and time have a column each; what is left of the dearest stands behind them', async (t) => {
  const report = example({
    by: ['consumer', 'model'],
    bucketLength: 'day',
    rows: ['2026-11-01', '2026-11-02'].map((day) => ({
      ...rowOf({ consumer: 'web', model: 'gpt' }, { requests: 2 }),
      bucket: halfOf(day),
    })),
    rest: ['2026-11-01', '2026-11-02'].map((day) => ({ ...nothingUsed, requests: 3, bucket: halfOf(day) })),
    restGroups: 1234,
  });
  const gateway = await fakeGateway(t, answering(report));
  const { out } = await runCli(['usage', '--by', 'consumer,model,day', '--top', '1'], gateway.environment);
  assert.deepEqual(
    out
      .split('\n')
      .slice(0, 5)
      .map((line) => line.replaceAll(/ {2,}/g, '|').split('|').slice(0, 3).join('|')),
    [
      'day|consumer|model',
      '2026-11-01|web|gpt',
      '2026-11-01|(the other 1,234)|3',
      '2026-11-02|web|gpt',
      '2026-11-02|(the other 1,234)|3',
    ],
  );
  assert.match(out, /\ntotal /);
  const csv = await runCli(['usage', '--by', 'consumer,model,day', '--format', 'csv'], gateway.environment);
  const starts = [
    'bucket,bucketFrom,bucketTo,consumer,model,requests,',
    '2026-11-01,2026-11-01T00:00:00.000Z,2026-11-01T12:00:00.000Z,web,gpt,2,',
    '2026-11-01,2026-11-01T00:00:00.000Z,2026-11-01T12:00:00.000Z,"(the other 1,234)",,3,',
  ];
  const lines = csv.out.split('\r\n');
  for (const [at, start] of starts.entries()) assert.equal(lines[at]?.slice(0, start.length), start);
});

test('another currency stands beside the USD, with its rates and what rounding makes of the total', async (t) => {
  const report = example({
    layer: 'internal',
    timeZone: 'Europe/Amsterdam',
    currency: { code: 'EUR', rates: [{ from: '2026-10-31T23:00:00.000Z', perUsd: '0.92' }] },
    rows: [
      rowOf(
        { consumer: 'web' },
        { attempts: 2, amount: '1234.5', internalCostNanoUsd: '1341847826087', internalPricedAttempts: 1 },
      ),
    ],
    roundingDifference: '0.000000001',
  });
  const gateway = await fakeGateway(t, answering(report));
  const { out } = await runCli(['usage', '--currency', 'EUR', '--layer', 'internal'], gateway.environment);
  const [heading, row] = out.split('\n');
  assert.match(heading ?? '', /internal cost in EUR +internal cost in USD/);
  assert.match(row ?? '', /1,234\.500000000 \+ unpriced +1,341\.847826087$/);
  assert.match(out, /Cost: at internal rates\.\nEUR: 0\.92 per USD from 2026-11-01; converted from exact sums\.\n/);
  assert.match(out, /total in EUR differs from the sum of its rows by 0\.000000001/);
});

test('JSON is the report of the admin API, fields of later versions included', async (t) => {
  const report = example();
  const gateway = await fakeGateway(t, {
    'GET usage': promised(usageReportSchema, report, { later: 'of a later version' }),
  });
  const { out } = await runCli(['usage', '--by', 'consumer', '--format', 'json'], gateway.environment);
  assert.deepEqual(JSON.parse(out), { ...report, later: 'of a later version' });
  assert.equal((await runCli(['usage', '--json'], gateway.environment)).out, out);
});

test('CSV has plain integers, an empty cell for an unknown cost, and no total to be added in', async (t) => {
  const gateway = await fakeGateway(t, answering(example()));
  const { out } = await runCli(['usage', '--format', 'csv'], gateway.environment);
  assert.deepEqual(out.split('\r\n'), [
    'consumer,requests,attempts,inputTokens,cachedInputTokens,cacheWriteInputTokens,audioInputTokens,imageInputTokens,' +
      'outputTokens,reasoningTokens,audioOutputTokens,seconds,characters,images,toolCalls,costNanoUsd,pricedAttempts,' +
      'listCostNanoUsd,listPricedAttempts,internalCostNanoUsd,internalPricedAttempts,heldNanoUsd,unpricedRequests,' +
      'unknownUsageRequests,unknownUsageAttempts,deliveredOnlyRequests,estimatedRequests,amount,currency,layer',
    'marketing,1200,1203,1234567,1024,0,0,0,98765,64,0,0,0,0,0,1234567891,1203,,0,,0,0,0,0,0,0,0,1.234567891,USD,contracted',
    ',1,1,5,0,0,0,0,7,0,0,0,0,0,0,,0,,0,,0,0,1,0,0,0,0,,USD,contracted',
    '',
  ]);
});

/** Three pages of a report, the way the gateway gives them. */
const paged = (asked: Asked): Answer => {
  const page = Number(asked.query['after'] ?? '1');
  const report = example({
    rows: [rowOf({ consumer: `team-${page}` }, { requests: page })],
    next: page === 3 ? null : String(page + 1),
    roundingDifference: null,
  });
  return promised(usageReportSchema, report, { later: page });
};

test('a report of many pages is whole as CSV and as JSON; a table says that it is not', async (t) => {
  const gateway = await fakeGateway(t, { 'GET usage': paged });
  const csv = await runCli(['usage', '--format', 'csv'], gateway.environment);
  assert.deepEqual(
    csv.out.split('\r\n').map((line) => line.split(',')[0]),
    ['consumer', 'team-1', 'team-2', 'team-3', ''],
  );
  assert.deepEqual(
    gateway.asked.map((one) => one.query['waitMs']),
    ['5000', '0', '0'],
  );
  const json = JSON.parse((await runCli(['usage', '--json'], gateway.environment)).out) as UsageReport & {
    later: number;
  };
  assert.deepEqual(
    json.rows.map((row) => row.key),
    ['team-1', 'team-2', 'team-3'],
  );
  assert.deepEqual([json.next, json.total.requests, json.later], [null, 1201, 1]);
  usageReportSchema.parse(json);
  const table = await runCli(['usage'], gateway.environment);
  assert.doesNotMatch(table.out, /team-2/);
  assert.match(table.err, /these are the first 1 rows; the total is of all\. --top/);
});

test('what the gateway finds wrong is told line by line', async (t) => {
  const gateway = await fakeGateway(t, {
    'GET usage': refused(400, {
      code: 'admin_invalid',
      message: 'The report cannot be made as it is asked for.',
      id: 'id-1',
      details: ["timeZone: 'Mars' is no time zone.", "currency: there is no rate for 'GBP'."],
    }),
  });
  const { status, err } = await runCli(['usage', '--time-zone', 'Mars', '--currency', 'GBP'], gateway.environment);
  assert.equal(status, 1);
  assert.match(err, /cannot be made.*\n {2}- timeZone: .*\n {2}- currency: /);
});

test('what the store does not hold yet is told beside the report, in every format', async (t) => {
  const gateway = await fakeGateway(t, answering(example({ lag: { records: 12, openAttempts: 3 } })));
  for (const format of ['table', 'json', 'csv']) {
    const { status, err, out } = await runCli(['usage', '--format', format], gateway.environment);
    assert.equal(status, 0);
    assert.match(err, /12 settled calls are not in this report yet.*after 5 s/);
    assert.match(err, /3 calls are in flight/);
    assert.doesNotMatch(out, /note:/);
  }
});

test('an empty period says so', async (t) => {
  const gateway = await fakeGateway(t, answering(reportOf()));
  assert.equal(
    (await runCli(['usage', '--from', 'today'], gateway.environment)).out,
    'Nothing was used in this period.\n',
  );
});

function cells(figures: Partial<UsageFigures>, shape: Partial<TableShape> = {}): Readonly<Record<string, string>> {
  const line: Line = { ...nothingUsed, ...figures, bucket: null, names: ['k'] };
  const columns = tableColumns({ ...reportOf(), ...shape }, [line]);
  return Object.fromEntries(columns.map((column) => [column.name, column.text?.(line) ?? String(column.value(line))]));
}

test('tokens of unknown usage are never shown as 0', () => {
  const nothing = { inputTokens: null, outputTokens: null, costNanoUsd: null };
  const none = cells({ requests: 1, attempts: 1, unknownUsageRequests: 1, unknownUsageAttempts: 1, ...nothing });
  assert.deepEqual([none['inputTokens'], none['outputTokens'], none['USD']], ['unknown', 'unknown', 'unknown']);
  const some = cells({
    requests: 2,
    attempts: 2,
    unknownUsageRequests: 1,
    unknownUsageAttempts: 1,
    inputTokens: 9,
    outputTokens: 4,
    costNanoUsd: '5',
  });
  assert.deepEqual([some['inputTokens'], some['USD']], ['≥ 9', '0.000000005 + unknown']);
  const retried = cells({ attempts: 1, unknownUsageAttempts: 1, ...nothing });
  assert.equal(retried['USD'], 'unknown', 'also where its request is counted elsewhere');
});

test('a cost of 0 beside something unpriced is not shown as 0', () => {
  assert.equal(cells({ costNanoUsd: '0', unpricedRequests: 1 })['USD'], 'unpriced');
  assert.equal(cells({ costNanoUsd: '0' })['USD'], '0.00', 'but a known 0 is 0');
  assert.equal(cells({ costNanoUsd: null })['USD'], '–', 'and nothing is nothing');
});

test('what has no price on a layer is told on that layer', () => {
  const half = { attempts: 2, pricedAttempts: 2, costNanoUsd: '7', listPricedAttempts: 1, listCostNanoUsd: '5' };
  assert.equal(cells(half)['USD'], '0.000000007');
  assert.equal(cells(half, { layer: 'list' })['USD'], '0.000000005 + unpriced');
  assert.equal(cells(half, { layer: 'internal' })['USD'], 'unpriced');
});

test('a broken-off reply makes output and cost a lower bound, an estimate makes them about', () => {
  const cut = cells({
    inputTokens: 8,
    outputTokens: 4,
    reasoningTokens: 2,
    costNanoUsd: '2000000000',
    deliveredOnlyRequests: 1,
  });
  assert.deepEqual(
    [cut['inputTokens'], cut['outputTokens'], cut['reasoningTokens'], cut['USD']],
    ['8', '≥ 4', '≥ 2', '≥ 2.00'],
  );
  const guessed = cells({ inputTokens: 8, outputTokens: 4, costNanoUsd: '2000000000', estimatedRequests: 1 });
  assert.deepEqual([guessed['inputTokens'], guessed['USD']], ['~ 8', '~ 2.00']);
});

test('units that nothing has are no column, except for the ordinary two', () => {
  assert.deepEqual(Object.keys(cells({ requests: 1, attempts: 1, images: 3 })), [
    'consumer',
    'requests',
    'inputTokens',
    'outputTokens',
    'images',
    'USD',
  ]);
});

test('marks are words with their count, none where there is none', () => {
  assert.equal(marks(nothingUsed), '');
  assert.equal(
    marks({
      ...nothingUsed,
      unpricedRequests: 1,
      unknownUsageRequests: 2,
      deliveredOnlyRequests: 3,
      estimatedRequests: 4000,
    }),
    '1 unpriced, 2 usage unknown, 3 delivered-only, 4,000 estimated',
  );
});
