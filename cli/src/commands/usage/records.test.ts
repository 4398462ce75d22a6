import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  usageRecordsSchema,
  usageRequestSchema,
  type LedgerAdjustment,
  type LedgerRecord,
  type UsageRecords,
} from '@tollgate/contract/admin-api/usage.ts';
import { fakeGateway, promised, refused, type Asked } from '../../../test/support/fake-gateway.ts';
import { runCli } from '../../../test/support/run-cli.ts';

const place = {
  consumer: 'marketing',
  costCentre: 'contoso/marketing',
  product: 'standard',
  subscription: 'marketing-web',
  model: 'gpt-5.4-mini',
  modelVersion: null,
  endpoint: 'weu',
  resource: 'contoso-weu',
  deployment: 'mini',
  deploymentType: 'GlobalStandard',
  region: 'westeurope',
  operation: 'chat.completions',
};
const line = {
  layer: 'list',
  meter: 'input',
  units: 600,
  priceId: 'p-input',
  nanoUsd: '150000',
  inCost: true,
} as const;

const booked: LedgerAdjustment = {
  id: 'correction-1',
  kind: 'correction',
  at: '2026-11-23T10:00:00.000Z',
  bookedAt: '2026-12-01T08:00:00.000Z',
  of: { id: 'a1', at: '2026-11-23T10:00:00.000Z' },
  postings: [
    {
      ...place,
      outcome: 'completed',
      costNanoUsd: '-40000',
      listCostNanoUsd: '0',
      internalCostNanoUsd: '0',
      heldNanoUsd: '0',
      pricedAttempts: 0,
      lines: [{ ...line, units: -600, nanoUsd: '-40000' }],
    },
  ],
  detail: { why: 'the contract says so' },
};

const record: LedgerRecord = {
  id: 'a1',
  requestId: 'r1',
  attempt: 1,
  at: '2026-11-23T10:00:00.123Z',
  finishedAt: '2026-11-23T10:00:01.000Z',
  ...place,
  endUser: null,
  stream: true,
  requestedModel: 'house-model',
  reportedModel: 'gpt-5.4-mini-2026-03-05',
  serviceTier: 'default',
  spilledFrom: null,
  upstreamRequestId: null,
  outcome: 'completed',
  httpStatus: 200,
  measuredInput: 'reported',
  measuredOutput: 'reported',
  units: {
    inputTokens: 1000,
    cachedInputTokens: 400,
    cacheWriteInputTokens: 0,
    audioInputTokens: null,
    imageInputTokens: 0,
    outputTokens: 50,
    reasoningTokens: 0,
    audioOutputTokens: 0,
    seconds: 0,
    characters: 0,
    toolCalls: { web_search: 2 },
    images: {},
  },
  timing: { queueMs: 0.5, firstByteMs: 310, upstreamMs: 900, totalMs: 950.5 },
  reservedNanoUsd: null,
  heldNanoUsd: '0',
  pricing: 'token',
  priceBook: 'book',
  costNanoUsd: '150000',
  listCostNanoUsd: '150000',
  internalCostNanoUsd: null,
  unpriced: [],
  lines: [line],
  adjustments: [booked],
};

const lost: LedgerRecord = {
  ...record,
  id: 'a2',
  requestId: 'r2',
  outcome: 'gateway-lost',
  httpStatus: null,
  units: { ...record.units, inputTokens: null, outputTokens: null },
  measuredInput: 'unknown',
  measuredOutput: 'unknown',
  costNanoUsd: null,
  listCostNanoUsd: null,
  unpriced: ['usage unknown'],
  lines: [],
  adjustments: [],
  heldNanoUsd: '7000000',
  reservedNanoUsd: '7000000',
};

const entries: UsageRecords['entries'] = [
  { kind: 'adjustment', adjustment: booked },
  { kind: 'record', record },
  { kind: 'record', record: lost },
];
const page = (change: Partial<UsageRecords> = {}) =>
  promised(usageRecordsSchema, { entries, next: null, lag: { records: 0, openAttempts: 0 }, ...change });

test('the calls behind a figure, what is unknown by that word, an adjustment with its sign', async (t) => {
  const gateway = await fakeGateway(t, { 'GET usage/records': page({ next: 'cursor-1' }) });
  const args = ['usage', 'records', '--month', '2026-11', '--filter', 'cost-centre==contoso/marketing'];
  const { status, out, err } = await runCli(args, gateway.environment);
  assert.equal(status, 0);
  assert.deepEqual(gateway.asked[0]?.query, {
    month: '2026-11',
    filter: 'cost-centre==contoso/marketing',
    waitMs: '5000',
    limit: '50',
  });
  const rows = out.split('\n').map((row) => row.split(/ {2,}/));
  assert.deepEqual(rows.slice(0, 4), [
    ['admitted (UTC)', 'team', 'model', 'outcome', 'input', 'output', 'cost in USD', 'request'],
    ['2026-11-23 10:00:00', 'marketing', 'gpt-5.4-mini', 'correction', '–', '–', '-0.00004', 'of a1'],
    ['2026-11-23 10:00:00', 'marketing', 'gpt-5.4-mini', 'completed', '1,000', '50', '0.00015', 'r1'],
    ['2026-11-23 10:00:00', 'marketing', 'gpt-5.4-mini', 'gateway-lost', 'unknown', 'unknown', 'unknown', 'r2'],
  ]);
  assert.match(err, /there is more: the same with --after cursor-1, or --format csv for all/);
});

test('CSV has all pages, one header, and sums that add up', async (t) => {
  const pages: Readonly<Record<string, UsageRecords['entries']>> = {
    '': entries.slice(0, 2),
    second: entries.slice(2),
  };
  const gateway = await fakeGateway(t, {
    'GET usage/records': ({ query }: Asked) =>
      page({ entries: pages[query['after'] ?? ''] ?? [], next: query['after'] === undefined ? 'second' : null }),
  });
  const { out } = await runCli(['usage', 'records', '--format', 'csv'], gateway.environment);
  const [header = '', ...rows] = out.split('\r\n').slice(0, -1);
  assert.deepEqual(
    rows.map((row) => row.split(',').slice(0, 6).join(',')),
    [
      'correction,correction-1,2026-11-23T10:00:00.000Z,2026-12-01T08:00:00.000Z,a1,marketing',
      'record,a1,2026-11-23T10:00:00.123Z,,,marketing',
      'record,a2,2026-11-23T10:00:00.123Z,,,marketing',
    ],
  );
  const cost = header.split(',').indexOf('costNanoUsd');
  assert.deepEqual(
    rows.map((row) => row.split(',')[cost]),
    ['-40000', '150000', ''],
  );
  assert.deepEqual(
    gateway.asked.map((one) => [one.query['limit'], one.query['waitMs']]),
    [
      ['1000', '5000'],
      ['1000', '0'],
    ],
  );
});

test('JSON is a page as the admin API gives it', async (t) => {
  const gateway = await fakeGateway(t, { 'GET usage/records': page({ next: 'more' }) });
  const { out } = await runCli(['usage', 'records', '--limit', '3', '--after', 'x', '--json'], gateway.environment);
  assert.deepEqual(JSON.parse(out), page({ next: 'more' }).body);
  assert.deepEqual([gateway.asked[0]?.query['limit'], gateway.asked[0]?.query['after']], ['3', 'x']);
});

test('one request: every attempt with how it was measured, each line of what it cost, and what was booked later', async (t) => {
  const found = { requestId: 'r 1', attempts: [record, { ...lost, attempt: 2 }] };
  const gateway = await fakeGateway(t, { 'GET usage/requests/r%201': promised(usageRequestSchema, found) });
  const { out, status } = await runCli(['usage', 'request', 'r 1'], gateway.environment);
  assert.equal(status, 0);
  for (const expected of [
    /^Attempt 1: completed, HTTP 200$/m,
    /^ {2}charged to +marketing \(marketing-web, standard\), contoso\/marketing$/m,
    /^ {2}used +input 1,000 \(reported\), output 50 \(reported\), cached 400, web_search 2$/m,
    /^ {2}took +950\.5 ms, upstream 900 ms, first byte after 310 ms$/m,
    /^ {2}correction, booked 2026-12-01T08:00:00\.000Z: -0\.00004 USD \(correction-1\)$/m,
    /^ {2}list +input +600 +0\.000150000 +yes +p-input$/m,
    /^ {2}list +input +-600 +-0\.000040000 +yes +p-input$/m,
    /^Attempt 2: gateway-lost$/m,
    /^ {2}used +input unknown \(unknown\), output unknown \(unknown\)/m,
    /^ {2}held +0\.007 USD$/m,
    /^ {2}cost +unknown$/m,
    /^ {2}unpriced +usage unknown$/m,
  ])
    assert.match(out, expected);
  const csv = await runCli(['usage', 'request', 'r 1', '--format', 'csv'], gateway.environment);
  assert.deepEqual(csv.out.split('\r\n'), [
    'attempt,booked,layer,meter,units,nanoUsd,inCost,priceId',
    '1,,list,input,600,150000,true,p-input',
    '1,correction-1,list,input,-600,-40000,true,p-input',
    '',
  ]);
  assert.deepEqual(JSON.parse((await runCli(['usage', 'request', 'r 1', '--json'], gateway.environment)).out), found);
});

test('a request that the store does not know is told as that', async (t) => {
  const gateway = await fakeGateway(t, {
    'GET usage/requests/nobody': refused(404, {
      code: 'admin_not_found',
      message: 'The store has no settled attempt of this request.',
      id: 'id-1',
    }),
  });
  const { status, err } = await runCli(['usage', 'request', 'nobody'], gateway.environment);
  assert.equal(status, 1);
  assert.match(err, /no settled attempt of this request/);
});
