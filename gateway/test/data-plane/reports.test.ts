import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { test } from 'node:test';
import { adminErrorSchema } from '@tollgate/contract/admin-api/operations.ts';
import { usageRecordsSchema, usageRequestSchema } from '@tollgate/contract/admin-api/usage.ts';
import { usageReportSchema } from '@tollgate/contract/usage.ts';
import { call, configFor, keys, startStack, type RunningStack } from '../support/running-gateway.ts';

const path = '/openai/v1/chat/completions';
const messages = [{ role: 'user', content: 'Hello' }];
const inAmsterdam = `
timeZone: Europe/Amsterdam
currencies: { EUR: [{ from: 2020-01-01, perUsd: 0.5 }] }
`;

async function detailsOf(stack: RunningStack, query: string): Promise<readonly string[]> {
  const { status, json } = await stack.admin(`/admin/v1/usage?${query}`);
  assert.equal(status, 400);
  return adminErrorSchema.parse(json).error.details ?? [];
}

test('a call is followed from the bill to its cost lines, in the time zone and the currency of the configuration', async (context) => {
  const stack = await startStack(context, { config: (twin) => configFor(twin) + inAmsterdam });
  const reply = await call(`${stack.url}${path}`, {
    headers: { 'api-key': keys.marketing },
    body: { model: 'gpt-5.4-mini', messages },
  });
  assert.equal(reply.status, 200, reply.body);
  const requestId = String(reply.headers['x-request-id']);

  const found = await stack.admin(`/admin/v1/usage/requests/${requestId}`);
  assert.equal(found.status, 200, found.text);
  const [attempt, ...others] = usageRequestSchema.parse(found.json).attempts;
  assert.deepEqual([attempt?.consumer, attempt?.outcome, others], ['marketing', 'completed', []]);
  assert.ok(attempt !== undefined && attempt.lines.length > 0 && attempt.costNanoUsd !== null);

  const query = 'by=consumer,day&currency=EUR&from=2020&filter=consumer==marketing';
  const report = usageReportSchema.parse((await stack.admin(`/admin/v1/usage?${query}`)).json);
  const [row] = report.rows;
  assert.equal(report.timeZone, 'Europe/Amsterdam');
  assert.ok(row?.bucket !== undefined && row.bucket !== null);
  const localDay = new Intl.DateTimeFormat('sv-SE', { timeZone: 'Europe/Amsterdam', dateStyle: 'short' });
  assert.equal(row.bucket.label, localDay.format(Date.parse(attempt.at)));
  assert.equal(row.costNanoUsd, attempt.costNanoUsd);
  // Half of it: the rate is 0.5.
  assert.equal(Math.round(Number(row.amount) * 2e9), Number(attempt.costNanoUsd));

  const cell = `filter=consumer==marketing&from=${row.bucket.from}&to=${row.bucket.to}`;
  const { entries } = usageRecordsSchema.parse((await stack.admin(`/admin/v1/usage/records?${cell}`)).json);
  assert.deepEqual(
    entries.map((one) => (one.kind === 'record' ? one.record.id : one.kind)),
    [attempt.id],
  );
});

test('a team that used nothing yet is no mistake, one that does not exist is; a currency comes with a reload', async (context) => {
  const stack = await startStack(context);
  const unused = await stack.admin('/admin/v1/usage?filter=consumer=finance&filter=cost-centre=contoso');
  assert.equal(unused.status, 200, unused.text);
  assert.deepEqual(await detailsOf(stack, 'filter=consumer=finanse&currency=EUR&timeZone=Amsterdam'), [
    "timeZone: 'Amsterdam' is no time zone of the IANA database, such as Europe/Amsterdam or UTC. Did you mean 'Europe/Amsterdam'?",
    "currency: there is no rate for 'EUR'. Known: USD. `currencies` of the configuration adds one.",
    "filter: consumer: nothing was ever used by 'finanse', and the configuration has no such name. Did you mean 'finance'?",
  ]);
  appendFileSync(stack.configFile, inAmsterdam);
  assert.equal((await stack.admin('/admin/v1/config/reload', { method: 'POST' })).status, 200);
  const report = usageReportSchema.parse((await stack.admin('/admin/v1/usage?currency=EUR')).json);
  assert.deepEqual([report.currency.code, report.timeZone], ['EUR', 'Europe/Amsterdam']);
});
