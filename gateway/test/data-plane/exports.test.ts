// Files for finance from a whole gateway: calls, corrections of nothing, and sums that agree everywhere.
import assert from 'node:assert/strict';
import { createHash, createPublicKey, verify } from 'node:crypto';
import { statSync } from 'node:fs';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { createCsvReader } from '@tollgate/contract/csv.ts';
import { add, decimalText, parseDecimal, usdOfNano, zero } from '@tollgate/contract/decimal.ts';
import { canonicalJson, exportSignatureSchema, type ExportKey } from '@tollgate/contract/export-signature.ts';
import { createFocusChecker } from '@tollgate/contract/focus/check.ts';
import type { UsageReport } from '@tollgate/contract/usage.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { call, configFor, keys, startStack, type RunningStack } from '../support/running-gateway.ts';

type Row = Readonly<Record<string, string>>;

function rowsOf(text: string): readonly Row[] {
  const reader = createCsvReader();
  const [header, ...rows] = [...reader.push(text), ...reader.end().rows];
  return rows.map((row) => Object.fromEntries((header?.cells ?? []).map((name, at) => [name, row.cells[at] ?? ''])));
}

function sumOf(rows: readonly Row[], column: string): string {
  const total = rows.reduce((sum, row) => add(sum, parseDecimal(row[column] ?? '') ?? zero), zero);
  return decimalText(total, 9);
}

const sha256Of = (text: string): string => createHash('sha256').update(text).digest('hex');
const usd = (nano: string | null): string => decimalText(usdOfNano(BigInt(nano ?? 0)), 9);

/** Teams with names that a spreadsheet or a page could trip over. */
const config = (url: string): string =>
  configFor(url).replace('organisation: contoso', 'organisation: contoso\ntimeZone: Europe/Amsterdam') +
  `
exports:
  organisationName: 'Contoso & Sons <B.V.>'
  billingAccountId: '12345678'
  statementNote: 'Questions: finance@contoso.example'
`;

suite('exports of a running gateway', () => {
  const afters: (() => unknown)[] = [];
  let stack: RunningStack;
  before(async () => {
    // The last hour of November in Amsterdam, and, with the calls behind, the first of December.
    const clock = new ManualClock(Date.parse('2026-11-30T22:10:00Z'));
    stack = await startStack(
      { after: (run) => void afters.push(run as () => unknown) },
      { config, overrides: { clock } },
    );
    await chats([keys.marketing, keys.finance, keys.marketing]);
    clock.advance(3_600_000);
    await chats([keys.finance]);
  });
  after(async () => {
    for (const run of afters) await run();
  });

  async function chats(callers: readonly string[]): Promise<void> {
    for (const key of callers) {
      const body = { model: 'gpt-5.4-mini', messages: [{ role: 'user', content: 'Hello' }] };
      const answer = await call(`${stack.url}/openai/v1/chat/completions`, { headers: { 'api-key': key }, body });
      assert.equal(answer.status, 200, answer.body);
    }
  }

  async function exported(query: string): Promise<string> {
    const { status, text } = await stack.admin(`/admin/v1/exports/${query}`);
    assert.equal(status, 200, text);
    return text;
  }

  const november = 'from=2026-10-31T23:00:00Z&to=2026-11-30T23:00:00Z';

  async function reported(by: string): Promise<UsageReport> {
    return (await stack.admin(`/admin/v1/usage?by=${by}&${november}&waitMs=20000`)).json as UsageReport;
  }

  test('come to what the usage report says, to the nano-USD, whatever their kind', async () => {
    const { total } = await reported('consumer');
    assert.equal(total.requests, 3);
    const cost = usd(total.costNanoUsd);
    assert.equal(sumOf(rowsOf(await exported('focus?month=2026-11')), 'EffectiveCost'), cost);
    assert.equal(sumOf(rowsOf(await exported('csv?month=2026-11')), 'costUsd'), cost);
    assert.equal(sumOf(rowsOf(await exported('statement?month=2026-11&format=csv')), 'costUsd'), cost);
    const json = JSON.parse(await exported('json?month=2026-11')) as { totals: { costNanoUsd: string } };
    assert.equal(json.totals.costNanoUsd, total.costNanoUsd);
    assert.equal(await exported(`csv?${november}`), await exported('csv?month=2026-11'));
    assert.match(await exported('statement?month=2026-11'), new RegExp(cost.slice(0, cost.indexOf('.') + 3)));
  });

  test('come to the same under the same filter', async () => {
    const { rows } = await reported('cost-centre');
    const marketing = rows.find((row) => row.key === 'contoso/marketing');
    const named = await stack.admin(`/admin/v1/usage?by=consumer&${november}&filter=cost-centre%3Dmarketing`);
    assert.equal((named.json as UsageReport).total.costNanoUsd, marketing?.costNanoUsd);
    for (const filter of ['cost-centre=marketing', 'cost-centre=contoso/marketing', 'consumer=marketing'])
      assert.equal(
        sumOf(rowsOf(await exported(`focus?month=2026-11&filter=${encodeURIComponent(filter)}`)), 'EffectiveCost'),
        usd(marketing?.costNanoUsd ?? null),
        filter,
      );
    const statement = await exported('statement?month=2026-11&costCentre=marketing&format=csv');
    assert.equal(sumOf(rowsOf(statement), 'costUsd'), usd(marketing?.costNanoUsd ?? null));
  });

  test('put every call into the month of the organisation, not of UTC', async () => {
    const rows = rowsOf(await exported('csv?from=2026-11&to=2027'));
    assert.deepEqual([...new Set(rows.map((row) => row['month']))], ['2026-11', '2026-12']);
    const december = rowsOf(await exported('focus?month=2026-12'));
    assert.deepEqual([...new Set(december.map((row) => row['BillingPeriodStart']))], ['2026-11-30T23:00:00Z']);
    assert.ok(december.every((row) => row['SubAccountId'] === 'finance'));
  });

  test('keep the rules of FOCUS, with the names of the configuration', async () => {
    const rows = [];
    const checker = createFocusChecker();
    const reader = createCsvReader();
    const text = await exported('focus?month=2026-11');
    for (const row of [...reader.push(text), ...reader.end().rows]) rows.push(row);
    for (const [at, row] of rows.entries())
      if (at === 0) checker.header(row.cells, row.line);
      else checker.row(row.cells, row.line);
    assert.deepEqual(checker.result().problems, []);
    for (const row of rowsOf(text)) {
      assert.equal(row['BillingAccountId'], '12345678');
      assert.equal(row['BillingAccountName'], 'Contoso & Sons <B.V.>');
      assert.equal(row['x_UnitPriceDerived'], 'false');
      assert.ok(['Marketing', 'Finance'].includes(row['x_CostCentreName'] ?? ''));
    }
  });

  test('escape what the configuration says on a page', async () => {
    const page = await exported('statement?month=2026-11');
    assert.match(page, /Contoso &amp; Sons &lt;B\.V\.&gt;/);
    assert.match(page, /Questions: finance@contoso\.example/);
    assert.doesNotMatch(page, /<B\.V\.>|<script/);
  });

  test('are signed with a key of the data folder, which is for its owner alone', async () => {
    const text = await exported('focus?month=2026-11');
    const sha256 = sha256Of(text);
    const signature = exportSignatureSchema.parse(
      (await stack.admin(`/admin/v1/exports/signature?sha256=${sha256}`)).json,
    );
    const { publicKey, keyId } = (await stack.admin('/admin/v1/exports/key')).json as ExportKey;
    assert.equal(signature.keyId, keyId);
    const bytes = Buffer.from(canonicalJson(signature.signed));
    assert.equal(verify(null, bytes, createPublicKey(publicKey), Buffer.from(signature.signature, 'base64')), true);
    const { total } = await reported('consumer');
    assert.equal(signature.signed.totals.costNanoUsd, total.costNanoUsd);
    assert.equal(signature.signed.bytes, Buffer.byteLength(text));
    assert.equal(statSync(path.join(stack.dataFolder, 'export-key.pem')).mode & 0o777, 0o600);
    assert.match(await exported('statement?month=2026-11'), new RegExp(keyId));
  });

  test('of a month without calls are a header alone', async () => {
    assert.equal(rowsOf(await exported('focus?month=2020-02')).length, 0);
    assert.match(await exported('statement?month=2020-02'), /Nothing was used/);
  });

  test('are refused with everything that is wrong', async () => {
    const asked = 'csv?month=2026-13&from=2026-11&filter=cost-centre%3Dnope&filter=colour%3Dred&filter=web';
    const { status, json } = await stack.admin(`/admin/v1/exports/${asked}`);
    assert.equal(status, 400);
    const { error } = json as { error: { details: string[] } };
    assert.equal(error.details.length, 5, error.details.join('\n'));
  });

  test('are the same after a restart, and signed with the same key', async () => {
    const first = sha256Of(await exported('focus?month=2026-11'));
    const { keyId } = (await stack.admin('/admin/v1/exports/key')).json as ExportKey;
    await stack.gateway.drain('test');
    stack = await stack.restart();
    assert.equal(sha256Of(await exported('focus?month=2026-11')), first);
    assert.equal(((await stack.admin('/admin/v1/exports/key')).json as ExportKey).keyId, keyId);
  });
});
