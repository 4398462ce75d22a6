import assert from 'node:assert/strict';
import { test } from 'node:test';
import { usageReportSchema, type UsageFigures, type UsageReport } from '@tollgate/contract/usage.ts';
import { fakeGateway, promised } from '../../../test/support/fake-gateway.ts';
import { runCli } from '../../../test/support/run-cli.ts';
import { marks, tableColumns, usageColumns } from './columns.ts';

const nothing: UsageFigures = {
  requests: 0,
  attempts: 0,
  inputTokens: 0,
  cachedInputTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  costNanoUsd: null,
  unpricedRequests: 0,
  unknownUsageRequests: 0,
  deliveredOnlyRequests: 0,
  estimatedRequests: 0,
};
const marketing: UsageFigures = {
  ...nothing,
  requests: 1200,
  attempts: 1203,
  inputTokens: 1234567,
  cachedInputTokens: 1024,
  outputTokens: 98765,
  reasoningTokens: 64,
  costNanoUsd: '1234567891',
};

function reportOf(change: Partial<UsageReport> = {}): UsageReport {
  return {
    by: 'consumer',
    from: null,
    to: null,
    rows: [
      { key: 'marketing', ...marketing },
      { key: '', ...nothing, requests: 1, attempts: 1, unpricedRequests: 1, inputTokens: 5, outputTokens: 7 },
    ],
    total: { ...marketing, requests: 1201, attempts: 1204, unpricedRequests: 1 },
    lag: { records: 0, openAttempts: 0 },
    ...change,
  };
}

test('asks for what the options say, in UTC', async (t) => {
  const gateway = await fakeGateway(t, { 'GET usage': promised(usageReportSchema, reportOf()) });
  const args = ['usage', '--by', 'model', '--from', '-7d', '--to', '2026-11-23T12:00:00+01:00', '--wait', '1.5'];
  assert.equal((await runCli(args, gateway.environment)).status, 0);
  const [asked] = gateway.asked;
  assert.equal(asked?.query['by'], 'model');
  assert.match(asked?.query['from'] ?? '', /^2026-11-16T10:20:30\.\d{3}Z$/);
  assert.equal(asked?.query['to'], '2026-11-23T11:00:00.000Z');
  assert.equal(asked?.query['waitMs'], '1500');
});

test('by default it asks for every consumer since the beginning, and waits five seconds for the store', async (t) => {
  const gateway = await fakeGateway(t, { 'GET usage': promised(usageReportSchema, reportOf()) });
  await runCli(['usage'], gateway.environment);
  assert.deepEqual(gateway.asked[0]?.query, { by: 'consumer', waitMs: '5000' });
});

test('the table groups digits, names what has no key, and never shows an unpriced cost as 0', async (t) => {
  const gateway = await fakeGateway(t, { 'GET usage': promised(usageReportSchema, reportOf()) });
  const { out, err } = await runCli(['usage'], gateway.environment);
  const lines = out.split('\n');
  assert.match(lines[0] ?? '', /^consumer +requests +attempts +input +cached +output +reasoning +cost in USD +marks$/);
  assert.match(lines[1] ?? '', /^marketing +1,200 +1,203 +1,234,567 +1,024 +98,765 +64 +1\.234567891$/);
  assert.match(lines[2] ?? '', /^\(none\) +1 +1 +5 +0 +7 +0 +unpriced +1 unpriced$/);
  assert.match(lines[4] ?? '', /^total .* 1\.234567891 \+ unpriced +1 unpriced$/);
  assert.match(out, /unpriced 1 · of unknown usage 0 · delivered-only .* 0 · estimated \(~\) 0/);
  assert.equal(err, '');
});

test('JSON is the report of the admin API, fields of later versions included', async (t) => {
  const report = reportOf();
  const gateway = await fakeGateway(t, {
    'GET usage': promised(usageReportSchema, report, { currency: 'of a later version' }),
  });
  const { out } = await runCli(['usage', '--by', 'consumer', '--format', 'json'], gateway.environment);
  assert.deepEqual(JSON.parse(out), { ...report, currency: 'of a later version' });
  assert.equal((await runCli(['usage', '--json'], gateway.environment)).out, out);
});

test('CSV has plain integers, an empty cell for an unknown cost, and no total to be added in', async (t) => {
  const gateway = await fakeGateway(t, { 'GET usage': promised(usageReportSchema, reportOf()) });
  const { out } = await runCli(['usage', '--format', 'csv'], gateway.environment);
  assert.deepEqual(out.split('\r\n'), [
    'key,requests,attempts,inputTokens,cachedInputTokens,outputTokens,reasoningTokens,costNanoUsd,unpricedRequests,unknownUsageRequests,deliveredOnlyRequests,estimatedRequests',
    'marketing,1200,1203,1234567,1024,98765,64,1234567891,0,0,0,0',
    ',1,1,5,0,7,0,,1,0,0,0',
    '',
  ]);
});

test('what the store does not hold yet is told beside the report, in every format', async (t) => {
  const report = reportOf({ lag: { records: 12, openAttempts: 3 } });
  const gateway = await fakeGateway(t, { 'GET usage': promised(usageReportSchema, report) });
  for (const format of ['table', 'json', 'csv']) {
    const { status, err, out } = await runCli(['usage', '--format', format], gateway.environment);
    assert.equal(status, 0);
    assert.match(err, /12 settled calls are not in this report yet.*after 5 s/);
    assert.match(err, /3 calls are in flight/);
    assert.doesNotMatch(out, /note:/);
  }
});

test('an empty period says so', async (t) => {
  const report = reportOf({ rows: [], total: nothing });
  const gateway = await fakeGateway(t, { 'GET usage': promised(usageReportSchema, report) });
  assert.equal(
    (await runCli(['usage', '--from', 'today'], gateway.environment)).out,
    'Nothing was used in this period.\n',
  );
});

const cells = (figures: Partial<UsageFigures>): Readonly<Record<string, string>> => {
  const line = { key: 'k', ...nothing, ...figures };
  const columns = tableColumns(usageColumns('key', [line]));
  return Object.fromEntries(columns.map((column) => [column.name, column.text?.(line) ?? String(column.value(line))]));
};

test('tokens of unknown usage are never shown as 0', () => {
  const none = cells({ requests: 1, unknownUsageRequests: 1 });
  assert.equal(none['inputTokens'], 'unknown');
  assert.equal(none['outputTokens'], 'unknown');
  assert.equal(none['costNanoUsd'], 'unknown');
  const some = cells({ requests: 2, unknownUsageRequests: 1, inputTokens: 9, outputTokens: 4, costNanoUsd: '5' });
  assert.equal(some['inputTokens'], '≥ 9');
  assert.equal(some['costNanoUsd'], '0.000000005 + unknown');
});

test('a cost of 0 beside something unpriced is not shown as 0', () => {
  assert.equal(cells({ costNanoUsd: '0', unpricedRequests: 1 })['costNanoUsd'], 'unpriced');
  assert.equal(cells({ costNanoUsd: '0' })['costNanoUsd'], '0.00', 'but a known 0 is 0');
  assert.equal(cells({ costNanoUsd: null })['costNanoUsd'], '–', 'and nothing is nothing');
});

test('a broken-off reply makes output and cost a lower bound, an estimate makes them about', () => {
  const cut = cells({ inputTokens: 8, outputTokens: 4, costNanoUsd: '2000000000', deliveredOnlyRequests: 1 });
  assert.deepEqual(
    [cut['inputTokens'], cut['outputTokens'], cut['reasoningTokens'], cut['costNanoUsd']],
    ['8', '≥ 4', '0', '≥ 2.00'],
  );
  const guessed = cells({ inputTokens: 8, outputTokens: 4, costNanoUsd: '2000000000', estimatedRequests: 1 });
  assert.deepEqual([guessed['inputTokens'], guessed['costNanoUsd']], ['~ 8', '~ 2.00']);
});

test('marks are words with their count, none where there is none', () => {
  assert.equal(marks(nothing), '');
  assert.equal(
    marks({
      ...nothing,
      unpricedRequests: 1,
      unknownUsageRequests: 2,
      deliveredOnlyRequests: 3,
      estimatedRequests: 4000,
    }),
    '1 unpriced, 2 usage unknown, 3 delivered-only, 4,000 estimated',
  );
});
