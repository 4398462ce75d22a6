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
