import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lostRecord } from './recovery.ts';
import { EntryDecoder, LaterVersion, UnreadableEntry } from './decode-entry.ts';
import { attemptText, headerText, openText, settleText } from './encode-entry.ts';
import { openedAttempt, usageRecord } from '../../../test/support/records.ts';

const decode = (json: string) => new EntryDecoder().decode(json);

test('an open comes back as it was', () => {
  const attempt = {
    ...openedAttempt(usageRecord('a', { caller: { endUser: 'f00d' }, servedBy: { modelVersion: null } })),
    requestedModel: 'ünïcode "quoted" \\ \n \u001e 😀',
    reservedNano: 12_345_678_901_234_567n,
    stream: true,
  };
  assert.deepEqual(decode(openText(attemptText(attempt))), { kind: 'open', attempt });
});

test('the text of the format does not change by accident', () => {
  assert.equal(
    settleText(usageRecord('01K', { units: { toolCalls: { web_search: 1 } }, reservedNano: 5n })),
    '{"v":1,"kind":"settle","id":"01K","requestId":"request-of-01K","attempt":1,"at":1772323200000,"reservedNano":"5",' +
      '"endUser":null,"caller":{"subscription":"marketing-web","product":"standard","consumer":"marketing",' +
      '"costCentrePath":"contoso/marketing"},"servedBy":{"endpoint":"weu","resource":"contoso-weu",' +
      '"region":"westeurope","deployment":"gpt-5.4-mini","deploymentType":"GlobalStandard","model":"gpt-5.4-mini",' +
      '"modelVersion":"2026-03-05"},"operation":"chat.completions","stream":false,"requestedModel":"gpt-5.4-mini",' +
      '"priceBook":"book-1","outcome":"completed","measuredInput":"reported","measuredOutput":"reported",' +
      '"units":[1000,400,0,0,0,50,10,0,{"web_search":1}],"cost":["token","260000",[]],"finishedAt":1772323201200,' +
      '"httpStatus":200,"serviceTier":"default","reportedModel":"gpt-5.4-mini-2026-03-05","spilledFrom":null,' +
      '"upstreamRequestId":"b6c2a6f0-7d1c-4c4f-9d0e-0d6f1c2b3a4d","timingUs":[250,310125,1180000,1200500],' +
      '"costLines":[["list","input",600,"p-input","150000"],["list","cachedInput",400,"p-cached","10000"],' +
      '["list","output",50,"p-output","100000"]]}',
  );
  assert.equal(
    headerText({ segment: 2, follows: 1, instance: 'j', createdAt: 5 }),
    '{"v":1,"kind":"header","segment":2,"follows":1,"instance":"j","createdAt":5}',
  );
});

test('a settle comes back with what is looked for and added up, and its detail as text', () => {
  const record = usageRecord('a', {
    requestId: 'r,"caller":1,"outcome":2',
    attempt: 2,
    caller: { endUser: 'f00d' },
    outcome: 'client-left',
    measuredInput: 'tokenized',
    measuredOutput: 'delivered',
    httpStatus: null,
    units: { cachedInput: null, toolCalls: { web_search: 2 } },
    cost: { pricing: 'ptu', nanoUsd: null, lines: [], unpriced: ['output'] },
  });
  const entry = decode(settleText(record));
  assert.ok(entry.kind === 'settle');
  const { detail, series, ...rest } = entry.record;
  assert.deepEqual(rest, {
    id: 'a',
    requestId: 'r,"caller":1,"outcome":2',
    attempt: 2,
    at: record.at,
    endUser: 'f00d',
    reservedNano: null,
    outcome: 'client-left',
    measuredInput: 'tokenized',
    measuredOutput: 'delivered',
    units: record.units,
    pricing: 'ptu',
    costNano: null,
    unpriced: ['output'],
  });
  const { endUser: _apart, ...caller } = record.caller;
  assert.deepEqual(series, {
    caller,
    servedBy: record.servedBy,
    operation: 'chat.completions',
    stream: false,
    requestedModel: 'gpt-5.4-mini',
    priceBook: 'book-1',
  });
  assert.deepEqual(JSON.parse(detail), {
    finishedAt: record.finishedAt,
    httpStatus: null,
    serviceTier: 'default',
    reportedModel: 'gpt-5.4-mini-2026-03-05',
    spilledFrom: null,
    upstreamRequestId: record.upstreamRequestId,
    timingUs: [250, 310_125, 1_180_000, 1_200_500],
    costLines: [],
  });
});

test('records of one series share its value; another series has its own', () => {
  const decoder = new EntryDecoder();
  const series = (record: ReturnType<typeof usageRecord>) => {
    const entry = decoder.decode(settleText(record));
    return entry.kind === 'settle' ? entry.record.series : undefined;
  };
  assert.equal(series(usageRecord('a')), series(usageRecord('b', { caller: { endUser: 'f00d' } })));
  assert.notEqual(series(usageRecord('a')), series(usageRecord('c', { stream: true })));
});

test('the text of a series follows a change of any of its members', () => {
  const caller = usageRecord('a').caller;
  const servedBy = usageRecord('a').servedBy;
  const attempt = { ...openedAttempt(usageRecord('a')), caller, servedBy };
  const changes = [{ stream: true }, { operation: 'responses' as const }, { requestedModel: 'x' }, { priceBook: 'y' }];
  for (const change of [{}, ...changes, {}]) {
    const changed = { ...attempt, ...change };
    assert.deepEqual(decode(openText(attemptText(changed))), { kind: 'open', attempt: changed });
  }
});

test('what is no amount is refused, never written as something else', () => {
  const refused: [string, Parameters<typeof usageRecord>[1]][] = [
    ['a fraction', { units: { input: 0.5 } }],
    ['not a number', { units: { output: Number.NaN } }],
    ['a negative amount', { units: { reasoning: -1 } }],
    ['a rounded amount', { units: { input: 2 ** 53 } }],
    ['endless time', { timing: { queueMs: Number.POSITIVE_INFINITY, firstByteMs: null, upstreamMs: 1, totalMs: 1 } }],
    ['money beyond 64 bits', { cost: { nanoUsd: 2n ** 63n } }],
    ['a fractional instant', { finishedAt: 1.5 }],
    ['a fractional number of calls', { units: { toolCalls: { web_search: 1.5 } } }],
  ];
  for (const [what, changes] of refused) assert.throws(() => settleText(usageRecord('a', changes)), /recorded/, what);
});

test('an entry of a later format stops the reader; anything else that is no entry is unreadable', () => {
  assert.throws(() => decode('{"v":2,"kind":"settle","id":"a"}'), LaterVersion);
  const settle = settleText(usageRecord('a'));
  const unreadable = [
    'null',
    '{}',
    '{"v":1,"kind":"other"}',
    '{"v":1,"kind":"settle","id":"a"}',
    settle.replace('"completed"', '"invented"'),
    settle.replace('"units":[1000', '"units":["1000"'),
    settle.replace('"units":[1000', '"units":[1000.5'),
    settle.replace('"260000"', '260000'),
    settle.replace('"attempt":1', '"attempt":null'),
    settle.replace('"consumer":"marketing"', '"consumer":7'),
  ];
  for (const text of unreadable) assert.throws(() => decode(text), UnreadableEntry, text);
});

test('the record of a lost attempt can be read back', () => {
  const entry = decode(settleText(lostRecord(openedAttempt(usageRecord('a')), 77)));
  assert.ok(entry.kind === 'settle');
  assert.equal(entry.record.outcome, 'gateway-lost');
  assert.equal(entry.record.costNano, null);
  assert.deepEqual(entry.record.unpriced, ['usage unknown']);
  assert.deepEqual(
    Object.values(entry.record.units).slice(0, 8),
    Array.from({ length: 8 }, () => null),
  );
});
