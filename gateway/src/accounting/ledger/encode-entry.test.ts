import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lostRecord } from './recovery.ts';
import { EntryDecoder, LaterVersion } from './decode-entry.ts';
import { UnreadableEntry } from './entry-members.ts';
import { adjustmentText, attemptText, headerText, openText, settleText, storedSettleText } from './encode-entry.ts';
import { correction, openedAttempt, posting, storedRecord, usageRecord } from '../../../test/support/records.ts';

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
    '{"v":2,"kind":"settle","id":"01K","requestId":"request-of-01K","attempt":1,"at":1772323200000,"reservedNano":"5",' +
      '"endUser":null,"caller":{"subscription":"marketing-web","product":"standard","consumer":"marketing",' +
      '"costCentrePath":"contoso/marketing"},"servedBy":{"endpoint":"weu","resource":"contoso-weu",' +
      '"region":"westeurope","deployment":"gpt-5.4-mini","deploymentType":"GlobalStandard","model":"gpt-5.4-mini",' +
      '"modelVersion":"2026-03-05"},"operation":"chat.completions","stream":false,"requestedModel":"gpt-5.4-mini",' +
      '"priceBook":"book-1","outcome":"completed","measuredInput":"reported","measuredOutput":"reported",' +
      '"units":[1000,400,0,0,0,50,10,0,0,0,{"web_search":1},{}],"cost":["token","260000","260000",null,[]],' +
      '"lines":[["list","input",600,"p-input","150000",3],["list","cachedInput",400,"p-cached","10000",3],' +
      '["list","output",50,"p-output","100000",3]],"finishedAt":1772323201200,' +
      '"httpStatus":200,"serviceTier":"default","reportedModel":"gpt-5.4-mini-2026-03-05","spilledFrom":null,' +
      '"upstreamRequestId":"b6c2a6f0-7d1c-4c4f-9d0e-0d6f1c2b3a4d","timingUs":[250,310125,1180000,1200500]}',
  );
  assert.equal(
    headerText({ segment: 2, follows: 1, instance: 'j', createdAt: 5 }),
    '{"v":2,"kind":"header","segment":2,"follows":1,"instance":"j","createdAt":5}',
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
    units: { cachedInput: null, seconds: 3, characters: null, toolCalls: { web_search: 2 }, images: { 'high/1x1': 1 } },
    cost: {
      pricing: 'ptu',
      nanoUsd: null,
      listNanoUsd: 7n,
      internalNanoUsd: 8n,
      lines: [{ layer: 'internal', meter: 'output', units: 2, priceId: 'p "q"', nanoUsd: -8n }],
      unpriced: ['output'],
    },
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
    listNano: 7n,
    internalNano: 8n,
    unpriced: ['output'],
    lines: storedRecord(record).lines,
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
  });
});

test('a settle as a store has kept it says what the settle said', () => {
  const odd = usageRecord('a "b"', {
    requestId: 'r,"caller":1,"outcome":2',
    attempt: 2,
    caller: { endUser: 'f00d' },
    servedBy: { modelVersion: null },
    stream: true,
    reservedNano: 2n ** 62n,
    units: { cachedInput: null, toolCalls: { web_search: 2 }, images: { 'high/1x1': 1 } },
    cost: { nanoUsd: null, listNanoUsd: null, lines: [], unpriced: ['output "x"'] },
  });
  for (const record of [usageRecord('plain'), odd])
    assert.equal(storedSettleText(storedRecord(record)), settleText(record));
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
  assert.throws(() => decode('{"v":3,"kind":"settle","id":"a"}'), LaterVersion);
  const settle = settleText(usageRecord('a'));
  const unreadable = [
    'null',
    '{}',
    '{"v":0,"kind":"open"}',
    '{"v":1,"kind":"other"}',
    '{"v":2,"kind":"settle","id":"a"}',
    '{"v":1,"kind":"settle","id":"a"}',
    settle.replace('"completed"', '"invented"'),
    settle.replace('"units":[1000', '"units":["1000"'),
    settle.replace('"units":[1000', '"units":[1000.5'),
    settle.replace('"260000"', '260000'),
    settle.replace('"attempt":1', '"attempt":null'),
    settle.replace('"consumer":"marketing"', '"consumer":7'),
    settle.replace('"lines":', '"limes":'),
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
    Object.values(entry.record.units).slice(0, 10),
    Array.from({ length: 10 }, () => null),
  );
});

/** A settle as the first format wrote it. */
const firstSettle = (cost: string, lines: string): string =>
  '{"v":1,"kind":"settle","id":"a","requestId":"r","attempt":1,"at":5,"reservedNano":null,"endUser":null,' +
  '"caller":{"subscription":"s","product":"p","consumer":"c","costCentrePath":"o/c"},"servedBy":{"endpoint":"e",' +
  '"resource":"r","region":"g","deployment":"d","deploymentType":"GlobalStandard","model":"m","modelVersion":null},' +
  '"operation":"chat.completions","stream":false,"requestedModel":"m","priceBook":"b","outcome":"completed",' +
  `"measuredInput":"reported","measuredOutput":"reported","units":[7,1,0,0,0,5,0,0,{"web_search":1}],"cost":${cost},` +
  '"finishedAt":9,"httpStatus":200,"serviceTier":null,"reportedModel":null,"spilledFrom":null,' +
  `"upstreamRequestId":null,"timingUs":[1,2,3,4],"costLines":${lines}}`;

test('a settle of the first format is read, and its list price found in its lines', () => {
  const list = '["list","input",6,"p","10"]';
  // What each line is part of: its cost, its layer, or neither, because something has no price.
  const cases: [string, string, bigint | null, bigint | null, readonly number[]][] = [
    ['["token","12",[]]', `[${list},["list","output",5,"q","2"]]`, 12n, 12n, [3, 3]],
    ['["token","9",[]]', `[${list},["contracted","input",6,"k","7"],["list","output",5,"q","2"]]`, 9n, 12n, [2, 3, 3]],
    ['["token","12",[]]', `[${list},["contracted","output",5,"k","2"]]`, 12n, null, [1, 3]],
    ['["token",null,["output"]]', `[${list}]`, null, null, [4]],
    ['["ptu","0",[]]', '[]', 0n, 0n, []],
  ];
  for (const [cost, lines, costNano, listNano, standings] of cases) {
    const entry = decode(firstSettle(cost, lines));
    assert.ok(entry.kind === 'settle');
    const { record } = entry;
    assert.deepEqual([record.costNano, record.listNano, record.internalNano], [costNano, listNano, null], lines);
    const parts = JSON.parse(lines) as unknown[][];
    const expected = parts.map((part, index) => [...part, standings[index]]);
    assert.equal(record.lines, JSON.stringify(expected));
    assert.deepEqual(record.units.toolCalls, { web_search: 1 });
    assert.deepEqual([record.units.seconds, record.units.characters, record.units.images], [0, 0, {}]);
    assert.equal(record.detail.includes('costLines'), false);
    assert.deepEqual(JSON.parse(record.detail), {
      finishedAt: 9,
      httpStatus: 200,
      serviceTier: null,
      reportedModel: null,
      spilledFrom: null,
      upstreamRequestId: null,
      timingUs: [1, 2, 3, 4],
    });
  }
  assert.throws(() => decode(firstSettle('["token","12",[]]', '[["list"]]')), UnreadableEntry);
});

test('an adjustment comes back as it was', () => {
  const record = usageRecord('a');
  const lines = [
    { layer: 'list' as const, meter: 'input', units: -600, priceId: 'p', nanoUsd: -150_000n, standing: 3 },
  ];
  const booked = correction(record, {
    detail: '{"why":"a \\"price\\"","detail":{"deep":1}}',
    qualifies: 3,
    postings: [
      { ...posting(record, { cost: -5n, held: 2n, pricedAttempts: -1 }), lines },
      { ...posting(record), outcome: 'idle', series: { ...storedRecord(record).series, operation: 'none' } },
    ],
  });
  const allocation = correction(record, { kind: 'allocation', of: null, postings: [] });
  for (const adjustment of [booked, allocation])
    assert.deepEqual(decode(adjustmentText(adjustment)), { kind: 'adjustment', adjustment });
});

test('an adjustment that holds no amount, or is damaged, is refused', () => {
  const record = usageRecord('a');
  const tooMuch = correction(record, { postings: [posting(record, { cost: 2n ** 63n })] });
  const fraction = correction(record, { postings: [posting(record, { pricedAttempts: 0.5 })] });
  for (const adjustment of [tooMuch, fraction]) assert.throws(() => adjustmentText(adjustment), /recorded/);
  const text = adjustmentText(correction(record));
  for (const damaged of [
    text.replace('"correction"', '"invented"'),
    text.replace('"completed"', '"invented"'),
    text.replace('"change":["7"', '"change":[7'),
    text.replace('"qualifies":null', '"qualifies":"1"'),
    text.replace('"of":[', '"of":[[],'),
  ]) {
    assert.notEqual(damaged, text);
    assert.throws(() => decode(damaged), UnreadableEntry, damaged);
  }
});
