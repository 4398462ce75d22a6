import assert from 'node:assert/strict';
import { suite, test, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { RunningTwin } from '#server.ts';
import { call, json, twinFor, type Got } from './support/call.ts';
import { ManualClock } from './support/manual-clock.ts';

const rule = 'dcr-1';
const stream = 'Custom-Usage_CL';
const audience = 'https://monitor.azure.com';

async function ingesting(context: TestContext): Promise<{ readonly twin: RunningTwin; readonly clock: ManualClock }> {
  const clock = new ManualClock();
  const columns = [
    { name: 'TimeGenerated', type: 'datetime' },
    { name: 'RecordId', type: 'string' },
  ] as const;
  return { clock, twin: await twinFor(context, { clock, logs: { [rule]: { [stream]: { columns: [...columns] } } } }) };
}

interface Upload {
  readonly rows?: unknown;
  readonly token?: string;
  readonly to?: string;
  readonly zipped?: boolean;
}

function upload(twin: RunningTwin, { rows = [], token, to, zipped = false }: Upload): Promise<Got> {
  const text = JSON.stringify(rows);
  return call(twin, {
    path: to ?? `/dataCollectionRules/${rule}/streams/${stream}?api-version=2023-01-01`,
    body: zipped ? gzipSync(text) : text,
    headers: {
      authorization: `Bearer ${token ?? twin.azure.token({ audience })}`,
      ...(zipped ? { 'content-encoding': 'gzip' } : {}),
    },
  });
}

void suite('the Logs Ingestion API', () => {
  test('takes rows, zipped or not; what no column is declared for vanishes without a word', async (context) => {
    const { twin, clock } = await ingesting(context);
    const now = new Date(clock.now()).toISOString();
    for (const zipped of [false, true])
      assert.equal(
        (await upload(twin, { zipped, rows: [{ TimeGenerated: now, RecordId: 'a', Secret: 'b' }] })).status,
        204,
      );
    const row = { TimeGenerated: now, RecordId: 'a' };
    assert.deepEqual(json(await call(twin, { path: `/_twin/logs?stream=${stream}` })).rows, [row, row]);
  });

  test('puts the time of receipt where a row’s own is older than two days, or none', async (context) => {
    const { twin, clock } = await ingesting(context);
    const ago = (ms: number): string => new Date(clock.now() - ms).toISOString();
    const day = 86_400_000;
    await upload(twin, { rows: [{ TimeGenerated: ago(day) }, { TimeGenerated: ago(2 * day + 1) }, { RecordId: 'x' }] });
    assert.deepEqual(
      twin.azure.logs.rows(stream).map((row) => row['TimeGenerated']),
      [ago(day), ago(0), ago(0)],
    );
  });

  for (const [what, asked, status, code] of [
    ['a token for somebody else', { token: 'no-token' }, 401, 'InvalidTokenAudience'],
    ['an unknown rule', { to: `/dataCollectionRules/dcr-2/streams/${stream}?api-version=2023-01-01` }, 404, 'NotFound'],
    [
      'an unknown stream',
      { to: `/dataCollectionRules/${rule}/streams/Custom-X?api-version=2023-01-01` },
      400,
      'InvalidStream',
    ],
    ['no api-version', { to: `/dataCollectionRules/${rule}/streams/${stream}` }, 400, 'MissingApiVersionParameter'],
    ['no array', { rows: {} }, 400, 'InvalidRequest'],
    ['more than a megabyte', { rows: ['x'.repeat(1024 * 1024)], zipped: true }, 413, 'ContentLengthLimitExceeded'],
  ] as const)
    test(`refuses ${what}: ${code}`, async (context) => {
      const { twin } = await ingesting(context);
      const answer = await upload(twin, asked);
      assert.deepEqual([answer.status, json(answer).error.code], [status, code]);
      assert.deepEqual(twin.azure.logs.rows(stream), []);
    });

  test('a token of another service is refused, and one that has expired', async (context) => {
    const { twin } = await ingesting(context);
    const tokens = [
      twin.azure.token({ audience: 'https://ai.azure.com' }),
      twin.azure.token({ audience, lifetimeSeconds: -1 }),
    ];
    for (const token of tokens) assert.equal((await upload(twin, { token })).status, 401);
  });
});

void suite('queries of the workspace', () => {
  const workspace = { id: '7a0f1c00-0000-4000-8000-0000000000aa', delayMs: 60_000 };
  const query = 'Usage_CL | where RecordId == "b" | project RecordId, TimeGenerated';

  async function filled(context: TestContext) {
    const clock = new ManualClock();
    const columns = [
      { name: 'TimeGenerated', type: 'datetime' },
      { name: 'RecordId', type: 'string' },
    ] as const;
    const logs = { [rule]: { [stream]: { columns: [...columns] } } };
    const twin = await twinFor(context, { clock, logs, workspace });
    await upload(twin, { rows: [{ RecordId: 'a' }, { RecordId: 'b' }] });
    const ask = (
      text: string,
      to = workspace.id,
      token = twin.azure.token({ audience: 'https://api.loganalytics.io' }),
    ) =>
      call(twin, {
        path: `/v1/workspaces/${to}/query`,
        body: JSON.stringify({ query: text }),
        headers: { authorization: `Bearer ${token}` },
      });
    return { twin, clock, ask };
  }

  test('find a row by its column, some time after it arrived', async (context) => {
    const { clock, ask } = await filled(context);
    const [before] = json(await ask(query)).tables;
    assert.deepEqual(before.rows, []);
    clock.advance(60_000);
    const [after] = json(await ask(query)).tables;
    assert.deepEqual(
      after.columns.map((one: { name: string }) => one.name),
      ['RecordId', 'TimeGenerated'],
    );
    assert.deepEqual(
      after.rows.map(([id]: string[]) => id),
      ['b'],
    );
  });

  test('are refused without a token for them, elsewhere, and where they are no question that is understood', async (context) => {
    const { twin, ask } = await filled(context);
    const statuses = [
      await ask(query, workspace.id, twin.azure.token({ audience })),
      await ask(query, '7a0f1c00-0000-4000-8000-0000000000bb'),
      await ask('Usage_CL | take 10'),
      await ask('None_CL | where RecordId == "b"'),
      await ask('Usage_CL | where Nothing == "b"'),
    ].map(({ status }) => status);
    assert.deepEqual(statuses, [401, 404, 400, 400, 400]);
  });
});
