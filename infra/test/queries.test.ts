import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { readTemplates, TemplateSet } from '../../tools/bicep/template-set.ts';
import { asText } from '../../tools/bicep/values.ts';
import { parseQuery } from '../../tools/kql/parse.ts';
import { runQuery, type Row, type Table } from '../../tools/kql/run.ts';
import { dashboardPicture } from './support/dashboard-picture.ts';
import { at, listAt, made } from './support/problems.ts';
import { profiles } from './support/profiles.ts';
import { infraFolder, readInfra, repositoryRoot, snapshot } from './support/snapshot.ts';
import { columnsOf, sampleDay } from './support/tables.ts';

const files = globSync('queries/*.kql', { cwd: infraFolder }).toSorted();
const deployment = snapshot(new TemplateSet(readTemplates(infraFolder)), profiles.get('full') ?? {});
const day = sampleDay();

function outcome(text: string): Table {
  const query = parseQuery(text);
  const columns = columnsOf[query.table];
  assert.ok(columns !== undefined, `there is no table ${query.table}`);
  return runQuery(query, { columns, rows: query.table === 'TollgateUsage_CL' ? day.rows : [] });
}
const named = (file: string): Table => outcome(readInfra(`queries/${file}.kql`));

test('every query asks tables that there are for columns that they have, and says what it is for', () => {
  for (const file of files) {
    outcome(readInfra(file));
    assert.match(readInfra(file), /^\/\/ .+\.\n/, file);
  }
});

test('every query is used, and counts a record that arrived twice once', () => {
  const bicep = globSync('core/**/*.bicep', { cwd: infraFolder }).map(readInfra).join('\n');
  for (const file of files) {
    assert.ok(bicep.includes(`'../../${file}'`), file);
    if (readInfra(file).includes('TollgateUsage_CL'))
      assert.match(
        readInfra(file),
        /TollgateUsage_CL\n\| where Outcome != 'doctor'\n\| summarize arg_max\(TimeGenerated, \*\) by RecordId\n/,
        file,
      );
  }
  const twice = runQuery(parseQuery(readInfra('queries/tokens-share-per-consumer.kql')), {
    ...day,
    rows: [...day.rows, ...day.rows],
  });
  assert.deepEqual(twice.rows, named('tokens-share-per-consumer').rows);
});

test('rows that doctor has written are no attempts, whatever is asked', () => {
  const when = day.rows[0]?.['At'] ?? null;
  const row: Row = { TimeGenerated: when, At: when, RecordId: 'doctor-1', RequestId: 'doctor-1', Outcome: 'doctor' };
  // What ingestion leaves out is empty: a text, or no number.
  const written = Object.fromEntries(day.columns.map((column) => [column, row[column] ?? null]));
  for (const file of files) {
    const query = parseQuery(readInfra(file));
    if (query.table !== 'TollgateUsage_CL') continue;
    for (const rows of [[written], Array.from({ length: 50 }, (_, n) => ({ ...written, RecordId: `doctor-${n}` }))])
      assert.deepEqual(
        runQuery(query, { ...day, rows: [...day.rows, ...rows] }),
        runQuery(query, { ...day, rows: day.rows }),
        file,
      );
  }
});

/** A row of `AppRequests`, which stands for so many requests. */
const request = (AppRoleName: string, ResultCode: string, ItemCount: number): Row => ({
  AppRoleName,
  ResultCode,
  ItemCount,
});

/** What a replica reports, minute by minute, of batches that could not be metered. */
const looks = (instance: string, ...unreadable: readonly number[]): readonly Row[] =>
  unreadable.map((Min) => ({ Name: 'tollgate_batches_unreadable', AppRoleInstance: instance, Min, Max: Min + 1 }));

function asked(file: string, telemetry: readonly Row[]): readonly Row[] {
  const query = parseQuery(readInfra(file));
  return runQuery(query, { columns: columnsOf[query.table] ?? [], rows: telemetry }).rows;
}

const sumOf = ({ rows }: Table, column: string): number => rows.reduce((total, row) => total + Number(row[column]), 0);

describe('what the queries say of a day', () => {
  const tokens = day.rows.reduce((sum, row) => sum + Number(row['TotalTokens'] ?? 0), 0);

  test('tokens of consumers, and over time, are all tokens', () => {
    assert.equal(sumOf(named('tokens-share-per-consumer'), 'Tokens'), tokens);
    assert.equal(sumOf(named('tokens-per-consumer-over-time'), 'Tokens'), tokens);
    assert.deepEqual(
      named('tokens-share-per-consumer').rows.map(({ Consumer }) => Consumer),
      ['marketing', 'finance', 'sales'],
    );
  });

  test('cost is that of what has a price, and what has none is counted beside it', () => {
    const cost = named('cost-per-cost-centre');
    const nano = day.rows.reduce((total, row) => total + Number(row['CostNanoUsd'] ?? 0), 0);
    assert.ok(Math.abs(sumOf(cost, 'CostUsd') - nano / 1e9) < 1e-5);
    assert.equal(sumOf(cost, 'Unpriced'), day.rows.filter(({ Unpriced }) => Unpriced !== '').length);
    assert.ok(sumOf(cost, 'Unpriced') > 0);
  });

  test('failures, response times, deployments, measuring', () => {
    assert.equal(
      sumOf(named('failed-requests'), 'Failed'),
      day.rows.filter(({ Outcome }) => Outcome !== 'completed').length,
    );
    for (const { MedianMs, SlowMs, FirstByteMs } of named('response-time').rows)
      assert.ok(Number(FirstByteMs) < Number(MedianMs) && Number(MedianMs) <= Number(SlowMs));
    assert.equal(sumOf(named('deployments'), 'Attempts'), day.rows.length);
    assert.equal(sumOf(named('how-measured'), 'Attempts'), day.rows.length);
  });

  test('alerts', () => {
    assert.ok(named('alert-throttling').rows.every(({ Share }) => Number(Share) > 0 && Number(Share) < 20));
    assert.equal(sumOf(named('alert-unpriced'), 'Unpriced'), day.rows.filter(({ Unpriced }) => Unpriced !== '').length);
    const quiet = outcome(readInfra('queries/alert-server-errors.kql'));
    assert.deepEqual(quiet, { columns: ['AppRoleName', 'Share'], rows: [] });
  });

  test('a gateway that reports nothing is seen by a number, not by rows that are not there', () => {
    assert.deepEqual(asked('queries/alert-silent.kql', []), [{ Reports: 0 }]);
    const report = { Name: 'tollgate_ledger_backlog_age_seconds' };
    assert.deepEqual(asked('queries/alert-silent.kql', [report, { Name: 'another' }]), [{ Reports: 1 }]);
    const [silent] = made(deployment, 'Microsoft.Insights/scheduledQueryRules').filter(
      ({ name }) => name === 'tollgate-silent',
    );
    const [criterion = ''] = listAt(silent?.body, 'properties.criteria.allOf');
    assert.deepEqual([at(criterion, 'operator'), at(criterion, 'threshold')], ['LessThan', 1]);
  });

  test('a batch is told that no look could meter, and not one that a single look could not', () => {
    const another = { Name: 'tollgate_batches_pending', AppRoleInstance: 'lasting', Min: 0, Max: 9 };
    const rows = [...looks('lasting', 2, 1, 3), ...looks('once', 0, 1, 0), ...looks('idle', 0, 0), another];
    assert.deepEqual(asked('queries/alert-batches.kql', rows), [
      { AppRoleInstance: 'lasting', Unreadable: 1 },
      { AppRoleInstance: 'once', Unreadable: 0 },
      { AppRoleInstance: 'idle', Unreadable: 0 },
    ]);
    const [rule] = made(deployment, 'Microsoft.Insights/scheduledQueryRules').filter(
      ({ name }) => name === 'tollgate-batches',
    );
    const [criterion = ''] = listAt(rule?.body, 'properties.criteria.allOf');
    assert.deepEqual(
      ['operator', 'threshold', 'timeAggregation'].map((member) => at(criterion, member)),
      ['GreaterThan', 0, 'Maximum'],
    );
  });

  test('of telemetry that is sampled, a row counts for as many requests as it stands for', () => {
    const rows = [
      ...Array.from({ length: 19 }, () => request('api-management', '200', 10)),
      ...Array.from({ length: 10 }, () => request('api-management', '503', 1)),
      ...Array.from({ length: 19 }, () => request('tollgate', '500', 1)),
    ];
    // 10 of 200, not 10 of 29; the gateway stays below twenty requests.
    assert.deepEqual(asked('queries/alert-server-errors.kql', rows), [{ AppRoleName: 'api-management', Share: 5 }]);
    const edge = { AppRoleName: 'tollgate', Target: 'oai-1', Success: false, DurationMs: 10, ItemCount: 4 };
    const map = asked('queries/application-map.kql', [edge, { ...edge, Success: true, ItemCount: 6 }]);
    assert.deepEqual(
      map.map(({ Calls, Failed }) => [Calls, Failed]),
      [[10, 4]],
    );
  });
});

test('alert rules measure and split by columns that their query gives', () => {
  for (const rule of made(deployment, 'Microsoft.Insights/scheduledQueryRules')) {
    const criterion = listAt(rule.body, 'properties.criteria.allOf')[0];
    const { columns } = outcome(asText(at(criterion, 'query') ?? ''));
    const wanted = [
      at(criterion, 'metricMeasureColumn'),
      ...listAt(criterion, 'dimensions').map((one) => at(one, 'name')),
    ];
    for (const column of wanted)
      assert.ok(columns.includes(asText(column ?? '')), `${rule.name}: ${asText(column ?? '')}`);
  }
});

test('tiles of the dashboard draw columns that their query gives; the original has no tile that is not there', () => {
  const [dashboard] = made(deployment, 'Microsoft.Portal/dashboards');
  const parts = listAt(dashboard?.body, 'properties.lenses.0.parts');
  const titles: string[] = [];
  for (const part of parts) {
    const inputs = Object.fromEntries(
      listAt(part, 'metadata.inputs').map((one) => [asText(at(one, 'name') ?? ''), at(one, 'value')]),
    );
    if (inputs['Query'] === undefined) continue;
    titles.push(asText(inputs['PartTitle'] ?? ''));
    const { columns } = outcome(asText(inputs['Query']));
    const drawn = [
      at(inputs['Dimensions'], 'xAxis'),
      ...listAt(inputs['Dimensions'], 'yAxis'),
      ...listAt(inputs['Dimensions'], 'splitBy'),
    ];
    for (const column of drawn)
      assert.ok(
        columns.includes(asText(at(column, 'name') ?? '')),
        `${titles.at(-1) ?? ''}: ${asText(at(column, 'name') ?? '')}`,
      );
  }
  assert.deepEqual(titles, [
    'Share of tokens per consumer',
    'Tokens per consumer over time',
    'Failed requests',
    'Server response time',
    'Cost per cost centre',
  ]);
  assert.ok(
    parts.some((part) => asText(at(part, 'metadata.type') ?? '').endsWith('AppMapButtonPart')),
    'the application map',
  );
});

test('the workbook has every query that is no alert, and asks the workspace', () => {
  const [workbook] = made(deployment, 'Microsoft.Insights/workbooks');
  const { items } = JSON.parse(asText(at(workbook?.body, 'properties.serializedData') ?? ''));
  const queries = items.flatMap(({ content }: { content: { query?: string } }) =>
    content.query === undefined ? [] : [content.query],
  );
  assert.deepEqual(
    queries.toSorted(),
    files
      .filter((file) => !file.includes('alert-'))
      .map(readInfra)
      .toSorted(),
  );
});

test('the metric and the line of the log that alerts watch are ones that the gateway has', () => {
  const metrics = ['alert-ledger-backlog', 'alert-silent', 'alert-batches'].map(
    (file) => /Name == '([a-z_]+)'/.exec(readInfra(`queries/${file}.kql`))?.[1] ?? '',
  );
  const [, line = ''] = /Log has '([^']+)'/.exec(readInfra('queries/alert-budget.kql')) ?? [];
  const sources = globSync('gateway/src/**/*.ts', { cwd: repositoryRoot }).map((file) =>
    readFileSync(path.join(repositoryRoot, file), 'utf8'),
  );
  for (const text of [...metrics, line])
    assert.ok(
      sources.some((source) => source.includes(`'${text}'`)),
      text,
    );
});

test('a query that is wrong is noticed', () => {
  for (const text of [
    'TollgateUsage_CL | where Consumr == 1',
    'TollgateUsage_CL | summarize X = sums(TotalTokens)',
    'Nothing | take 1',
    'TollgateUsage_CL | wher Model == 1',
    'TollgateUsage_CL | project A = sum(TotalTokens)',
  ])
    assert.throws(() => outcome(text), Error, text);
});

test('the picture in the documents is the dashboard of these templates', () => {
  assert.equal(
    readFileSync(path.join(repositoryRoot, 'docs/azure/dashboard.svg'), 'utf8'),
    dashboardPicture(),
    'node infra/test/draw-dashboard.ts',
  );
});
